"""300 damaged files: each gives frames or a MediaError; none crashes, hangs or keeps a slot.

Each is decoded in a child process that ends itself when a file takes longer than 5 s, so that a
crash or a hang is seen, with the name of the file, and the rest goes on.
"""

import json
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import pytest

COUNT = 300
CHILDREN = 2
LIMIT_SECONDS = 5

CHILD = f"""
import faulthandler, json, sys, threading
from toolkit import media
media.Video  # loads what decoding needs, before the first file is timed
for line in sys.stdin:
    path = line.strip()
    faulthandler.dump_traceback_later({LIMIT_SECONDS}, exit=True)
    frames, error, leased = 0, "", 0
    print(json.dumps(dict(path=path)), flush=True)
    try:
        video = media.open(path, slots=4)
    except media.MediaError as caught:
        error = str(caught)
    else:
        try:
            for frame in video:
                frames += 1
                frame.release()
        except media.MediaError as caught:
            error = str(caught)
        leased = video.ring.stats.leased if video.ring else 0
        video.close()
    faulthandler.cancel_dump_traceback_later()
    report = dict(path=path, frames=frames, error=error, leased=leased, done=True)
    print(json.dumps({{**report, "threads": threading.active_count()}}), flush=True)
"""

MADE = [
    ("a.mp4", {}),
    ("b.mkv", {"codec": "libx264", "options": {"bf": "3"}}),
    ("c.avi", {"codec": "mpeg4"}),
    ("d.webm", {"codec": "libvpx-vp9"}),
    ("e.ts", {"container": "mpegts"}),
    ("f.mov", {"codec": "mjpeg", "layout": "yuvj420p"}),
    ("g.mkv", {"codec": "ffv1", "layout": "yuv422p"}),
    ("h.h264", {"container": "h264"}),
    ("i.mpg", {"codec": "mpeg1video", "unit": Fraction(1, 25)}),
    ("j.gif", {"codec": "gif", "layout": "rgb8"}),
    ("k.mp4", {"codec": "libx265", "layout": "yuv420p10le"}),
]
REAL = [
    "clips/video_0.mov",
    "odd/alpha_video_fixed.avif",
    "odd/av1_video.mkv",
    "odd/bitmap.mp4",
    "odd/corrupt.jpg",
    "odd/discard_first_keyframe.mp4",
    "odd/h264_10bits.mp4",
    "odd/rgba.webp",
    "odd/testsrc2_odd_height_and_width_vp9.mp4",
    "odd/unordered.mov",
]


def damage(content, generator):
    """Flip bytes, cut, swap two pieces, repeat one, or write zeros over one."""
    data = bytearray(content)
    kind = generator.randrange(6)
    if kind <= 1:  # few flips anywhere, or many in the headers
        reach = len(data) if kind else min(len(data), 1024)
        for _ in range(generator.choice([1, 4, 32, 128])):
            data[generator.randrange(reach)] = generator.randrange(256)
    elif kind == 2:
        del data[generator.randrange(1, len(data)) :]
    else:
        length = generator.randrange(1, max(2, len(data) // 4))
        first, second = (generator.randrange(len(data) - length + 1) for _ in range(2))
        piece = bytes(data[first : first + length])
        if kind == 3:
            data[first : first + length] = data[second : second + length]
            data[second : second + length] = piece
        elif kind == 4:
            data[second:second] = piece
        else:
            data[first : first + length] = bytes(length)
    return bytes(data)


def decode(paths):
    """Decode in children, one after the other; one that dies is blamed on its last file."""
    reports, left = [], list(paths)
    while left:
        done = subprocess.run(
            [sys.executable, "-c", CHILD],
            input="\n".join(map(str, left)),
            capture_output=True,
            text=True,
            check=False,
        )
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        finished = [one for one in lines if one.get("done")]
        reports += finished
        left = left[len(finished) :]
        if left:
            crash = f"exit code {done.returncode}: {done.stderr[-2000:]}"
            reports.append({"path": str(left.pop(0)), "crash": crash})
    return reports


@pytest.fixture
def originals(make_clip, request):
    """Small files of every container and codec: encoded here, and real ones where there are."""
    files = [make_clip(name, **options) for name, options in MADE]
    try:
        folder = request.getfixturevalue("test_data")
    except pytest.skip.Exception:
        return files
    return files + [folder / name for name in REAL]


def test_300_damaged_files_give_frames_or_an_error(originals, tmp_path):
    generator = random.Random(20)
    paths = []
    for number in range(COUNT):
        original = originals[number % len(originals)]
        path = tmp_path / f"{number:03d}{original.suffix}"
        path.write_bytes(damage(original.read_bytes(), generator))
        paths.append(path)
    with ThreadPoolExecutor(CHILDREN) as pool:
        parts = pool.map(decode, (paths[start::CHILDREN] for start in range(CHILDREN)))
        reports = [report for part in parts for report in part]
    crashed = [one["path"] for one in reports if "crash" in one]
    # A machine that stands still for 5 s is not a hang: what failed must fail again, alone.
    again = [report for path in crashed for report in decode([path])]
    reports = [one for one in reports if "crash" not in one] + again
    assert len(reports) == COUNT
    assert [one for one in reports if "crash" in one] == []
    assert [one for one in reports if not one["frames"] and not one["error"]] == []
    assert [one for one in reports if one["leased"]] == []
    assert {one["threads"] for one in reports} == {1}
    assert sum(bool(one["error"]) for one in reports) > COUNT // 4  # the damage is real
    assert sum(one["frames"] > 0 for one in reports) > COUNT // 2
