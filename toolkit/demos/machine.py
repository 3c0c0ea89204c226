"""Which machine is this? The few facts that a measurement is worthless without.

Standard library only until torch is asked about, so that a test can look for a browser in no time.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_INSTALLED_BROWSERS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
)
_PLAYWRIGHT_BROWSERS = (
    ".cache/ms-playwright/chromium-*/chrome-linux*/chrome",
    "Library/Caches/ms-playwright/chromium-*/chrome-mac*/*.app/Contents/MacOS/*",
)
GET_CHROMIUM = "playwright install chromium, or set DOWNHILL_CHROMIUM to a Chrome or Chromium"


def cpu_model() -> str:
    """The processor's name, as the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith(("model name", "Model")):
                return line.partition(":")[2].strip()
    return _first_line("sysctl", "-n", "machdep.cpu.brand_string") or platform.processor() or "?"


def cores() -> int:
    """How many cores this process may run on, which can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def find_chromium() -> str | None:
    """The Chromium or Chrome to use: DOWNHILL_CHROMIUM if set, else the first that is found."""
    named = os.environ.get("DOWNHILL_CHROMIUM")
    if named is not None:
        return named if Path(named).is_file() else None
    for name in _BROWSERS:
        if path := shutil.which(name):
            return path
    by_playwright = [path for glob in _PLAYWRIGHT_BROWSERS for path in Path.home().glob(glob)]
    known = [Path(path) for path in _INSTALLED_BROWSERS] + sorted(by_playwright, reverse=True)
    return next((str(path) for path in known if path.is_file()), None)


def describe_machine() -> dict[str, object]:
    """What a benchmark's result is stored with: commit, processor, device, torch, threads, date."""
    import torch

    return {
        "commit": _first_line("git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"),
        "cpu": cpu_model(),
        "cores": cores(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "os": platform.platform(terse=True),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _first_line(*command: str) -> str | None:
    """The first line that `command` prints, or None where it is missing or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip().partition("\n")[0] or None if done.returncode == 0 else None
