"""Twenty thousand frames: memory stands still once the first two thousand have passed."""

import subprocess
import sys
from pathlib import Path

import pytest

FRAMES, SETTLED = 20_000, 2_000

SOAK = """
import sys
import torch
from toolkit import FrameRing
from toolkit.demos.compose import compose
from toolkit.memory import tune_allocator
from toolkit.profiling import profile

frames, settled = int(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(1)
tune_allocator()
torch.manual_seed(0)
picture = torch.randint(0, 256, (360, 320), dtype=torch.uint8)

def camera(ring):
    for number in range(frames):
        slot = ring.acquire()
        slot.pixels.copy_(picture)
        yield ring.publish(slot, pts_seconds=number / 30)

def resident_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

ring = FrameRing(width=320, height=240)
pipeline = compose()
before = peak = 0
with profile():
    for frame in pipeline.run(camera(ring), want=["edges", "corners"]):
        if frame.index == settled:
            before = resident_bytes()
        elif frame.index % 500 == 0:
            peak = max(peak, resident_bytes())
print(peak - before, ring.stats.published, ring.stats.dropped, ring.stats.leased)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
def test_a_soak_of_twenty_thousand_frames_grows_by_less_than_ten_megabytes():
    done = subprocess.run(
        [sys.executable, "-c", SOAK, str(FRAMES), str(SETTLED)],
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert done.returncode == 0, done.stderr
    grown, published, dropped, leased = map(int, done.stdout.split())
    assert grown < 10_000_000
    assert (published, dropped) == (FRAMES, 0)
    assert leased <= 1
