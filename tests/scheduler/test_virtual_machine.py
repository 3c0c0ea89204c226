"""Does the virtual machine behave like one? Numbers that can be worked out by hand."""

from itertools import pairwise

import pytest

from toolkit.scheduler.executors.calibration import IDEAL, Calibration
from toolkit.scheduler.executors.interpreter import Interpreter
from toolkit.scheduler.executors.machine import Machine
from toolkit.scheduler.executors.shared_cores import SharedCores
from toolkit.scheduler.executors.virtual import VirtualClock, VirtualThread

MS = 1_000_000
QUEUES = Calibration(slice_ns=MS, tick_ns=4 * MS)  # one queue a core; all else is ideal
EXACT = Calibration()


class Times:
    """When each of some threads was done."""

    def __init__(self, machine):
        self.machine, self.ms = machine, {}

    def run(self, name, ms, *, at_ms=0, niceness=0, then=None):
        """Let a new thread work `ms`; `then` begins the next work of the same thread."""
        thread = self.machine.thread(niceness)

        def begin():
            self.machine.quantum(thread, ms * MS, False, end)

        def end():
            self.ms[name] = self.machine.clock.now_ns / MS
            if then is not None:
                then(thread)

        self.machine.sleep(thread, at_ms * MS, begin)
        return thread


def after(calibration, *works, cores=1, until_ms=1000):
    """When each work was done, in ms; a work is (name, ms) and options."""
    machine = Machine(cores=cores, calibration=calibration)
    times = Times(machine)
    for name, ms, *options in works:
        times.run(name, ms, **(options[0] if options else {}))
    machine.clock.run(until_ms * MS)
    return times.ms


def test_threads_with_a_core_each_do_not_feel_each_other():
    assert after(EXACT, ("a", 5), ("b", 8), cores=2) == {"a": 5, "b": 8}


def test_ideal_cores_are_shared_at_every_instant():
    assert after(EXACT, ("a", 5), ("b", 10)) == pytest.approx({"a": 10, "b": 15})


def test_no_thread_has_more_than_one_ideal_core():
    ended = after(EXACT, ("a", 10), ("b", 10), ("c", 10), cores=2)
    assert ended == pytest.approx({"a": 15, "b": 15, "c": 15})


def test_a_nice_thread_has_the_share_of_an_ideal_core_that_its_weight_earns():
    ended = after(EXACT, ("a", 10), ("nice", 10, {"niceness": 19}))
    assert ended["a"] == pytest.approx(10 * (1 + 1.25**-19), abs=0.01)
    assert ended["nice"] == pytest.approx(20, abs=0.01)


def test_on_a_run_queue_one_thread_at_a_time_has_the_core():
    ended = after(QUEUES, ("a", 6), ("b", 6))
    assert ended == {"b": 10, "a": 12}  # a until the tick at 4, b until that at 8, and so on


def test_a_run_queue_s_threads_have_equal_shares_in_the_long_run():
    ended = after(QUEUES, ("a", 100), ("b", 100), ("c", 100))
    assert max(ended.values()) == 300
    assert min(ended.values()) > 280


def test_who_was_just_given_a_core_keeps_it_for_a_slice_however_nice():
    first = {"niceness": 19, "at_ms": 0}
    soon = after(QUEUES, ("nice", 50, first), ("a", 1, {"at_ms": 0.5}))
    late = after(QUEUES, ("nice", 50, first), ("a", 1, {"at_ms": 2.5}))
    assert soon["a"] == 5  # waits for the tick at 4
    assert late["a"] == 3.5  # the slice was over: at once


def test_a_core_that_falls_idle_takes_a_thread_that_waits_at_another():
    ended = after(QUEUES, ("a", 3), ("b", 9), ("c", 9), cores=2)
    assert max(ended.values()) <= 12


def beside_two_nice_ones(rounds):
    """What becomes of one that naps for 20 us after each ms, and of two nice ones after 50 ms."""
    machine = Machine(cores=2, calibration=QUEUES)
    times, napper, woke_ms = Times(machine), machine.thread(), []

    def work():
        woke_ms.append(machine.clock.now_ns / MS)
        if len(woke_ms) <= rounds:
            machine.quantum(napper, MS, False, nap)

    def nap():
        machine.sleep(napper, machine.clock.now_ns + 20_000, work)

    machine.sleep(napper, 0, work)
    for name in ("b", "c"):
        times.run(name, 100, niceness=19, at_ms=50)
    machine.clock.run(1000 * MS)
    return woke_ms, times.ms


def test_a_core_that_is_never_idle_for_long_takes_no_thread_from_another():
    woke_ms, ended = beside_two_nice_ones(rounds=250)
    undisturbed = [after - before < 1.03 for before, after in pairwise(woke_ms)]
    assert sum(undisturbed) > 240  # a tick may fall into a nap
    assert min(ended.values()) > 200  # the two share the other core: one taken along would starve


def test_a_core_that_took_no_thread_gets_one_at_the_tick_of_a_busy_core():
    woke_ms, ended = beside_two_nice_ones(rounds=80)
    assert max(ended.values()) < woke_ms[-1] + 4 + 100  # at the next tick, and runs from then on


