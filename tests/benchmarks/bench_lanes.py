"""Does the running work notice that somebody watches it? Frames beside 2000 events a second.

A kernel of its own computes frames on one core. Seconds in which `widgets.Lanes` has a view that
can be seen take turns with seconds in which it has none, in random order. There is no browser: what
it draws is another process's time. Bar: p95 of a frame changes by less than 2 %.

    python -m toolkit bench lanes           # or: python tests/benchmarks/bench_lanes.py --quick
"""

from __future__ import annotations

import argparse
import json
from typing import Any

from jupyter_client.manager import start_new_kernel

from tests.browser.test_lanes import SETUP
from toolkit.demos.machine import describe_machine

MOST = 1.02
CODE = """
import json, os, random, torch
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
torch.set_num_threads(1)
lanes, pixels, taken = Lanes(busy), torch.rand(192, 192), {True: [], False: []}

def say(**message):
    lanes._handle_custom_msg(message, [])

def frame():
    begin = time.perf_counter()
    for _ in range(12):
        torch.mm(pixels, pixels).relu_()
        sum(range(3000))
    return time.perf_counter() - begin

def watch(is_seen):
    say(t="see", view="a", visible=is_seen, have=lanes._number)
    due = time.perf_counter()
    for _ in range(60):
        due += 1 / 60
        time.sleep(max(0, due - time.perf_counter()))
        taken[is_seen].append(frame())
        if is_seen and lanes._number % 8 == 0:
            say(t="drawn", view="a", n=lanes._number)

for _ in range(ROUNDS):
    for is_seen in random.sample([True, False], 2):
        watch(is_seen)
busy.stop = True

def figures(seconds):
    ordered = sorted(seconds)
    return {name: ordered[int(len(ordered) * share)] * 1e3
            for name, share in (("p50_ms", 0.5), ("p90_ms", 0.9), ("p95_ms", 0.95))}

print(json.dumps({"watched": figures(taken[True]), "alone": figures(taken[False]),
                  "frames": len(taken[True]), "deltas": lanes._number}))
"""


def run_in_kernel(code: str, timeout_seconds: float) -> str:
    """What `code` prints in a kernel of its own.

    Raises:
        RuntimeError: it raised.
    """
    said: list[str] = []
    faults: list[str] = []

    def hear(message: dict[str, Any]) -> None:
        content = message["content"]
        if message["msg_type"] == "stream" and content["name"] == "stdout":
            said.append(content["text"])
        elif message["msg_type"] == "error":
            faults.append(f"{content['ename']}: {content['evalue']}")

    manager, client = start_new_kernel()
    try:
        client.execute_interactive(code, timeout=timeout_seconds, output_hook=hear)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    if faults:
        raise RuntimeError(faults[0])
    return "".join(said)


def run(quick: bool = False) -> dict[str, Any]:
    """Times of frames while a view is open and while none is, and their ratios."""
    rounds = 6 if quick else 60
    code = SETUP + CODE.replace("ROUNDS", str(rounds))
    found = json.loads(run_in_kernel(code, 20 * rounds + 60))
    watched, alone = found["watched"], found["alone"]
    return {
        "name": "lanes",
        "ratios": {f"watched / alone, {name}": watched[name] / alone[name] for name in watched},
        "machine": describe_machine(),
        "rows": [{"case": "watched", **watched}, {"case": "alone", **alone}],
        "frames": found["frames"],
        "deltas": found["deltas"],
        "bars": {"watched / alone, p95_ms": MOST},
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the time")
    print(json.dumps(run(parser.parse_args().quick), indent=1))  # noqa: T201 - its output
