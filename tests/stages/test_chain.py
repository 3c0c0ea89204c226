"""The whole chain on the emulated accelerator: what does a frame cost the link?"""

from toolkit.devices import emu
from toolkit.media.scenes import Scene
from toolkit.profiling import profile


def crossings(session):
    return [
        (event.stage, event.kind, event.direction, event.op)
        for event in session.events
        if event.kind == "sync" or event.direction in ("h2d", "d2h")
    ]


def test_a_frame_that_is_there_waits_for_nothing_and_nothing_crosses_the_link(chain):
    emu.enable()
    scene = Scene("room", width=112, height=84, frames=4, seed=1, supersample=1, device="emu")
    pipeline = chain()
    run = pipeline.run(list(scene), want=pipeline.order())
    # Constants go up when a stage is first called: one that looks back, on the second frame.
    for _ in range(2):
        next(run)
    with profile(keep="all") as session:
        valid = [frame["pose"].is_valid.clone() for frame in run]
    assert crossings(session) == []
    assert {one.calls for one in pipeline.timings.values()} == {4}
    with profile(keep="all") as session:
        assert all(bool(one.cpu()) for one in valid)
    assert crossings(session) != []  # to look at a result does, and it shows
