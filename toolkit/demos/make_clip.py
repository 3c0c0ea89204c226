"""How was the bundled clip made? With this: `python -m toolkit.demos.make_clip`.

It draws a room, writes `data/clip.mp4`, and beside it what is true of the picture: poses,
intrinsics and the flow of a few pairs. The camera ends where it began: the clip loops without a
jump.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from rich.console import Console
from rich.progress import track

from toolkit.media.scenes import Scene
from toolkit.media.writer import VideoWriter

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["FLOW_FRAMES", "FLOW_STRIDE", "clip_scene", "clip_truth", "main"]

FLOW_FRAMES = (0, 45, 90, 135)
FLOW_STRIDE = 2  # flow is kept at every second pixel, in px of the full picture
_QUALITY = 20


def clip_scene(frames: int = 180) -> Scene:
    """The scene that the bundled clip shows."""
    return Scene(
        "room",
        motion="loop",
        width=640,
        height=360,
        frames=frames,
        fps=30.0,
        seed=2,
        field_of_view_degrees=76.0,
        supersample=3,
    )


def clip_truth(scene: Scene, flow_frames: Sequence[int] = FLOW_FRAMES) -> dict[str, torch.Tensor]:
    """Poses of every frame, intrinsics, and the flow of a few pairs at half size and precision."""
    poses = [scene.pose(index) for index in range(scene.frames)]
    truths = [scene.truth(index) for index in flow_frames]
    grid = (slice(None, None, FLOW_STRIDE), slice(None, None, FLOW_STRIDE))
    return {
        "rotation": torch.stack([rotation for rotation, _ in poses]),
        "translation": torch.stack([translation for _, translation in poses]),
        "intrinsics": scene.intrinsics,
        "pts_seconds": torch.arange(scene.frames, dtype=torch.float64) / scene.fps,
        "flow_frames": torch.tensor(list(flow_frames)),
        "flow": torch.stack([truth.flow[:, *grid] for truth in truths]).half(),
        "visible": torch.stack([truth.visible[grid] for truth in truths]),
        "depth": torch.stack([truth.depth[grid] for truth in truths]).half(),
    }


def write_clip(scene: Scene, path: Path) -> None:
    """Draw every frame of `scene` and encode it, with a progress bar on standard error."""
    with VideoWriter(
        path,
        width=scene.width,
        height=scene.height,
        fps=scene.fps,
        quality=_QUALITY,
        preset="veryslow",
    ) as writer:
        console = Console(stderr=True)
        for index in track(range(scene.frames), "drawing the clip", console=console):
            writer.write(scene.render(index), pts_seconds=index / scene.fps)


def main() -> None:
    """Write the clip and its truth into a folder, `data` by default."""
    from safetensors.torch import save_file

    parser = argparse.ArgumentParser(prog="python -m toolkit.demos.make_clip", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("data"), help="folder to write to")
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    scene = clip_scene()
    said = {"scene": repr(scene), "flow_stride": FLOW_STRIDE, "pose": "X_camera = R X_world + t"}
    tensors = {name: tensor.contiguous() for name, tensor in clip_truth(scene).items()}
    metadata = {"about": json.dumps(said)}
    save_file(tensors, folder / "clip_truth.safetensors", metadata=metadata)
    write_clip(scene, folder / "clip.mp4")


if __name__ == "__main__":
    main()
