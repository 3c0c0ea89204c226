"""The ring: recycled slots, leases that protect them, and every drop counted."""

import gc
import threading
import weakref

import pytest
import torch

from toolkit import FrameRing, hooks
from toolkit.frame import FrameRecycled, FrameReleased
from toolkit.ring import RingFull


def gray_ring(slots=3, drop="oldest", **options):
    return FrameRing(slots, width=4, height=2, pixel_format="gray", drop=drop, **options)


def publish(ring, value):
    slot = ring.acquire()
    if slot is None:
        return None
    slot.pixels.fill_(value)
    return ring.publish(slot, pts_seconds=value / 10)


def test_a_frame_goes_in_and_every_consumer_reads_it_without_a_copy():
    ring = FrameRing(slots=60, width=640, height=480)
    slot = ring.acquire()
    slot.pixels.fill_(16)
    frame = ring.publish(slot, pts_seconds=0.5)
    latest = ring.latest()
    assert latest.pixels.data_ptr() == frame.pixels.data_ptr() == slot.pixels.data_ptr()
    assert (latest.index, latest.pts_seconds, latest.width, latest.height) == (0, 0.5, 640, 480)
    assert ring.nbytes == 60 * 640 * 480 * 3 // 2


def test_all_slots_lie_in_one_allocation_made_at_construction():
    ring = gray_ring()
    pointers = {publish(ring, number).pixels.data_ptr() for number in range(30)}
    assert len(pointers) == 3


def test_copy_in_is_acquire_write_and_publish_in_one():
    ring = gray_ring()
    frame = ring.copy_in(torch.full((1, 2, 4), 9, dtype=torch.uint8), pts_seconds=0.0)
    assert frame.pixels.unique().tolist() == [9]
    with pytest.raises(ValueError, match=r"shape \(2, 4\).*do not fit this ring of gray"):
        ring.copy_in(torch.zeros(2, 4, dtype=torch.uint8), pts_seconds=0.0)


def test_the_copy_of_copy_in_is_on_the_bill():
    events = []

    class Ear:
        def event(self, event):
            events.append((event.kind, event.direction, event.nbytes))

    ear = Ear()
    hooks.listen(ear)
    gray_ring().copy_in(torch.zeros(1, 2, 4, dtype=torch.uint8), pts_seconds=0.0)
    hooks.unlisten(ear)
    assert events == [("copy", "h2h", 8)]


def test_latest_and_newer_than_follow_the_order_of_publication():
    ring = gray_ring()
    assert ring.latest() is None
    first = publish(ring, 1)
    assert ring.newer_than(first) is None
    publish(ring, 2)
    publish(ring, 3)
    assert ring.newer_than(first).pixels[0, 0, 0] == 3
    assert ring.newer_than(None).index == 2


def test_a_leased_slot_is_never_overwritten_and_latest_skips_it_rightly():
    ring = gray_ring(slots=3)
    held = publish(ring, 1)
    for value in range(2, 40):
        publish(ring, value)
        assert ring.latest().pixels.unique().tolist() == [value]
    assert held.pixels.unique().tolist() == [1]
    assert ring.stats.dropped == 0


def test_oldest_drops_the_incoming_frame_only_when_all_slots_are_held():
    ring = gray_ring(slots=2)
    held = [publish(ring, 1), publish(ring, 2)]
    assert publish(ring, 3) is None
    assert ring.stats.dropped == 1
    held.pop().release()
    assert publish(ring, 4).index == 2


def test_a_drop_is_reported_to_who_listens():
    kinds = []

    class Ear:
        def event(self, event):
            kinds.append(event.kind)

    ring, ear = gray_ring(slots=2), Ear()
    held = [publish(ring, 1), publish(ring, 2)]
    hooks.listen(ear)
    publish(ring, 3)
    hooks.unlisten(ear)
    assert kinds == ["drop"]
    assert len(held) == 2


def test_error_raises_and_says_who_holds_on():
    ring = gray_ring(slots=2, drop="error")
    held = [publish(ring, 1), publish(ring, 2)]
    with pytest.raises(RingFull, match=r"2 of 2 slots are held; .* by 'MainThread'"):
        ring.acquire()
    assert len(held) == 2


def test_block_waits_until_a_frame_is_released_on_another_thread():
    ring = gray_ring(slots=2, drop="block")
    held = [publish(ring, 1), publish(ring, 2)]
    published = []
    producer = threading.Thread(target=lambda: published.append(publish(ring, 3)))
    producer.start()
    while ring.stats.waits == 0:
        pass
    held[0].release()
    producer.join(10)
    assert published[0].pixels.unique().tolist() == [3]
    assert ring.stats.dropped == 0


def test_block_gives_up_after_its_time():
    ring = gray_ring(slots=2, drop="block")
    held = [publish(ring, 1), publish(ring, 2)]
    with pytest.raises(RingFull, match=r"2 of 2 slots are held"):
        ring.acquire(timeout_seconds=0)
    assert len(held) == 2


