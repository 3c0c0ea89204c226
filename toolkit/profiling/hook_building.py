"""How is the allocator hook compiled, and where is it kept? Once, by the C++ compiler at hand.

The C++ in `native`, against the headers of torch and Python, about 5 s. The result lies in the
user's cache folder under a name that holds the version of torch and a hash over everything that it
depends on, so that another torch or Python, or another version of the toolkit, looks for another
file. It is written under a name of its own and moved there when it is done: processes that build at
the same time are in nobody's way, and nobody loads half a file.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import torch

__all__ = [
    "CACHE",
    "HookBuildError",
    "built_path",
    "compile_hook",
    "find_compiler",
    "what_is_missing",
]

CACHE = "DOWNHILL_CACHE"  # names the folder to use instead of the user's
GET_COMPILER = "apt install g++, or xcode-select --install"
GET_HEADERS = "apt install python3-dev, or the package that your Python comes from"
SOURCES = Path(__file__).with_name("native")
LAST_LINES = 12  # of what a compiler says: the error stands above them, its summary in them
_FLAGS = ("-O2", "-std=c++20", "-shared", "-fPIC", "-fvisibility=hidden")
_FOLDER = "downhill"


class HookBuildError(RuntimeError):
    """The hook could not be compiled, for the reason in the text."""


def cache_folder() -> Path:
    """Where compiled files are kept: `DOWNHILL_CACHE`, or the user's cache folder."""
    named = os.environ.get(CACHE)
    if named:
        return Path(named)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / _FOLDER
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / _FOLDER


def built_path() -> Path:
    """Where the hook for this torch lies once it is built."""
    on_what = (
        [path.read_text(encoding="utf-8") for path in sorted(SOURCES.glob("*.[ch]*"))],
        _FLAGS,
        torch.__version__,
        torch.version.git_version,
        torch.compiled_with_cxx11_abi(),
        str(_torch_folder()),
        platform.system(),
        platform.machine(),
        sysconfig.get_config_var("SOABI"),
    )
    key = hashlib.sha256(repr(on_what).encode()).hexdigest()[:16]
    return cache_folder() / f"allocator_hook-torch{torch.__version__}-{key}.so"


def find_compiler() -> str | None:
    """The C++ compiler to use: `CXX` if set, else the first that is found."""
    names = (os.environ.get("CXX", ""), "c++", "g++", "clang++")
    return next((path for name in names if name and (path := shutil.which(name))), None)


def what_is_missing() -> str:
    """What the hook cannot be compiled without, and how to get it; empty if all is there."""
    if sys.platform == "win32":
        return "it is built on Linux and macOS; there is no recipe for Windows"
    if find_compiler() is None:
        return f"no C++ compiler was found: {GET_COMPILER}"
    if not (_headers() / "Python.h").exists():
        return f"{_headers()} has no Python.h: {GET_HEADERS}"
    return ""


def compile_hook() -> Path:
    """Compile the hook into the cache, whether or not it is there. Blocks for about 5 s.

    Raises:
        HookBuildError: something is missing for it, or the compiler failed; the text has its last
            lines.
    """
    compiler, missing = find_compiler(), what_is_missing()
    if missing or compiler is None:
        raise HookBuildError(missing)
    target = built_path()
    unfinished = _make_name(target)
    try:
        includes = ["-isystem", str(_headers()), *_for_torch()]
        source = str(SOURCES / "hook.cpp")
        _run([compiler, *_FLAGS, *includes, source, "-o", str(unfinished), *_libraries()])
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return target


def _headers() -> Path:
    return Path(sysconfig.get_path("include"))


def _make_name(target: Path) -> Path:
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(".so", f"{target.stem}-", target.parent)
    except OSError as error:
        raise HookBuildError(
            f"{target.parent} cannot be written ({error}); name another folder with {CACHE}"
        ) from error
    os.close(handle)
    return Path(name)


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise HookBuildError(f"{command[0]} could not be run: {error}") from error
    if done.returncode:
        said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-LAST_LINES:])
        raise HookBuildError(f"{command[0]} ended with {done.returncode}; its last lines:\n{said}")


def _for_torch() -> list[str]:
    abi = int(torch.compiled_with_cxx11_abi())
    return ["-isystem", str(_torch_folder() / "include"), f"-D_GLIBCXX_USE_CXX11_ABI={abi}"]


def _libraries() -> list[str]:
    folder = _torch_folder() / "lib"
    of_python = ["-undefined", "dynamic_lookup"] if sys.platform == "darwin" else []
    return [f"-L{folder}", f"-Wl,-rpath,{folder}", "-ltorch_cpu", "-lc10", *of_python]


def _torch_folder() -> Path:
    return Path(torch.__file__).resolve().parent
