"""Is the bill true? Held against a counter preloaded below torch, which knows nothing of it."""

import pytest

OPERATIONS = """
import torch, kornia as K, torch.nn.functional as F
from toolkit.profiling import profile
torch.set_num_threads(1)
x = torch.rand(1, 3, 120, 160)
g = x[:, :1].contiguous()
kernel = torch.rand(8, 3, 5, 5)
weights = torch.rand(64, 64, requires_grad=True)

def backward():
    weights.grad = None
    (weights @ weights).sum().backward()

operations = {
    "rgb_to_grayscale": lambda: K.color.rgb_to_grayscale(x),
    "gaussian_blur2d": lambda: K.filters.gaussian_blur2d(x, (5, 5), (1.5, 1.5)),
    "sobel": lambda: K.filters.sobel(x),
    "canny": lambda: K.filters.canny(x, hysteresis=False),
    "gftt_response": lambda: K.feature.gftt_response(g),
    "nms2d": lambda: K.geometry.nms2d(g, (3, 3)),
    "rgb_to_hsv": lambda: K.color.rgb_to_hsv(x),
    "rgb_to_lab": lambda: K.color.rgb_to_lab(x),
    "equalize_clahe": lambda: K.enhance.equalize_clahe(x),
    "median_blur": lambda: K.filters.median_blur(x, (3, 3)),
    "dilation": lambda: K.morphology.dilation(x, torch.ones(3, 3)),
    "warp_perspective": lambda: K.geometry.warp_perspective(x, torch.eye(3)[None], (90, 120)),
    "resize": lambda: K.geometry.resize(x, (60, 80), antialias=True),
    "pyrdown": lambda: K.geometry.pyrdown(x),
    "conv2d": lambda: F.conv2d(x, kernel),
    "rfft2": lambda: torch.fft.rfft2(g),
    "sort": lambda: g.flatten().sort(),
    "topk": lambda: g.flatten().topk(100),
    "svd": lambda: torch.linalg.svd(g[0, 0, :32, :32]),
    "mask": lambda: g[g > 0.5],
    "cat": lambda: torch.cat([x, x]),
    "contiguous": lambda: x.permute(0, 2, 3, 1).contiguous(),
    "backward": backward,
}

def billed(work):
    with profile(keep="all") as session:
        work()
    return sorted(event.nbytes for event in session.events if event.kind == "alloc")

def compare(work):
    work(); work()
    return truth(work), billed(work)

found = {name: compare(work) for name, work in operations.items()}
with torch.inference_mode():
    found["inference"] = compare(lambda: K.filters.canny(x, hysteresis=False))
answer(found)
"""

PIPELINE = """
import torch
from toolkit.pipeline import Pipeline
from toolkit.profiling import profile
from toolkit.ring import FrameRing
from toolkit.stages import blur, corners, edges, gray, rgb, sobel
torch.set_num_threads(1)
pipeline = Pipeline([rgb, gray, blur, sobel, edges, corners])

def player(width, height, count):
    ring = FrameRing(4, width=width, height=height, pixel_format="i420")
    picture = torch.randint(16, 235, ring.spec.slot_shape, dtype=torch.uint8)

    def frames():
        for index in range(count):
            with ring.copy_in(picture, pts_seconds=index / 30) as frame:
                yield frame

    def play():
        for frame in pipeline.run(frames(), want=("rgb", "edges", "corners")):
            frame["corners"]

    play()
    return play

def compare(play, keep):
    sizes = truth(play)
    with profile(keep=keep) as session:
        play()
    total = session.bill().whole.total
    return {
        "truth": sizes,
        "billed": sorted(event.nbytes for event in session.events if event.kind == "alloc"),
        "counts": [total.allocations, total.allocated_bytes],
        "notes": session.bill().notes,
    }

answer({
    "all": compare(player(1280, 720, 2), "all"),
    "folded": compare(player(160, 96, 130), "fold"),
})
"""

PASSING_ON = """
import torch
from toolkit.pipeline import Pipeline
from toolkit.ring import FrameRing
from toolkit.stages.declare import Pointwise, stage
torch.set_num_threads(1)

@stage("one", footprint=Pointwise())
def one(pixels): return pixels

@stage("two", footprint=Pointwise())
def two(one): return one[:, :32]

@stage("three", footprint=Pointwise())
def three(two): return two.transpose(1, 2)

ring = FrameRing(4, width=64, height=64, pixel_format="gray")
picture = torch.zeros(1, 64, 64, dtype=torch.uint8)
pipeline = Pipeline([one, two, three])

def frames(count):
    for index in range(count):
        with ring.copy_in(picture, pts_seconds=index / 30) as frame:
            yield frame

def play():
    for frame in pipeline.run(frames(100), want=("three",)):
        frame["three"]

play()
answer(truth(play))
"""


def test_the_bill_lists_every_allocation_of_torch_s_own_allocator(preloaded):
    found = preloaded(OPERATIONS)
    wrong = {name: pair for name, pair in found.items() if pair[0] != pair[1]}
    assert wrong == {}
    assert sum(len(truth) for truth, _ in found.values()) > 300


@pytest.fixture(scope="module")
def pipeline(preloaded):
    """The default pipeline, counted by the shim and by the bill."""
    return preloaded(PIPELINE)


def test_the_default_pipeline_is_billed_to_the_byte(pipeline):
    found = pipeline["all"]
    assert found["billed"] == found["truth"]
    assert found["counts"] == [len(found["truth"]), sum(found["truth"])]
    assert len(found["truth"]) > 50


def test_a_folded_session_counts_the_same_though_it_looks_at_few_frames(pipeline):
    found = pipeline["folded"]
    assert found["counts"] == [len(found["truth"]), sum(found["truth"])]
    assert any("Operators were looked at on" in note for note in found["notes"])


def test_stages_that_only_pass_tensors_on_allocate_nothing(preloaded):
    assert preloaded(PASSING_ON) == []
