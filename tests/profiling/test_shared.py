"""What sessions put in place process-wide goes with the last of them, interrupted or not."""

import pytest

from toolkit.profiling.shared import Shared


def test_the_first_puts_it_in_place_and_the_last_takes_it_away():
    done = []
    shared = Shared(lambda: done.append("put"), lambda: done.append("take"))
    shared.enter("one")
    shared.enter("two")
    shared.leave("one")
    assert done == ["put"]
    assert shared.is_held
    shared.leave("two")
    assert done == ["put", "take"]
    assert not shared.is_held


def test_who_was_stopped_on_the_way_out_leaves_once_more():
    stops = [KeyboardInterrupt()]
    done = []

    def take():
        if stops:
            raise stops.pop()
        done.append("take")

    shared = Shared(lambda: None, take)
    shared.enter("one")
    with pytest.raises(KeyboardInterrupt):
        shared.leave("one")
    shared.leave("one")
    assert done == ["take"]


def test_leaving_twice_does_not_take_it_from_others():
    done = []
    shared = Shared(lambda: None, lambda: done.append("take"))
    shared.enter("one")
    shared.enter("two")
    shared.leave("one")
    shared.leave("one")
    assert done == []
