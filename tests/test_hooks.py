"""Hooks: who reports, who hears it, and what it costs when nobody listens."""

import logging
import threading

import pytest

from toolkit import hooks


class Ear:
    """Listens to everything."""

    def __init__(self):
        self.events = []
        self.calls = []

    def event(self, event):
        self.events.append(event)

    def scope_begin(self, scope):
        self.calls.append(("begin", scope.stage, scope.frame))

    def scope_end(self, scope):
        self.calls.append(("end", scope.stage, scope.frame))

    def frame_begin(self, index):
        self.calls.append(("frame", index))


class Broken:
    def event(self, event):
        raise RuntimeError("a broken listener")


def heard(ear, action):
    hooks.listen(ear)
    try:
        action()
    finally:
        hooks.unlisten(ear)
    return ear


def test_a_report_reaches_who_listens_with_the_open_scope():
    def work():
        with hooks.scope("blur", 12):
            hooks.report("copy", 64, direction="h2h", op="decode")

    ear = heard(Ear(), work)
    (event,) = ear.events
    assert (event.kind, event.nbytes, event.direction) == ("copy", 64, "h2h")
    assert (event.stage, event.frame, event.op) == ("blur", 12, "decode")
    assert event.t_ns > 0


def test_nobody_listens_by_default():
    assert not hooks.is_listening()
    assert "event" not in hooks.table()
    hooks.report("copy", 64)
    with hooks.scope("blur", 1):
        assert hooks.current_scope() is None


def test_scopes_nest_and_the_inner_one_is_charged():
    def work():
        with hooks.scope("outer", 1):
            with hooks.scope("inner", 1):
                hooks.report("sync")
            hooks.report("sync")

    ear = heard(Ear(), work)
    assert [event.stage for event in ear.events] == ["inner", "outer"]
    assert ear.calls == [
        ("begin", "outer", 1),
        ("begin", "inner", 1),
        ("end", "inner", 1),
        ("end", "outer", 1),
    ]


def test_a_scope_ends_when_the_block_raises():
    def work():
        try:
            with hooks.scope("blur", 1):
                raise ValueError
        except ValueError:
            hooks.report("sync")

    ear = heard(Ear(), work)
    assert ear.calls[-1] == ("end", "blur", 1)
    assert ear.events[0].stage == ""


def test_timed_reports_how_long_the_block_took_even_when_it_raises():
    def work():
        try:
            with hooks.timed("wait", op="ring"):
                raise ValueError
        except ValueError:
            return

    ear = heard(Ear(), work)
    (event,) = ear.events
    assert event.kind == "wait"
    assert event.duration_ns > 0


def test_a_broken_listener_is_logged_once_and_the_others_go_on(caplog):
    ear, broken = Ear(), Broken()

    def work():
        hooks.listen(broken)
        hooks.report("sync")
        hooks.report("sync")
        hooks.unlisten(broken)

    with caplog.at_level(logging.ERROR):
        heard(ear, work)
    assert len(ear.events) == 2
    assert len(caplog.records) == 1
    assert "switched off" in caplog.text


def test_another_thread_hears_only_what_is_carried_to_it():
    ear = Ear()

    def plain():
        hooks.report("sync")

    def carried(table):
        with hooks.using(table):
            hooks.report("wait")
        hooks.report("sync")

    def work():
        for target, arguments in ((plain, ()), (carried, (hooks.table(),))):
            thread = threading.Thread(target=target, args=arguments)
            thread.start()
            thread.join()

    heard(ear, work)
    assert [event.kind for event in ear.events] == ["wait"]


def test_listening_twice_hears_once_through_joined_tables():
    ear = Ear()

    def work():
        with hooks.using(hooks.table()):
            hooks.report("sync")

    assert len(heard(ear, work).events) == 1


def test_a_listener_without_hooks_is_refused_by_name():
    with pytest.raises(TypeError, match=r"object has none of the hooks event, scope_begin"):
        hooks.listen(object())


def test_who_listens_twice_hears_once():
    ear = Ear()
    hooks.listen(ear)
    hooks.listen(ear)
    try:
        hooks.report("io", 1)
    finally:
        hooks.unlisten(ear)
    assert len(ear.events) == 1


def test_an_interrupt_in_a_listener_leaves_no_scope_open():
    class Interrupt:
        def scope_begin(self, scope):
            raise KeyboardInterrupt

    ear = Interrupt()
    hooks.listen(ear)
    try:
        with pytest.raises(KeyboardInterrupt), hooks.scope("blur", 3):
            pytest.fail("the block is not entered")
    finally:
        hooks.unlisten(ear)
    assert hooks.current_scope() is None


def test_who_begins_to_listen_inside_of_using_goes_on_after_it():
    carried, inner = Ear(), Ear()
    with hooks.using(hooks.Table().plus(carried)):
        hooks.listen(inner)
    try:
        hooks.report("copy", 4)
        assert len(inner.events) == 1
        assert carried.events == []
    finally:
        hooks.unlisten(inner)


def test_a_thread_of_its_own_can_be_heard_by_nobody():
    heard = Ear()
    with hooks.using(hooks.Table().plus(heard)):
        hooks.unlisten_all()
        hooks.report("copy", 4)
    assert heard.events == []


def test_a_table_with_a_listener_that_it_has_is_the_same():
    heard = Ear()
    table = hooks.Table().plus(heard)
    assert table.plus(heard) is table
    assert not table.less(table)
