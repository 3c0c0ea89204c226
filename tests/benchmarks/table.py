"""Which numbers does the page show? Those of `results/*.json`: `python tests/benchmarks/table.py`.

Rewrites the table in `README.md` between its two marks. Nothing is left out, losses least of all.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"


def rows(result: dict[str, Any]) -> list[str]:
    """One line of Markdown for each ratio of one result."""
    bars = result.get("bars", {})
    lines = []
    for name, value in result["ratios"].items():
        bar = bars.get(name)
        verdict = "" if bar is None else ("held" if value <= bar else "**missed**")
        limit = "" if bar is None else f"≤ {bar:g}"
        lines.append(f"| {result['name']} | {name} | {value:.2f} | {limit} | {verdict} |")
    return lines


def details(result: dict[str, Any]) -> list[str]:
    """The tables that a result brings along, by title, each a list of rows by column."""
    lines: list[str] = []
    for title, kept in result.get("tables", {}).items():
        lines += ["", f"**{title}**", "", f"| {' | '.join(kept[0])} |", "|---" * len(kept[0]) + "|"]
        lines += [f"| {' | '.join(row.values())} |" for row in kept]
    return [*lines, "", result["legend"]] if lines else []


def table(results: list[dict[str, Any]]) -> str:
    """The whole table, and under it when and where each result was taken, and tables of details."""
    head = ["| benchmark | ratio | value | bar | |", "|---|---|---|---|---|"]
    places = [
        f"- {one['name']}: {one['machine']['date'][:10]}, commit {one['machine']['commit'][:9]}, "
        f"{one['machine']['cpu']}, {one['machine']['cores']} cores, "
        f"torch {one['machine']['torch']}, Python {one['machine']['python']}"
        for one in results
    ]
    lines = [line for one in results for line in rows(one)]
    more = [line for one in results for line in details(one)]
    return "\n".join([*head, *lines, "", *places, *more])


def main() -> None:
    """Put the table of `results/` into `README.md`."""
    paths = sorted((HERE / "results").glob("*.json"))
    found = table([json.loads(path.read_text(encoding="utf-8")) for path in paths])
    page = HERE / "README.md"
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    page.write_text(f"{before}{BEGIN}\n{found}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
