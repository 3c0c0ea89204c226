"""What does this machine have, and what would each missing thing give?

Every check is a small function that answers with a `Finding`; nothing is installed or changed.
"""

from __future__ import annotations

import importlib.util
import platform
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.demos import machine
from toolkit.demos.opencv import GET_OPENCV, find_opencv

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked for. `found` is None when it is missing; then `gives` and `get` matter."""

    area: str
    name: str
    found: str | None
    gives: str = ""
    get: str = ""


_DECODERS = ("h264", "hevc", "vp9", "libdav1d", "mjpeg")
_ENCODERS = ("libx264", "mpeg4", "libx265", "libvpx-vp9", "libsvtav1", "h264_nvenc")
_INPUTS = {
    "lavfi": "generated test pictures",
    "mpegts": "streams over UDP",
    "rtsp": "network cameras",
    "video4linux2,v4l2": "cameras on Linux",
    "avfoundation": "cameras on macOS",
    "dshow": "cameras on Windows",
}
_CAMERA_INPUT = {"Linux": "video4linux2,v4l2", "Darwin": "avfoundation", "Windows": "dshow"}
_LIBRARIES = ("torch", "kornia", "av", "numpy", "safetensors", "simplejpeg", "anywidget")


def examine() -> list[Finding]:
    """Look for everything the toolkit can use, one finding each."""
    return [
        *_devices(),
        *_libraries(),
        *_video(),
        *_cameras(),
        *_jupyter(),
        *_toolchain(),
    ]


def as_json(findings: list[Finding]) -> dict[str, object]:
    """The findings by area, and those that are missing once more in a list of their own."""
    areas: dict[str, dict[str, str | None]] = {}
    for finding in findings:
        areas.setdefault(finding.area, {})[finding.name] = finding.found
    missing = [asdict(finding) for finding in findings if finding.found is None]
    return {"machine": machine.describe_machine(), "found": areas, "missing": missing}


def print_table(findings: list[Finding], console: Console) -> None:
    """Print what is there, then for each missing thing what it would give and how to get it."""
    from rich.table import Table

    there = Table(title="This machine has", title_justify="left")
    for column in ("area", "what", "found"):
        there.add_column(column, overflow="fold")
    absent = Table(title="It does not have", title_justify="left")
    for column in ("what", "what it would give", "how to get it"):
        absent.add_column(column, overflow="fold")
    area = ""
    for finding in findings:
        if finding.found is None:
            absent.add_row(finding.name, finding.gives, finding.get)
        else:
            there.add_row("" if finding.area == area else finding.area, finding.name, finding.found)
            area = finding.area
    console.print(there)
    if absent.row_count:
        console.print(absent)


def _devices() -> Iterator[Finding]:
    import torch
    from torch.utils import backend_registration

    yield Finding("devices", "cpu", f"{machine.cpu_model()}, {machine.cores()} cores")
    cuda = None
    if torch.cuda.is_available():
        gibibytes = torch.cuda.get_device_properties(0).total_memory / 2**30
        cuda = f"{torch.cuda.get_device_name()}, {gibibytes:.0f} GiB"
    yield Finding(
        "devices",
        "cuda",
        cuda,
        "stages on an NVIDIA GPU, and decoding on it",
        "an NVIDIA GPU with its driver, and a CUDA build of torch: see pytorch.org/get-started",
    )
    mps = "Metal by torch" if torch.backends.mps.is_available() else None
    yield Finding("devices", "mps", mps, "stages on the GPU of an Apple computer", "a Mac with M1+")
    is_possible = hasattr(backend_registration, "_setup_privateuseone_for_python_backend")
    yield Finding(
        "devices",
        "emu",
        "emulated, with a virtual clock" if is_possible else None,
        "uploads, downloads and waits of a GPU, on the bill without one",
        "a newer torch: pip install -U torch",
    )
    glibc = " ".join(platform.libc_ver()).strip() if platform.libc_ver()[0] == "glibc" else None
    yield Finding(
        "devices",
        "allocator tuning",
        f"{glibc}, by toolkit.memory.tune_allocator()" if glibc else None,
        "no page faults when eager operations allocate and free",
        "a Linux with glibc; elsewhere the system's allocator is left as it is",
    )


def _libraries() -> Iterator[Finding]:
    yield Finding("libraries", "python", platform.python_version())
    for name in _LIBRARIES:
        found = _version(name)
        yield Finding("libraries", name, found, "it is required", "pip install downhill-toolkit")
    yield Finding(
        "libraries",
        "numba",
        _version("numba"),
        "stages fused in bands of rows, compiled on this machine",
        "pip install 'downhill-toolkit[fused]'",
    )
    opencv = find_opencv()
    yield Finding(
        "libraries",
        "opencv",
        opencv.__version__ if opencv else None,
        "methods to compare with in `eval`, and the back end `opencv` of some stages",
        GET_OPENCV,
    )


def _video() -> Iterator[Finding]:
    import av

    yield Finding("video", "FFmpeg", str(av.ffmpeg_version_info))
    for mode, kind, names in (("r", "decoder", _DECODERS), ("w", "encoder", _ENCODERS)):
        offered = [name for name in names if _has_codec(name, mode)]
        yield Finding("video", f"{kind}s", ", ".join(offered) or None, "video at all", _GET_AV)
        for name in names:
            if name not in offered:
                yield Finding("video", f"{kind} {name}", None, f"{name} streams", _GET_AV)
    inputs = [name for name in _INPUTS if name in av.formats_available]
    yield Finding("video", "inputs", ", ".join(inputs) or None, "live sources", _GET_AV)
    camera_input = _CAMERA_INPUT.get(platform.system())
    if camera_input and camera_input not in inputs:
        yield Finding("video", camera_input, None, _INPUTS[camera_input], _GET_AV)
    usable = [name for name in _hardware_types() if _decodes_on(name)]
    yield Finding(
        "video",
        "hardware decode",
        ", ".join(usable) or None,
        "decoding without a CPU core, on CUDA without a copy to the device",
        f"hardware and driver for one of: {', '.join(_hardware_types()) or 'none in this FFmpeg'}",
    )


_GET_AV = "pip install --upgrade av"


def _has_codec(name: str, mode: str) -> bool:
    import av
    from av.error import FFmpegError

    try:
        av.Codec(name, "r" if mode == "r" else "w")
    except (FFmpegError, ValueError):
        return False
    return True


def _hardware_types() -> list[str]:
    from av.codec.hwaccel import hwdevices_available

    return hwdevices_available()


def _decodes_on(device_type: str) -> bool:
    """Whether one frame of the bundled clip decodes on `device_type`: tried, not guessed."""
    import av
    from av.codec.hwaccel import HWAccel
    from av.error import FFmpegError

    from toolkit.media import bundled_clip

    try:
        hwaccel = HWAccel(device_type, allow_software_fallback=False)
        with av.open(str(bundled_clip()), hwaccel=hwaccel) as container:
            return next(container.decode(video=0), None) is not None
    except (FFmpegError, RuntimeError, NotImplementedError):
        return False


def _cameras() -> Iterator[Finding]:
    names = [str(path) for path in sorted(Path("/dev").glob("video*"))]
    if platform.system() != "Linux":
        names = _named_cameras(_CAMERA_INPUT.get(platform.system(), ""))
    yield Finding(
        "cameras",
        "camera",
        ", ".join(names) or None,
        "live video: python -m toolkit demo --video camera:0",
        "plug one in; without one, --video lavfi:testsrc2=size=640x480:rate=30,realtime",
    )


def _named_cameras(input_format: str) -> list[str]:
    import av.device
    from av.error import FFmpegError

    if not hasattr(av.device, "enumerate_input_devices"):
        return []
    try:
        return [str(found) for found in av.device.enumerate_input_devices(input_format)]
    except (FFmpegError, ValueError):
        return []


def _jupyter() -> Iterator[Finding]:
    yield Finding(
        "jupyter",
        "jupyterlab",
        _version("jupyterlab"),
        "the lessons, and live video with sliders",
        "pip install 'downhill-toolkit[lab]'",
    )
    yield Finding(
        "jupyter",
        "chromium",
        machine.find_chromium(),
        "the tests in a real browser",
        machine.GET_CHROMIUM,
    )
    yield Finding(
        "jupyter",
        "firefox",
        shutil.which("firefox"),
        "another browser for JupyterLab",
        "apt install firefox-esr, or brew install --cask firefox",
    )


def _allocator_hook() -> Finding:
    from toolkit.profiling.hook_building import built_path

    path = built_path()
    return Finding(
        "toolchain",
        "allocator hook",
        str(path) if path.exists() else None,
        "allocations and operators taken down below Python, at less cost to each frame",
        'python -c "from toolkit.profiling import build_hook; build_hook()"',
    )


def _toolchain() -> Iterator[Finding]:
    compiler = next((path for name in ("cc", "gcc", "clang") if (path := shutil.which(name))), None)
    yield Finding("toolchain", "C", compiler, "counters preloaded in tests", _GET_COMPILER)
    cxx = next((path for name in ("g++", "clang++") if (path := shutil.which(name))), None)
    yield Finding("toolchain", "C++", cxx, "kernels compiled by torch.compile", _GET_COMPILER)
    yield _allocator_hook()
    yield Finding(
        "toolchain",
        "node",
        shutil.which("node"),
        "the tests of the widgets' JavaScript",
        "apt install nodejs, or brew install node",
    )


_GET_COMPILER = "apt install g++, or xcode-select --install"


def _version(distribution: str) -> str | None:
    if importlib.util.find_spec(distribution) is None:
        return None
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "found, without a version"
