"""Where is the camera at frame i? Smooth paths in closed form: any frame, in any order.

A pose is world to camera: X_camera = R X_world + t, with x right, y down, z forward. Paths are sums
of slow sines whose phases come from the seed, so velocity and acceleration are smooth everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["MOTIONS", "Trajectory"]

Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class _Placing:
    """Eye position in metres, what it looks at, and extra turns in degrees (yaw, pitch, roll)."""

    eye: Vector
    target: Vector
    turn: Vector = (0.0, 0.0, 0.0)


def _rotation(forward: Vector, turn: Vector) -> Tensor:
    """World to camera, (3, 3) float64, of a level camera along `forward` that is then turned."""
    yaw, pitch, roll = (math.radians(angle) for angle in turn)
    yaw += math.atan2(forward[0], forward[2])
    pitch += math.atan2(-forward[1], math.hypot(forward[0], forward[2]))
    cy, sy, cp, sp = math.cos(yaw), math.sin(yaw), math.cos(pitch), math.sin(pitch)
    cr, sr = math.cos(roll), math.sin(roll)
    turn_y = torch.tensor([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]], dtype=torch.float64)
    turn_x = torch.tensor([[1, 0, 0], [0, cp, sp], [0, -sp, cp]], dtype=torch.float64)
    turn_z = torch.tensor([[cr, sr, 0], [-sr, cr, 0], [0, 0, 1]], dtype=torch.float64)
    return turn_z @ turn_x @ turn_y


class Trajectory:
    """A camera path around the origin of a world.

    Args:
        motion: one of `MOTIONS`.
            `"handheld"`: somebody walks and sways while looking at the scene's middle;
            `"loop"`: an ellipse that returns to its first pose after `frames` frames;
            `"forward"`: a push along the optical axis and back;
            `"rotation"`: the eye stays, the camera turns; `"still"`: nothing moves.
        target: the point that the camera looks at, in metres.
        reach_metres: how far from the origin the eye may go.
        frames: length of the sequence; only `"loop"` depends on it.
        fps: frames per second.
        speed: 1 is a calm hand; 0.5 goes half as fast.
        seed: phases of the sines.

    Raises:
        ValueError: no such motion.
    """

    def __init__(
        self,
        motion: str,
        *,
        target: Vector,
        reach_metres: float,
        frames: int,
        fps: float,
        speed: float,
        seed: int,
    ) -> None:
        if motion not in _PATHS:
            raise ValueError(
                f"{motion = } is no camera motion; choose one of {', '.join(MOTIONS)}."
            )
        generator = torch.Generator().manual_seed(seed * 104729 + 3)
        self._phase: list[float] = (torch.rand(16, generator=generator) * 2 * math.pi).tolist()
        self._path = _PATHS[motion]
        self._target = target
        self._reach = reach_metres
        self._frames = frames
        self._seconds_per_frame = speed / fps

    def pose(self, index: int) -> tuple[Tensor, Tensor]:
        """World to camera at frame `index`: R (3, 3) and t (3,), float64, on the CPU."""
        placing = self._path(self, index)
        forward = tuple(t - e for t, e in zip(placing.target, placing.eye, strict=True))
        rotation = _rotation((forward[0], forward[1], forward[2]), placing.turn)
        eye = torch.tensor(placing.eye, dtype=torch.float64)
        return rotation, -rotation @ eye

    def _sway(self, seconds: float, channel: int, hertz: float) -> float:
        """Two slow sines in [-1, 1], with the phases of `channel`."""
        first, second = self._phase[2 * channel], self._phase[2 * channel + 1]
        turn = 2 * math.pi * hertz * seconds
        return 0.72 * math.sin(turn + first) + 0.28 * math.sin(2.37 * turn + second)

    def _shake(self, seconds: float) -> Vector:
        return (
            0.5 * self._sway(seconds, 5, 0.55),
            0.4 * self._sway(seconds, 6, 0.6),
            1.6 * self._sway(seconds, 7, 0.27),
        )

    def _handheld(self, index: int) -> _Placing:
        s = index * self._seconds_per_frame
        r = self._reach
        eye = (
            0.85 * r * self._sway(s, 0, 0.17),
            0.22 * r * self._sway(s, 1, 0.25),
            0.60 * r * self._sway(s, 2, 0.14),
        )
        x, y, z = self._target
        target = (x + 0.35 * self._sway(s, 3, 0.14), y + 0.15 * self._sway(s, 4, 0.17), z)
        return _Placing(eye, target, self._shake(s))

    def _loop(self, index: int) -> _Placing:
        angle = 2 * math.pi * index / self._frames + self._phase[0]
        r = self._reach
        eye = (
            0.95 * r * math.cos(angle),
            0.16 * r * math.sin(2 * angle + self._phase[1]),
            0.65 * r * math.sin(angle),
        )
        turn = (2 * math.sin(angle + self._phase[2]), 0.0, 2 * math.sin(angle + self._phase[3]))
        return _Placing(eye, self._target, turn)

    def _forward(self, index: int) -> _Placing:
        s = index * self._seconds_per_frame
        away = 0.5 - 0.5 * math.cos(2 * math.pi * 0.17 * s + self._phase[0])
        x, y, z = self._target
        eye = (0.0, 0.0, self._reach * (2 * away - 1))
        return _Placing(eye, (x, y, z), (0.0, 0.0, 1.2 * self._sway(s, 7, 0.2)))

    def _rotating(self, index: int) -> _Placing:
        s = index * self._seconds_per_frame
        turn = (
            13 * self._sway(s, 0, 0.11),
            6 * self._sway(s, 1, 0.14),
            5 * self._sway(s, 2, 0.13),
        )
        return _Placing((0.0, 0.0, 0.0), self._target, turn)

    def _still(self, index: int) -> _Placing:
        return _Placing((0.0, 0.0, 0.0), self._target)


_PATHS: dict[str, Callable[[Trajectory, int], _Placing]] = {
    "forward": Trajectory._forward,
    "handheld": Trajectory._handheld,
    "loop": Trajectory._loop,
    "rotation": Trajectory._rotating,
    "still": Trajectory._still,
}
MOTIONS: tuple[str, ...] = tuple(_PATHS)
