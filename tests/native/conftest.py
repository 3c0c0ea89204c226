"""Runs a script in a child process with the shim preloaded."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
PREAMBLE = """
import ctypes, json
_shim = ctypes.CDLL(None)
_shim.shim_stop.restype = ctypes.c_long
_shim.shim_sizes.restype = ctypes.POINTER(ctypes.c_size_t)

def truth(work):
    _shim.shim_start()
    try:
        work()
    finally:
        count = _shim.shim_stop()
    return sorted(_shim.shim_sizes()[:count])

def answer(value):
    print(json.dumps(value))
"""


@pytest.fixture(scope="session")
def shim(tmp_path_factory) -> Path:
    """The compiled shim."""
    if sys.platform != "linux":
        pytest.skip("the preloaded counter needs Linux")
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("the preloaded counter needs a C compiler: apt-get install gcc")
    library = tmp_path_factory.mktemp("shim") / "shim.so"
    command = [
        compiler,
        "-O2",
        "-shared",
        "-fPIC",
        "-o",
        str(library),
        str(HERE / "shim.c"),
        "-ldl",
    ]
    subprocess.run(command, check=True)
    return library


@pytest.fixture(scope="session")
def preloaded(shim):
    """Run a script that ends with `answer(value)`; gives the value back."""

    def run(script: str) -> object:
        environment = os.environ | {"LD_PRELOAD": str(shim), "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [sys.executable, "-c", PREAMBLE + script],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
            cwd=HERE.parent.parent,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run
