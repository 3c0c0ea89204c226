"""What would it take on a real accelerator? A stated cost model, in nanoseconds and bytes.

Each kernel costs the host its launch, and the device the larger of a floor and the bytes that it
reads and writes over the memory's bandwidth. Each copy over the link costs a latency and its bytes
over the link's bandwidth, which is lower from and to memory that is not page-locked. Arithmetic is
not charged: kernels of image processing are bound by memory, large matrix products are not, and for
those the model is too kind. One operator of torch counts as one kernel.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LAPTOP", "SERVER", "CostModel"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CostModel:
    """Prices of an emulated accelerator. All are settable; see `LAPTOP` and `SERVER`.

    Attributes:
        name: for reports.
        launch_us: what the host takes to launch one kernel or to start one copy, in microseconds.
        kernel_us: the least that a kernel takes on the device, in microseconds.
        memory_gb_per_s: bandwidth of the device's own memory, in 10^9 bytes a second.
        link_gb_per_s: bandwidth between page-locked host memory and the device.
        pageable_gb_per_s: the same from and to ordinary host memory, which the driver stages.
        link_us: latency of one copy over the link, in microseconds.

    Raises:
        ValueError: a bandwidth that is not above zero, or a time below zero.
    """

    name: str = "laptop"
    launch_us: float = 6.0
    kernel_us: float = 2.0
    memory_gb_per_s: float = 250.0
    link_gb_per_s: float = 12.0
    pageable_gb_per_s: float = 5.0
    link_us: float = 8.0

    def __post_init__(self) -> None:
        for name in ("memory_gb_per_s", "link_gb_per_s", "pageable_gb_per_s"):
            if not getattr(self, name) > 0:
                raise ValueError(
                    f"{name}={getattr(self, name)!r} is no bandwidth; give one above 0"
                )
        for name in ("launch_us", "kernel_us", "link_us"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name}={getattr(self, name)!r} is no time; give 0 or more")

    def launch_ns(self) -> int:
        """What the host takes for one launch."""
        return round(self.launch_us * 1000)

    def kernel_ns(self, nbytes: int) -> int:
        """What the device takes for a kernel that reads and writes `nbytes`."""
        return round(max(self.kernel_us * 1000, nbytes / self.memory_gb_per_s))

    def copy_ns(self, nbytes: int, *, is_pinned: bool) -> int:
        """What the link takes for `nbytes`, from or to page-locked memory or any other."""
        bandwidth = self.link_gb_per_s if is_pinned else self.pageable_gb_per_s
        return round(self.link_us * 1000 + nbytes / bandwidth)

    def __str__(self) -> str:
        return (
            f"{self.name}: link {self.link_gb_per_s:g} GB/s ({self.pageable_gb_per_s:g} pageable) "
            f"and {self.link_us:g} us, memory {self.memory_gb_per_s:g} GB/s, "
            f"launch {self.launch_us:g} us"
        )


LAPTOP = CostModel()
"""A discrete GPU of a laptop: PCIe 3.0 x16, of whose 15.75 GB/s about 12 arrive; GDDR6."""

SERVER = CostModel(
    name="server",
    launch_us=4.0,
    kernel_us=1.5,
    memory_gb_per_s=4800.0,
    link_gb_per_s=55.0,
    pageable_gb_per_s=12.0,
    link_us=6.0,
)
"""An H200: 4.8 TB/s of HBM3e (its data sheet), PCIe 5.0 x16, of whose 63 GB/s about 55 arrive."""
