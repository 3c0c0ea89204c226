// How is the bill's chart laid out, and what does it say? Pure functions, with numbers worked out by hand.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

const text = name => readFileSync(new URL(`../../widgets/static/${name}.js`, import.meta.url), "utf8");
const bill = await import(
  "data:text/javascript," + encodeURIComponent(text("shown") + "\n" + text("bill")));

const NAMES = ["gray", "(outside stages)", "blur"];
const at = name => bill.MEASURES.findIndex(([one]) => one === name);

/** A row whose stages took so many allocations. */
function row(number, allocations, { level = 0, bytes = {} } = {}) {
  const stages = new Map(Object.entries(allocations).map(([place, count]) => {
    const values = new Float64Array(bill.MEASURES.length);
    values[at("allocations")] = count;
    values[at("bytes")] = bytes[place] ?? 0;
    return [Number(place), values];
  }));
  return { number, index: number + 10, level, stages };
}

test("a message is read into rows, wherever it begins in its buffer", () => {
  const stage = [1, ...bill.MEASURES.map((_, place) => place * 1.5)];
  const numbers = new Float64Array([0, 7, 41, 2, 1, ...stage, 8, 42, 0, 0]);
  const rows = bill.unpack(new DataView(numbers.buffer, 8));
  assert.deepEqual(rows.map(({ number, index, level }) => [number, index, level]), [[7, 41, 2], [8, 42, 0]]);
  assert.deepEqual([...rows[0].stages.get(1)], stage.slice(1));
  assert.equal(rows[1].stages.size, 0);
});

test("bytes beyond 32 bits and beyond single precision stay exact", () => {
  const value = 2 ** 40 + 1;
  const numbers = new Float64Array([0, 0, 0, 1, 0, ...bill.MEASURES.map(() => value)]);
  assert.equal(bill.total(bill.unpack(new DataView(numbers.buffer))[0], "bytes"), value);
});

test("the newest rows are kept, and none is taken twice", () => {
  const old = Array.from({ length: bill.KEPT }, (_, number) => row(number, {}));
  const rows = bill.append(old, [row(298, {}), row(299, {}), row(300, {}), row(301, {})]);
  assert.equal(rows.length, bill.KEPT);
  assert.deepEqual([rows[0].number, rows.at(-1).number], [2, 301]);
});

test("a total is of all stages, or of those that are filtered", () => {
  const one = row(0, { 0: 2, 2: 5 });
  assert.equal(bill.total(one, "allocations"), 7);
  assert.equal(bill.total(one, "allocations", new Set([2])), 5);
});

test("one slow frame does not flatten the others, and a limit is always in sight", () => {
  assert.equal(bill.topOf([4, 4, 4, 100]), 10);
  assert.equal(bill.topOf([4, 5, 6]), 6);
  assert.equal(bill.topOf([4], 20), 23);
  assert.equal(bill.topOf([]), 1);
  assert.equal(bill.topOf([0, 0, 3]), 3);
});

test("columns are as wide as there is room for, and not absurdly wide at the start", () => {
  assert.deepEqual(bill.layout(0, 900), { columns: 60, step: 1000 / 60 });
  assert.equal(bill.layout(200, 900).columns, 200);
  assert.equal(bill.layout(300, 300).columns, 100);
  assert.equal(bill.layout(300, 10).columns, 30);
});

test("stages are stacked, each from where the one below it ends", () => {
  const drawn = bill.paths([row(0, { 0: 1, 2: 3 })], [0, 2], "allocations", 100, 4);
  assert.deepEqual(drawn, ["M7.50 75.00h85.00V100.00h-85.00z", "M7.50 0.00h85.00V75.00h-85.00z"]);
});

test("what is higher than the scale ends at its top, and nothing is drawn above", () => {
  const drawn = bill.paths([row(0, { 0: 8, 2: 3 })], [0, 2], "allocations", 100, 4);
  assert.deepEqual(drawn, ["M7.50 0.00h85.00V100.00h-85.00z", ""]);
});

test("a click finds the column under it, and nothing beside the columns", () => {
  assert.equal(bill.hit(0.51, 60, 100), 51);
  assert.equal(bill.hit(0.7, 60, 100), -1);
  assert.equal(bill.hit(-0.01, 60, 100), -1);
});

test("a limit of nothing lies on the floor, one as high as the scale on top", () => {
  assert.equal(bill.limitAt(0, 4), 100);
  assert.equal(bill.limitAt(4, 4), 0);
});

test("what lies outside of stages is grey and on top; the others have colours of their own", () => {
  assert.deepEqual(bill.stacking(NAMES), [0, 2, 1]);
  assert.deepEqual([0, 1, 2].map(place => bill.colourOf(NAMES, place)), ["var(--s0)", "var(--outside)", "var(--s1)"]);
});

test("amounts are written as the reports write them", () => {
  const bytes = [999, 1000, 3_686_400, 12_345_678].map(value => bill.write("bytes", value));
  assert.deepEqual(bytes, ["999 B", "1.00 kB", "3.69 MB", "12.3 MB"]);
  assert.deepEqual([0, 0.5, 12.345].map(value => bill.write("ms", value)), ["0", "0.500", "12.3"]);
  assert.deepEqual([2, 0.333].map(value => bill.write("allocations", value)), ["2", "0.3"]);
});

test("a frame over a limit says by how much, and in which stage most of it was", () => {
  const found = bill.verdict(row(3, { 0: 1, 2: 4 }), "allocations", 2, NAMES);
  assert.deepEqual(found, { state: "over", by: 3, text: "over by 3 allocations in blur" });
  const one = bill.verdict(row(3, { 0: 1 }), "allocations", 0, NAMES);
  assert.equal(one.text, "over by 1 allocation in gray");
});

test("a limit that is reached is kept, and frames that warm up are not judged", () => {
  assert.equal(bill.verdict(row(3, { 2: 2 }), "allocations", 2, NAMES).text, "kept: 2 of 2 allocations");
  assert.equal(bill.verdict(row(3, { 2: 9 }), "allocations", 2, NAMES, 4).state, "warm-up");
  assert.equal(bill.verdict(row(4, { 2: 9 }), "allocations", 2, NAMES, 4).state, "over");
});

test("amounts of bytes and odd plurals read like words", () => {
  assert.equal(bill.phrase("d2h_bytes", 1_200_000), "1.20 MB copied to the host");
  assert.equal(bill.phrase("bytes", 1000), "1.00 kB allocated");
  assert.equal(bill.phrase("copies", 1), "1 copy");
  assert.equal(bill.phrase("syncs", 1), "1 sync");
  assert.equal(bill.phrase("ms", 2), "2.00 ms");
});

test("a frame is read out with its largest stages first, and says how it was looked at", () => {
  assert.equal(bill.readout(row(2, { 0: 1, 2: 4 }), "allocations", NAMES), "frame 12: 5 allocations: blur 4, gray 1");
  assert.equal(bill.readout(row(2, { 0: 0 }, { level: 2 }), "allocations", NAMES), "frame 12, looked at exactly: 0 allocations");
  assert.equal(bill.readout(row(2, { 0: 1, 2: 4 }), "allocations", NAMES, new Set([0])), "frame 12: 1 allocation: gray 1");
});
