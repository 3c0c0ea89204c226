"""Whoever watches parameters is told of each change, and leaves nothing behind."""

import gc
import logging
from typing import Annotated

from toolkit.parameters import Parameters, Range, read_parameters


def prepare(spec, *, sigma: Annotated[float, Range(0.3, 5.0)] = 1.2):
    return {}


def parameters():
    specs = read_parameters(prepare)
    return Parameters({"blur": specs, "sharpen": specs, "plain": ()})


class Listener:
    def __init__(self):
        self.heard = []

    def hear(self, names):
        self.heard.append(set(names))


def test_a_change_is_told_with_the_stage_that_it_touched():
    params, listener = parameters(), Listener()
    params.watch(listener.hear)
    params["blur"].sigma = 2.0
    params["sharpen"].reset()
    params.switch(bypass=["plain"])
    assert listener.heard == [{"blur"}, {"sharpen"}, {"plain"}]


def test_a_load_is_told_once_and_a_refused_one_not_at_all():
    params, listener = parameters(), Listener()
    params.watch(listener.hear)
    params.load({"blur": {"sigma": 2.0}, "sharpen": {"sigma": 2.0}}, bypassed=["plain"])
    params.load({}, bypassed=["plain"])
    assert listener.heard == [{"blur", "sharpen", "plain"}]


def test_a_watcher_reads_the_new_value():
    params, seen = parameters(), []

    def look(names):
        seen.append(params["blur"].sigma)

    params.watch(look)
    params["blur"].sigma = 2.0
    assert seen == [2.0]


def test_a_watcher_that_is_gone_is_not_told():
    params, listener = parameters(), Listener()
    params.watch(listener.hear)
    heard = listener.heard
    del listener
    gc.collect()
    params["blur"].sigma = 2.0
    assert heard == []


def test_watching_twice_is_watching_once_and_it_ends():
    params, listener = parameters(), Listener()
    params.watch(listener.hear)
    params.watch(listener.hear)
    params["blur"].sigma = 2.0
    params.unwatch(listener.hear)
    params.unwatch(listener.hear)
    params["blur"].sigma = 3.0
    assert listener.heard == [{"blur"}]


def test_a_watcher_that_fails_is_logged_and_told_no_more_while_others_are(caplog):
    params, listener, calls = parameters(), Listener(), []

    def fail(names):
        calls.append(names)
        raise ZeroDivisionError("no light")

    params.watch(fail)
    params.watch(listener.hear)
    with caplog.at_level(logging.ERROR):
        params["blur"].sigma = 2.0
        params["blur"].sigma = 3.0
    assert len(calls) == 1
    assert len(listener.heard) == 2
    assert "watches no longer" in caplog.text
