"""A real Jupyter kernel, interrupted in the middle of a profiled cell, goes on profiling."""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 120

jupyter_client = pytest.importorskip("jupyter_client")
pytest.importorskip("ipykernel")

SETUP = (
    "import torch\nimport toolkit.profiling.magics\n%load_ext toolkit\npicture = torch.ones(256)"
)
ENDLESS = """\
%%frame_profile --level exact -o spent
print("it runs", flush=True)
while True:
    picture.clone()
"""
NEXT = "%%frame_profile --level exact -o second\ndoubled = picture + picture"
COUNTED = "print(second.bill().whole.total.allocations, second.bill().whole.total.allocated_bytes)"
PROFILED = """\
with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as theirs:
    torch.ones(8)
print([event.name for event in theirs.events()].count("aten::ones"))
"""


class Kernel:
    """A kernel that cells are sent to."""

    def __init__(self, manager, client):
        self.manager = manager
        self.client = client
        self.error = ""

    def run(self, code, *, on_print=lambda: None):
        """Run a cell to its end; answers what it printed and showed."""
        cell = self.client.execute(code)
        shown, self.error = "", ""
        while True:
            message = self.client.get_iopub_msg(timeout=PATIENCE_SECONDS)
            if message["parent_header"].get("msg_id") != cell:
                continue
            content = message["content"]
            if message["msg_type"] == "stream" and content["name"] == "stdout":
                shown += content["text"]
                on_print()
            elif message["msg_type"] == "display_data":
                shown += content["data"].get("text/plain", "")
            elif message["msg_type"] == "error":
                self.error = content["ename"]
            elif content.get("execution_state") == "idle":
                return shown


@pytest.fixture(scope="module")
def kernel():
    manager = jupyter_client.KernelManager(kernel_name="python3")
    path = os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])
    manager.start_kernel(env=os.environ | {"PYTHONPATH": path}, cwd=str(REPOSITORY))
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=PATIENCE_SECONDS)
        one = Kernel(manager, client)
        one.run(SETUP)
        assert one.error == ""
        yield one
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_a_cell_that_is_interrupted_shows_its_bill_and_the_next_one_counts_right(kernel):
    shown = kernel.run(ENDLESS, on_print=kernel.manager.interrupt_kernel)
    assert kernel.error == "KeyboardInterrupt"
    assert "Bill of 1 frames" in shown
    assert "Bill of 1 frames" in kernel.run(NEXT)
    assert kernel.error == ""
    assert kernel.run(COUNTED).split() == ["1", "1024"]


def test_a_torch_profiler_of_the_next_cell_sees_operators(kernel):
    kernel.run(ENDLESS, on_print=kernel.manager.interrupt_kernel)
    assert kernel.error == "KeyboardInterrupt"
    assert kernel.run(PROFILED).split() == ["1"]


def test_threads_of_the_kernel_are_not_named_on_the_bill(kernel):
    shown = " ".join(kernel.run(NEXT).split())
    assert "Bill of 1 frames" in shown
    assert "alive meanwhile" not in shown
