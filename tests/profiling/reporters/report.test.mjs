// The part of the report's script that needs no page.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const source = new URL("../../../toolkit/profiling/reporters/static/report.js", import.meta.url);
const { ordered } = await import(
  `data:text/javascript,${encodeURIComponent(readFileSync(source, "utf-8"))}`
);

const row = (name, value) => ({
  cells: [{ dataset: {}, textContent: name }, { dataset: { value: String(value) }, textContent: `${value} MB` }],
});
const rows = [row("edges", 9), row("blur", 100), row("gray", 20)];
const names = (sorted) => sorted.map((one) => one.cells[0].textContent);

test("numbers are sorted by value and not by their digits", () => {
  assert.deepEqual(names(ordered(rows, 1, true)), ["blur", "gray", "edges"]);
  assert.deepEqual(names(ordered(rows, 1, false)), ["edges", "gray", "blur"]);
});

test("names are sorted by text", () => {
  assert.deepEqual(names(ordered(rows, 0, false)), ["blur", "edges", "gray"]);
});

test("the rows that were given keep their order", () => {
  ordered(rows, 1, true);
  assert.deepEqual(names(rows), ["edges", "blur", "gray"]);
});