def test_a_reader_sees_each_frame_once_in_order_and_counts_what_it_missed():
    ring = gray_ring(slots=3)
    with ring.reader() as reader:
        for value in range(3):
            publish(ring, value)
        assert [reader.try_next().index for _ in range(3)] == [0, 1, 2]
        assert reader.try_next() is None
        for value in range(3, 10):
            publish(ring, value)
        assert reader.try_next().index == 7
        assert reader.missed == 4
    assert ring.stats.dropped == 4


def test_newest_keeps_what_a_reader_has_not_read():
    ring = gray_ring(slots=2, drop="newest")
    with ring.reader() as reader:
        frames = [publish(ring, value) for value in range(3)]
        assert frames[2] is None
        assert [reader.try_next().index for _ in range(2)] == [0, 1]
        assert reader.missed == 0
    assert ring.stats.dropped == 1


def test_block_loses_nothing_between_a_producer_and_a_reading_thread():
    ring = gray_ring(slots=2, drop="block")
    reader = ring.reader()
    seen = []

    def consume():
        for _ in range(200):
            with reader.next(timeout_seconds=10) as frame:
                seen.append((frame.index, int(frame.pixels[0, 0, 0])))

    consumer = threading.Thread(target=consume)
    consumer.start()
    for value in range(200):
        publish(ring, value)
    consumer.join(30)
    assert seen == [(value, value) for value in range(200)]


def test_a_reader_that_waits_in_vain_gets_none():
    assert gray_ring().reader().next(timeout_seconds=0) is None


def test_a_discarded_slot_is_used_again_and_never_shown():
    ring = gray_ring(slots=2)
    ring.discard(ring.acquire())
    assert ring.latest() is None
    assert ring.stats.published == 0
    assert ring.acquire() is not None
    assert ring.acquire() is not None


def test_debug_poisons_recycled_slots():
    ring = gray_ring(slots=2, debug=True)
    frame = publish(ring, 1)
    outlived = frame.pixels
    frame.release()
    ring.acquire()
    ring.acquire()
    assert outlived.unique().tolist() == [0xA5]


def test_the_last_reference_ends_the_lease():
    ring = gray_ring()
    frame = publish(ring, 1)
    assert ring.stats.leased == 1
    del frame
    assert ring.stats.leased == 0


def test_a_ring_goes_when_its_last_reference_goes():
    gc.disable()
    try:
        ring = gray_ring()
        publish(ring, 1)
        gone = weakref.ref(ring)
        del ring
        assert gone() is None
    finally:
        gc.enable()


def test_a_frame_survives_its_ring():
    frame = publish(gray_ring(), 5)
    assert frame.pixels.unique().tolist() == [5]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"slots": 1}, r"slots=1: a ring needs 2 or more"),
        ({"drop": "all"}, r"drop='all' is not one of 'oldest', 'newest', 'block', 'error'"),
        ({"width": 0}, r"a frame of 0x2 px has no pixels"),
        ({"pixel_format": "nv12"}, r"pixel_format='nv12' is not one of 'i420', 'rgb', 'gray'"),
        ({"rotation": 45}, r"rotation=45 is not one of 0, 90, 180, 270"),
        ({"device": "gpu"}, r"device='gpu' is not a device"),
    ],
)
def test_wrong_options_are_refused_with_the_allowed_values(options, message):
    with pytest.raises(ValueError, match=message):
        FrameRing(**{"slots": 3, "width": 4, "height": 2, **options})


def test_late_results_land_on_their_own_frame_and_not_on_the_next_one_in_the_slot():
    ring = gray_ring(slots=2)
    first = publish(ring, 1)
    request = first.request("thought")
    first.release()
    later = [publish(ring, value) for value in range(2, 4)]
    assert all(frame.get("thought") is None for frame in later)
    assert not request.is_done
    with pytest.raises((FrameReleased, FrameRecycled)):
        first.attach("thought", 1)


class CountedFence:
    """A fence that notes what is asked of it, in order, and whose stream the test sets."""

    def __init__(self):
        self.log = []
        self.current = "main"

    def stream(self):
        return self.current

    def record(self, stream=None):
        self.log.append(f"record {stream or self.current}")
        return len(self.log)

    def wait(self, mark):
        self.log.append(f"wait {mark}")


def test_on_a_device_reads_wait_for_the_write_and_the_next_write_waits_for_the_reads():
    ring = gray_ring(slots=2)
    fence = CountedFence()
    for slot in ring._slots:
        slot.fence = fence
    frame = publish(ring, 1)
    assert fence.log == ["record main"]
    fence.current = "side"
    assert frame.pixels is not None
    assert fence.log == ["record main", "wait 1"]
    fence.current = "main"
    frame.release()
    assert fence.log[-1] == "record side", "the stream that reads, not the one that releases"
    ring.acquire()
    ring.acquire()
    assert fence.log[-1] == "wait 3"


