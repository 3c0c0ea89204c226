"""In a real kernel: a widget is handled where the page asked for, even while a cell runs."""

import os
import threading
from contextvars import ContextVar
from pathlib import Path

import pytest

from widgets import routes

REPOSITORY = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 60

jupyter_client = pytest.importorskip("jupyter_client")
pytest.importorskip("ipykernel")

SETUP = """\
import sys, threading
sys.path.insert(0, {repository!r})
import ipywidgets
from widgets.routes import keep_answering, publishing_context
kept, bare = ipywidgets.IntSlider(), ipywidgets.IntSlider()
keep_answering(kept)
moved = {{kept: threading.Event(), bare: threading.Event()}}
for one in moved:
    one.observe(lambda change: moved[change.owner].set(), "value")
print(kept.comm.comm_id, bare.comm.comm_id, hasattr(bare.comm, "_reply_subshell_for"))
"""
# The slider is published by this cell, which then waits until somebody else handles a touch of it.
BUSY = """\
{name}.value += 100
moved[{name}].clear()
print("it runs", flush=True)
print(moved[{name}].wait({patience}))
"""
FROM_A_THREAD = """\
def work():
    {name}.value += 1
    print("printed by the thread")
thread = threading.Thread(target={how})
thread.start()
thread.join()
"""


class Kernel:
    """A kernel, and this test as the page that talks to it."""

    def __init__(self, client):
        self.client = client
        self.comms = {}
        self.routes_replies = False
        self.subshell = ""

    def run(self, code, *, on_print=lambda: None):
        """Run a cell to its end; what it printed, and what it published, with whose cell it was."""
        cell = self.client.execute(code)
        printed, published = "", []
        while True:
            message = self.client.get_iopub_msg(timeout=PATIENCE_SECONDS)
            parent, content = message["parent_header"].get("msg_id"), message["content"]
            if message["msg_type"] == "comm_msg":
                published.append((content["comm_id"], parent == cell, parent))
            if parent != cell:
                continue
            assert message["msg_type"] != "error", "\n".join(content["traceback"])
            if message["msg_type"] == "stream":
                printed += content["text"]
                on_print()
            if message["msg_type"] == "status" and content["execution_state"] == "idle":
                return printed, published

    def touch(self, name, value):
        """Move a slider as a page does: to the subshell that it made for widgets."""
        update = {"method": "update", "state": {"value": value}, "buffer_paths": []}
        content = {"comm_id": self.comms[name], "data": update}
        message = self.client.session.msg("comm_msg", content)
        message["header"]["subshell_id"] = self.subshell
        self.client.shell_channel.send(message)


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    environment = os.environ | {"IPYTHONDIR": str(tmp_path_factory.mktemp("ipython"))}
    manager, client = jupyter_client.manager.start_new_kernel(env=environment)
    try:
        kernel = Kernel(client)
        printed, _ = kernel.run(SETUP.format(repository=str(REPOSITORY)))
        kept, bare, has_rule = printed.split()
        kernel.comms = {"kept": kept, "bare": bare}
        kernel.routes_replies = has_rule == "True"
        about = client.kernel_info(reply=True, timeout=PATIENCE_SECONDS)["content"]
        if "kernel subshells" not in about.get("supported_features", ()):
            pytest.skip("this ipykernel has no subshells")
        client.control_channel.send(client.session.msg("create_subshell_request"))
        reply = client.get_control_msg(timeout=PATIENCE_SECONDS)
        kernel.subshell = reply["content"]["subshell_id"]
        yield kernel
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_a_slider_answers_while_the_cell_that_published_it_runs(kernel):
    printed, _ = kernel.run(
        BUSY.format(name="kept", patience=PATIENCE_SECONDS),
        on_print=lambda: kernel.touch("kept", 7),
    )
    assert printed.split("\n")[1] == "True"


def test_a_slider_that_is_not_kept_answering_would_go_where_it_was_published(kernel):
    """If this fails, ipykernel has changed its rule, and `keep_answering` may be needless."""
    if not kernel.routes_replies:
        pytest.skip("this ipykernel has no such rule")
    asked = "{0}.value += 1\nprint({0}.comm._reply_subshell_for({{}}, 'the page asked'))"
    assert kernel.run(asked.format("bare"))[0] == "None\n"
    assert kernel.run(asked.format("kept"))[0] == "the page asked\n"


def test_an_answer_that_a_cell_waits_for_goes_to_that_cell(kernel):
    if not kernel.routes_replies:
        pytest.skip("this ipykernel has no such rule")
    ask = "kept.send({'id': 'a question'})\n"
    answer = "print(kept.comm._reply_subshell_for({'content': {'id': 'a question'}}, 'page'))"
    assert kernel.run(ask + answer + "\n" + answer)[0] == "None\npage\n"


def test_what_a_thread_publishes_is_not_the_cell_s_while_its_prints_are(kernel):
    how = "publishing_context().run, args=(work,)"
    printed, published = kernel.run(FROM_A_THREAD.format(name="bare", how=how))
    assert printed == "printed by the thread\n"
    assert published == [(kernel.comms["bare"], False, None)]


def test_a_thread_that_publishes_in_its_own_context_counts_as_the_cell(kernel):
    """If this fails, ipykernel has changed, and `publishing_context` may be needless."""
    if not kernel.routes_replies:
        pytest.skip("an older ipykernel: there such a thread may not publish at all")
    _, published = kernel.run(FROM_A_THREAD.format(name="bare", how="work"))
    assert [is_the_cell_s for _, is_the_cell_s, _ in published] == [True]


@pytest.mark.parametrize("data", [None, [], {"content": None}, {"content": {"id": []}}, {}])
def test_whatever_a_page_sends_has_a_route(data):
    comm = type("Comm", (), {"_reply_subshell_for": None, "_reply_subshell_ids": {}})()
    routes.keep_answering(type("Widget", (), {"comm": comm}))
    assert comm._reply_subshell_for(data, "page") == "page"


@pytest.mark.parametrize("comm", [None, object()])
def test_without_a_kernel_or_its_rule_nothing_is_done(comm):
    routes.keep_answering(type("Widget", (), {"comm": comm}))


def test_without_a_kernel_the_context_is_a_copy_of_this_one():
    colour = ContextVar("colour")
    colour.set("red")
    seen = []
    work = threading.Thread(
        target=routes.publishing_context().run, args=(lambda: seen.append(colour.get()),)
    )
    work.start()
    work.join()
    assert seen == ["red"]
