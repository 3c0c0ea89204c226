"""One result, once, for many threads: claims, interrupts, overwritten pixels, finalisers."""

import gc
import threading

import pytest

from toolkit.attachments import MISSING, Attachments, Request

KEY = ("blur", "a provider")


@pytest.fixture
def attachments():
    return Attachments(threading.RLock())


def test_a_claim_given_back_late_does_not_undo_what_another_thread_has_finished(
    attachments, monkeypatch
):
    request = attachments.claim(KEY)
    settle = Request.settle

    def settle_late(self, outcome):
        if outcome is MISSING:  # another thread claims and finishes just before
            monkeypatch.setattr(Request, "settle", settle)
            attachments.finish(attachments.claim(KEY), {KEY: 42})
        settle(self, outcome)

    monkeypatch.setattr(Request, "settle", settle_late)
    attachments.abandon(KEY)
    assert request.result(timeout_seconds=0) == 42


def test_only_the_thread_that_claimed_gives_a_claim_back(attachments):
    request = attachments.claim(KEY)
    other = threading.Thread(target=attachments.abandon, args=(KEY,))
    other.start()
    other.join(10)
    assert request.owner == threading.get_ident()


def test_a_callback_that_raises_is_logged_and_the_next_one_is_called(attachments, caplog):
    called = []
    request = attachments.request(KEY)
    request.add_done_callback(lambda _: 1 / 0)
    request.add_done_callback(called.append)
    attachments.finish(attachments.claim(KEY), {KEY: 42})
    assert called == [request]
    assert "a callback of the request for 'blur' raised" in caplog.text


def test_who_waits_for_a_stale_result_is_woken_to_ask_again(attachments):
    claim = attachments.claim(KEY)
    attachments.overwritten()
    attachments.finish(claim, {KEY: 42})
    assert not claim.is_done
    assert attachments.claim(KEY).owner == threading.get_ident()
    attachments.finish(claim, {KEY: 43})
    assert claim.result(timeout_seconds=0) == 43


def test_a_finaliser_that_drops_results_may_run_inside_of_the_lock(attachments):
    def writer(box):
        try:
            yield box
        finally:
            attachments.overwritten()

    done = threading.Event()

    def make_requests():
        gc.disable()
        box = []
        box.append(writer(box))
        next(box[0])
        del box  # garbage in a cycle: its finaliser runs when the collector does
        gc.set_threshold(1)
        gc.enable()
        for number in range(6):
            attachments.request((str(number), None))
        done.set()

    before = gc.get_threshold()
    try:
        threading.Thread(target=make_requests, daemon=True).start()
        assert done.wait(10), "the thread waits for itself"
    finally:
        gc.set_threshold(*before)
        gc.enable()