def test_many_leases_of_one_slot_leave_one_mark_for_each_stream():
    ring = gray_ring(slots=2)
    fence = CountedFence()
    for slot in ring._slots:
        slot.fence = fence
    frame = publish(ring, 1)
    for _ in range(50):
        with ring.latest() as one:
            assert one.pixels is not None
    assert len(frame._slot.streams) == 1


def test_on_a_device_a_writer_waits_for_those_who_read():
    ring = gray_ring(slots=2)
    fence = CountedFence()
    for slot in ring._slots:
        slot.fence = fence
    frame = publish(ring, 1)
    fence.current = "side"
    assert frame.pixels is not None
    fence.current = "main"
    with frame.exclusive():
        assert fence.log[2:4] == ["record side", "wait 3"]


def with_result(frame):
    """The frame, with something attached as a stage would attach it."""
    key = ("edges", "a provider")
    request = frame._attachments.claim(key)
    frame._attachments.finish(request, {key: "result"})
    return frame


def test_results_go_when_nobody_holds_the_frame_and_it_is_not_the_newest():
    ring = gray_ring(slots=4)
    first = with_result(publish(ring, 1))
    first.attach("thought", "a cat")
    slot = first._slot
    first.release()
    assert ring.latest()["edges"] == "result"
    publish(ring, 2)
    assert [name for name, _ in slot.attachments.names()] == ["thought"]


def test_results_stay_while_somebody_holds_the_frame():
    ring = gray_ring(slots=4)
    first = with_result(publish(ring, 1))
    for value in range(2, 9):
        publish(ring, value)
    assert first["edges"] == "result"


def test_results_stay_until_every_reader_has_passed_the_frame():
    ring = gray_ring(slots=4)
    with ring.reader() as reader:
        with_result(publish(ring, 1)).release()
        publish(ring, 2)
        read = reader.try_next()
        assert read["edges"] == "result"
        slot = read._slot
        read.release()
    assert slot.attachments.values == {}


def test_a_frame_of_another_ring_is_older_than_any_of_this_one():
    before, after = gray_ring(), gray_ring()
    for number in range(10):
        last = publish(before, number)
    newest = publish(after, 1)
    assert after.newer_than(last).pixels.data_ptr() == newest.pixels.data_ptr()


def test_a_slot_is_given_back_once():
    ring = gray_ring()
    slot = ring.acquire()
    ring.publish(slot, pts_seconds=0.0)
    with pytest.raises(RuntimeError, match="slot 0 is not taken from this ring"):
        ring.publish(slot, pts_seconds=1.0)
    with pytest.raises(RuntimeError, match="slot 0 is not taken from this ring"):
        ring.discard(slot)


def test_a_slot_of_another_ring_is_refused():
    with pytest.raises(RuntimeError, match="is not taken from this ring"):
        gray_ring().publish(gray_ring().acquire(), pts_seconds=0.0)


@pytest.mark.parametrize("dtype", [torch.int8, torch.bool, torch.float32])
def test_pixels_of_another_type_are_refused_and_not_reinterpreted(dtype):
    with pytest.raises(ValueError, match="do not fit this ring"):
        gray_ring().copy_in(torch.zeros(1, 2, 4, dtype=dtype), pts_seconds=0.0)


def test_an_unread_frame_that_is_overwritten_is_reported_as_dropped():
    drops = []

    class Ear:
        def event(self, event):
            drops.append(event.kind)

    ring, ear = gray_ring(slots=4), Ear()
    hooks.listen(ear)
    try:
        with ring.reader():
            for number in range(10):
                publish(ring, number)
    finally:
        hooks.unlisten(ear)
    assert drops == ["drop"] * 6
    assert ring.stats.dropped == 6


def test_an_interrupt_while_a_slot_is_prepared_or_written_loses_no_slot(monkeypatch):
    ring = gray_ring(slots=2, drop="error")
    pixels = torch.zeros(1, 2, 4, dtype=torch.uint8)
    for broken in ("recycle", "describe"):
        with monkeypatch.context() as patch:
            patch.setattr(type(ring._slots[0]), broken, interrupt)
            for _ in range(5):
                with pytest.raises(KeyboardInterrupt):
                    ring.copy_in(pixels, pts_seconds=0.0)
    assert [ring.copy_in(pixels, pts_seconds=0.0) is not None for _ in range(5)] == [True] * 5


def interrupt(*_):
    raise KeyboardInterrupt


def test_a_reader_may_be_closed_by_a_finaliser_inside_of_the_ring_s_lock():
    ring, done = gray_ring(slots=8), threading.Event()
    publish(ring, 1)

    def consume(box):
        with ring.reader() as reader:
            while True:
                yield reader.try_next()

    def lease():
        gc.disable()
        box = []
        box.append(consume(box))
        next(box[0])
        del box  # garbage in a cycle: its finaliser runs when the collector does
        gc.set_threshold(1)
        gc.enable()
        held = [ring.latest() for _ in range(6)]
        done.set()
        return held

    before = gc.get_threshold()
    try:
        threading.Thread(target=lease, daemon=True).start()
        assert done.wait(10), "the thread waits for itself"
    finally:
        gc.set_threshold(*before)
        gc.enable()
