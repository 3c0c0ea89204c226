"""An interrupt may come anywhere in the profiler. The next session counts right all the same."""

import _thread
import contextlib
import dis
import operator
import signal
import sys
import threading

import pytest
import torch
from torch.autograd import profiler as autograd_profiler
from torch.overrides import TorchFunctionMode

from toolkit import hooks
from toolkit.profiling import profile
from toolkit.profiling.record import Recorder

pytestmark = pytest.mark.usefixtures("each_way_of_counting")

STEPS = (
    "attach",
    "detach",
    "scope_begin",
    "scope_end",
    "frame_begin",
    "frame_end",
    "end_step",
    "_cut",
    "_begin",
)
# CPython looks for signals when a function begins, after a call, and where a loop turns.
AFTER = {
    dis.opmap[name]
    for name in ("CALL", "CALL_FUNCTION_EX", "CALL_KW", "JUMP_BACKWARD")
    if name in dis.opmap
}
_ALSO = ("/toolkit/hooks.py", "/torch/utils/_python_dispatch.py")
ORIGINALS = (autograd_profiler._run_on_profiler_start, threading.Thread.start)


def work(level):
    """A session in which every step of a recorder is taken."""
    with profile(level) as session:
        torch.ones(8)
        for index in range(5):  # the first two are looked at closely
            hooks.frame_begin(index)
            with hooks.scope("plain", index):
                torch.ones(8)
            with hooks.scope("stage", index):
                torch.ones(8).clone()
                with hooks.scope("inner", index):
                    hooks.report("copy", 16, direction="h2d")
            if index == 3:
                session.set_level(level)  # so that the end of the frame is not only noted
            hooks.frame_end(index)
        session.step()


def faults(level):
    """What is wrong after an interrupt, in words."""
    found = []
    if hooks.is_listening() or hooks.current_scope() is not None:
        found.append("somebody listens")
    if (autograd_profiler._run_on_profiler_start, threading.Thread.start) != ORIGINALS:
        found.append("something is wrapped")
    if torch._C._autograd._profiler_enabled():
        found.append("a profiler is on")
    if torch._C._len_torch_function_stack() or torch._C._len_torch_dispatch_stack():
        found.append("a mode is worn")
    with profile(level) as session:
        torch.ones(256)
        with hooks.scope("next", 0):
            torch.ones(128)
    bill = session.bill()
    counted = {one.name: one.total.allocations for one in bill.stages}
    if counted != {"next": 1, "(outside stages)": 1}:
        found.append(f"the next session counts {counted}")
    if not any(row.name == "aten::ones" for row in session.key_averages()):
        found.append("operators are left out")
    return found


class Interrupt:
    """Traces a thread, and raises KeyboardInterrupt once, at the so-manieth place of ours."""

    def __init__(self, at):
        self.left = at
        self.where = ""
        self.newest = {}

    def __call__(self, frame, event, arg):
        path = frame.f_code.co_filename
        is_ours = "/toolkit/profiling/" in path or path.endswith(_ALSO)
        # Python swallows what is raised in a generator expression that nobody reads any more.
        if not is_ours or self.where or frame.f_code.co_name == "<genexpr>":
            return None
        # What is thrown into a generator does not begin a function: no signal is looked for.
        if frame.f_code is not profile._live.__code__ or frame not in self.newest:
            self.pass_by(frame)
        frame.f_trace_opcodes = True
        return self.within

    def within(self, frame, event, arg):
        if event == "opcode":
            before = self.newest.get(frame)
            self.newest[frame] = frame.f_code.co_code[frame.f_lasti]
            if before in AFTER:
                self.pass_by(frame)
        return self.within

    def pass_by(self, frame):
        self.left -= 1
        if not self.left and not self.where:
            self.where = f"{frame.f_code.co_qualname}:{frame.f_lineno}"
            raise KeyboardInterrupt


