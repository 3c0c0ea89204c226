// The part of the report's script that needs no page.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const source = new URL("../../../toolkit/profiling/reporters/static/report.js", import.meta.url);
const { ordered, zoomed } = await import(
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

const cells = [
  { start: 0, width: 1, depth: 0 },
  { start: 0, width: 0.6, depth: 1 },
  { start: 0.6, width: 0.4, depth: 1 },
  { start: 0.6, width: 0.1, depth: 2 },
];

test("a chosen cell fills the width, with those above it, and its neighbours go", () => {
  const places = zoomed(cells, cells[2]);
  assert.deepEqual(places.slice(0, 3), [{ left: 0, width: 1 }, null, { left: 0, width: 1 }]);
  assert.equal(places[3].left, 0);
  assert.ok(Math.abs(places[3].width - 0.25) < 1e-9);
});

test("choosing the whole brings everything back", () => {
  const places = zoomed(cells, cells[0]);
  assert.deepEqual(places.map(({ left }) => left), [0, 0, 0.6, 0.6]);
});
