"""The pool: frames recycled in any order, and an error that says who holds on."""

import gc
import weakref

import pytest

from toolkit import FramePool
from toolkit.pool import PoolExhausted


def test_frames_come_back_in_any_order_and_are_used_again():
    pool = FramePool(3, width=4, height=2)
    frames = [pool.acquire() for _ in range(3)]
    pointers = {frame.pixels.data_ptr() for frame in frames}
    frames[1].release()
    assert pool.acquire().pixels.data_ptr() in pointers
    assert pool.high_water == 3


def test_an_exhausted_pool_raises_and_says_who_holds_on():
    pool = FramePool(2, width=4, height=2)
    held = [pool.acquire(), pool.acquire()]
    with pytest.raises(PoolExhausted, match=r"all 2 frames are held; .* by 'MainThread'") as caught:
        pool.acquire()
    assert caught.value.slots == 2
    held.clear()
    assert pool.acquire().index == 2


def test_a_second_lease_keeps_the_frame_out_of_the_pool():
    pool = FramePool(1, width=4, height=2)
    frame = pool.acquire()
    second = frame.lease()
    frame.release()
    with pytest.raises(PoolExhausted):
        pool.acquire()
    second.release()
    assert pool.acquire() is not None


def test_a_pool_frame_is_written_exclusively():
    frame = FramePool(1, width=4, height=2, pixel_format="gray").acquire(pts_seconds=2.0)
    with frame.exclusive() as pixels:
        pixels.fill_(3)
    assert frame.pixels.unique().tolist() == [3]
    assert frame.pts_seconds == 2.0


def test_the_repr_counts_and_shows_no_pixels():
    pool = FramePool(2, width=4, height=2)
    held = pool.acquire()
    assert "2 frames of 4x2 rgb on cpu" in repr(pool)
    assert "1 held, high-water mark 1" in repr(pool)
    held.release()


def test_a_pool_goes_when_its_last_reference_goes():
    gc.disable()
    try:
        pool = FramePool(2, width=4, height=2)
        pool.acquire()
        gone = weakref.ref(pool)
        del pool
        assert gone() is None
    finally:
        gc.enable()


def test_an_empty_pool_is_refused():
    with pytest.raises(ValueError, match=r"slots=0"):
        FramePool(0, width=4, height=2)


def test_in_debug_mode_a_tensor_that_outlived_its_frame_shows_nonsense_at_once():
    pool = FramePool(1, width=4, height=2, debug=True)
    frame = pool.acquire()
    with frame.exclusive() as pixels:
        pixels.fill_(1)
    kept = frame.pixels
    frame.release()
    pool.acquire()
    assert kept.unique().tolist() == [0xA5]