def test_three_equal_threads_have_two_thirds_of_two_cores_each():
    ended = after(QUEUES, ("a", 400), ("b", 400), ("c", 400), cores=2)
    assert min(ended.values()) > 500
    assert max(ended.values()) < 700


def test_a_thread_stays_off_the_core_where_somebody_runs_if_another_is_idle():
    assert after(QUEUES, ("a", 9), ("b", 9, {"at_ms": 1}), cores=2) == {"a": 9, "b": 10}


def test_a_thread_that_wakes_stays_with_its_core_where_all_are_busy():
    nice_elsewhere = [("a", 2), ("nice", 50, {"niceness": 19}), ("b", 20, {"at_ms": 3})]
    ended = after(QUEUES, *nice_elsewhere, ("c", 5, {"at_ms": 10}), cores=2)
    assert ended["nice"] == 50  # c went to where it had been last, beside b


def python_and_kernels(switch_ms):
    """When a thread with four kernels of 1 ms is done beside one with 50 ms of Python."""
    clock = VirtualClock()
    cores = SharedCores(clock, 2)

    def wake(thread, then, *args):
        clock.at(clock.now_ns, cores.run, thread, 0, then, *args)

    lock = Interpreter(clock, cores, wake, switch_interval_ns=int(switch_ms * MS))
    python, other, ended_ms = VirtualThread(1024), VirtualThread(1024), {}

    def end(name):
        ended_ms[name] = clock.now_ns / MS

    def kernel(left):
        if left:
            cores.run(other, MS, lock.hold, other, 1000, kernel, left - 1)
        else:
            end("kernels")

    wake(python, lock.hold, python, 50 * MS, end, "python")
    wake(other, kernel, 4)
    clock.run()
    return ended_ms["kernels"], ended_ms["python"]


def test_a_thread_out_of_a_kernel_waits_a_switch_interval_for_a_lock_that_python_holds():
    kernels_ms, python_ms = python_and_kernels(switch_ms=5)
    assert kernels_ms == pytest.approx(4 + 4 * 5, abs=0.01)
    assert python_ms == pytest.approx(50, abs=0.01)


def test_a_shorter_switch_interval_shortens_that_wait():
    kernels_ms, _ = python_and_kernels(switch_ms=0.5)
    assert kernels_ms == pytest.approx(4 + 4 * 0.5, abs=0.01)


def test_between_kernels_the_lock_is_held_so_that_two_threads_meet_now_and_then():
    calibration = Calibration(slice_ns=MS, kernel_ns=MS, hold_ns=10_000, schedule_ns=20_000)
    ended = after(calibration, ("a", 4), ("b", 4), cores=2)
    assert sorted(ended.values()) == pytest.approx([4.06, 4.09], abs=0.001)


def test_kernels_of_a_quantum_vary_but_not_its_cost():
    calibration = Calibration(slice_ns=MS, kernel_ns=MS // 10, kernel_noise=0.2, hold_ns=1000)
    assert after(calibration, ("a", 10))["a"] == pytest.approx(10.1, abs=0.001)


def test_kernels_that_vary_meet_at_the_lock_again_and_again():
    def lock_wait_ms(noise):
        calibration = Calibration(
            slice_ns=MS, kernel_ns=MS // 10, kernel_noise=noise, hold_ns=10_000
        )
        machine = Machine(cores=2, calibration=calibration)
        times = Times(machine)
        for name in ("a", "b"):
            times.run(name, 100)
        machine.clock.run()
        return machine.lock_wait_ns / MS

    assert lock_wait_ms(0.0) == 0.01  # at first: they keep their distance from then on
    assert lock_wait_ms(0.2) > 0.2


def test_a_device_runs_kernels_in_the_order_of_their_coming_and_preempts_none():
    machine = Machine(cores=8, units=1, calibration=EXACT)
    ended = []
    for name in "abc":
        thread = machine.thread()
        machine.quantum(thread, 10 * MS, True, lambda name=name: ended.append((name, now())))

    def now():
        return machine.clock.now_ns // MS

    machine.clock.run(100 * MS)
    assert ended == [("a", 10), ("b", 20), ("c", 30)]


def test_work_costs_more_or_less_than_it_is_said_to_and_the_same_with_the_same_seed():
    def took(seed):
        machine = Machine(calibration=IDEAL, seed=seed)
        times = Times(machine)
        times.run("a", 100)
        machine.clock.run()
        return times.ms["a"]

    assert took(1) == took(1) != took(2)
    assert 70 <= took(1) <= 150


def test_a_machine_that_slows_down_takes_that_much_longer():
    assert after(Calibration(slowdown=1.5), ("a", 10)) == {"a": 15}


def test_waking_up_and_sleeping_too_long_take_their_time():
    machine = Machine(calibration=Calibration(wake_ns=(30_000,), overshoot_ns=(60_000,)))
    seen = []
    machine.wake(machine.thread(), lambda: seen.append(machine.clock.now_ns))
    machine.sleep(machine.thread(), MS, lambda: seen.append(machine.clock.now_ns))
    machine.clock.run()
    assert seen == [30_000, MS + 60_000]


def test_ideal_work_is_one_event_and_time_jumps():
    machine = Machine(cores=1, calibration=EXACT)
    times = Times(machine)
    times.run("a", 3_600_000)
    machine.clock.run()
    assert times.ms == {"a": 3_600_000}
