"""What every test gets: real data by name, the same seeds, one thread, markers with a reason."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import pytest

from toolkit.demos.machine import GET_CHROMIUM, find_chromium

# Kernels on two threads of a busy two-core machine are slower and their timings wilder than on one.
# Set before anything imports torch; child processes inherit it.
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

pytest_plugins = ["pytester"]  # runs pytest on small projects of their own

REPOSITORY = Path(__file__).resolve().parent.parent


def _has_cuda() -> bool:
    import torch

    return torch.cuda.is_available()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of devices come first, and browser tests last.

    Torch makes its threads for gradients once, for the devices that it knows then: the emulated one
    has to be known before anything else learns. And until the browser closes, Playwright's event
    loop counts as the running one of this thread, and `asyncio.run` refuses to work beside it.
    """
    items.sort(key=lambda item: "devices" not in item.path.parts)
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("needs_cuda") and not _has_cuda():
        if os.environ.get("FAIL_WITHOUT_CUDA") == "1":
            pytest.fail("FAIL_WITHOUT_CUDA=1, and torch finds no CUDA device", pytrace=False)
        pytest.skip("torch finds no CUDA device")
    if item.get_closest_marker("browser") and find_chromium() is None:
        if os.environ.get("FAIL_WITHOUT_BROWSER") == "1":
            pytest.fail("FAIL_WITHOUT_BROWSER=1, and no Chromium was found", pytrace=False)
        pytest.skip(f"no Chromium found: {GET_CHROMIUM}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many browser tests did not run for want of a browser, and how to get one."""
    skipped = terminalreporter.stats.get("skipped", [])
    count = sum("no Chromium found" in str(report.longrepr) for report in skipped)
    if count:
        terminalreporter.write_line(
            f"{count} browser tests did not run, because no Chromium was found: {GET_CHROMIUM}"
        )


@pytest.fixture(autouse=True)
def _same_seeds() -> None:
    """Every test starts from the same random state, whatever ran before it."""
    random.seed(0)
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(0)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout that the tests run in."""
    return REPOSITORY


@pytest.fixture(scope="session")
def compiled_hook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The allocator hook, compiled once for all tests into a cache folder of its own."""
    from toolkit.profiling.hook_building import CACHE, compile_hook, what_is_missing

    if missing := what_is_missing():
        pytest.skip(f"no compiled hook: {missing}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE, str(tmp_path_factory.mktemp("cache")))
        return compile_hook()


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real clips: DOWNHILL_TEST_DATA, or `shared` beside the checkout."""
    folder = Path(os.environ.get("DOWNHILL_TEST_DATA") or REPOSITORY.parent / "shared").resolve()
    if not folder.is_dir():
        pytest.skip(f"no test data in {folder}: set DOWNHILL_TEST_DATA")
    return folder