def interrupted(at, level):
    """Where the interrupt came, empty if nowhere, and what is wrong after it."""
    answer = []

    def run():
        interrupt = Interrupt(at)
        came_through = False
        sys.settrace(interrupt)
        try:
            work(level)
        except KeyboardInterrupt:
            came_through = True
        finally:
            sys.settrace(None)
        found = faults(level)
        if came_through != bool(interrupt.where):
            found.append("the interrupt was swallowed")
        answer.extend((interrupt.where, found))

    thread = threading.Thread(target=run)  # each with a recorder of its own
    thread.start()
    thread.join()
    return answer


@pytest.mark.parametrize(("level", "apart"), [("counts", 41), ("exact", 83)])
def test_wherever_an_interrupt_comes_nothing_is_left_behind(level, apart):
    # Of thousands of places every so-manieth: a prime, so that loops are met everywhere.
    work(level)  # what is imported at the first look, torch cannot import twice
    wrong = {}
    places = 0
    while True:
        where, found = interrupted((places + 1) * apart, level)
        if not where:
            break
        places += 1
        if found:
            wrong[where] = found
    assert wrong == {}
    assert places > 20


def once(original, *, is_before):
    """A method that is interrupted the first time, before it did its work or after."""
    left = [1]

    def method(self, *values, **named):
        if not left:
            return original(self, *values, **named)
        left.clear()
        if not is_before:
            original(self, *values, **named)
        raise KeyboardInterrupt

    return method


@pytest.mark.parametrize("is_before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_after_an_interrupt_a_torch_profiler_sees_operators(step, is_before, monkeypatch):
    monkeypatch.setattr(Recorder, step, once(getattr(Recorder, step), is_before=is_before))
    with pytest.raises(KeyboardInterrupt):
        work("counts")
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities) as theirs:
        torch.ones(8)
    assert any(event.name == "aten::ones" for event in theirs.events())
    assert faults("counts") == []


def cut_short(monkeypatch, *, in_scope):
    """An interrupt keeps the segment from being cut at whose end the scope or session is left."""
    block = hooks.scope("stage") if in_scope else contextlib.nullcontext()
    with profile("exact"), block:
        torch.ones(8)
        monkeypatch.setattr(Recorder, "_cut", once(Recorder._cut, is_before=True))


@pytest.mark.parametrize("in_scope", [True, False], ids=["scope", "session"])
def test_a_segment_that_an_interrupt_keeps_from_being_cut_is_given_up(in_scope, monkeypatch):
    with pytest.raises(KeyboardInterrupt):
        cut_short(monkeypatch, in_scope=in_scope)
    assert faults("exact") == []


class Stop:
    """To ask it for `now` is to press the stop button, with no Python run that could notice."""

    now = property(operator.methodcaller("press"))
    press = staticmethod(_thread.interrupt_main)


def stopped_at_the_very_end(session):
    stop = Stop()
    with session:
        torch.ones(8)
        stop.now  # noqa: B018 - the next place where Python looks for signals is the way out


@pytest.mark.parametrize("level", ["counts", "exact"])
def test_an_interrupt_at_the_very_end_of_the_block_closes_the_session(level):
    opened = profile(level)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            stopped_at_the_very_end(opened)
    finally:
        signal.signal(signal.SIGINT, before)
    assert opened.session.bill().whole.total.allocations == 1
    assert opened.session.on_step is None
    assert faults(level) == []


def test_a_session_on_a_stack_of_blocks_is_closed_with_it():
    with contextlib.ExitStack() as stack:
        session = stack.enter_context(profile())
        torch.ones(8)
    assert session.bill().whole.total.allocations == 1
    assert faults("counts") == []


def interrupt_at_work():
    torch.ones(8)
    raise KeyboardInterrupt


def test_modes_of_the_user_s_own_are_still_on_after_an_interrupt():
    class Mine(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            return func(*args, **(kwargs or {}))

    with Mine() as mine:
        with pytest.raises(KeyboardInterrupt), profile("exact"):
            interrupt_at_work()
        assert torch._C._len_torch_function_stack() == 1
        assert torch._C._get_function_stack_at(0) is mine
