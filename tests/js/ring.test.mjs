// Where do the slots of a ring lie, and what is said of them?

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

const text = name => readFileSync(new URL(`../../widgets/static/${name}.js`, import.meta.url), "utf8");
const ring = await import(
  "data:text/javascript," + encodeURIComponent(text("shown") + "\n" + text("ring")));

const distance = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);

test("the first slot of a ring is at the top, and they go round with the clock", () => {
  const { cells, height } = ring.layout(4);
  assert.equal(height, 300);
  assert.ok(cells[0].x > 150 && cells[0].y < 150);
  assert.ok(cells[1].x > 150 && cells[1].y > 150);
  assert.ok(cells[2].x < 150 && cells[2].y > 150);
});

test("60 slots lie inside of 300 px, with room for a shape in each", () => {
  const { cells } = ring.layout(60);
  assert.equal(cells.length, 60);
  for (const [place, cell] of cells.entries()) {
    assert.ok(distance(cell, cells[(place + 1) % 60]) > 11);
    for (const value of [cell.x, cell.y, cell.markX, cell.markY]) assert.ok(value > 0 && value < 300);
  }
});

test("marks of readers stand inside of the ring, where no slot is", () => {
  const [cell] = ring.layout(60).cells;
  assert.ok(distance({ x: cell.markX, y: cell.markY }, { x: 150, y: 150 }) < 108);
});

test("a ring of two slots is two halves, whole outlines", () => {
  for (const { path } of ring.layout(2).cells) assert.match(path, /^M.+A138 138 0 [01] 1 .+L.+A108 108 0 [01] 0 .+Z$/);
});

test("more slots than a ring can show stand in rows of twelve", () => {
  const { cells, height } = ring.layout(100);
  assert.equal(height, 9 * 25);
  assert.equal(cells[12].y - cells[0].y, 25);
  assert.equal(cells[12].x, cells[0].x);
});

const STATE = {
  kinds: [2, 4, 5, 1], frames: [7, 8, 9, -1], held: [1, 0, 0, 0], newest: 2, readers: [], counts: [10, 0, 0],
  is_waiting: false,
};

test("the slots are summed up in words, and what there is none of is left out", () => {
  assert.equal(ring.summary(STATE), "4 slots: 1 being written, 1 held, 1 free, 1 the newest");
});

test("lost frames have a sign, and the policy that lost them", () => {
  assert.equal(ring.traffic(STATE, "block"), "10 published, 0 dropped, 0 waits");
  const lost = ring.traffic({ ...STATE, counts: [10, 3, 1], is_waiting: true }, "newest");
  assert.equal(lost, "10 published, ▲ 3 dropped (when full, the incoming frame is), 1 waits, the producer waits now");
});

test("a reader says how far behind it is, and what it missed", () => {
  assert.equal(ring.reader([2, 1, 0], 0), "reader 1: 1 frame to read, next in slot 2");
  assert.equal(ring.reader([-1, 0, 4], 1), "reader 2: has read all; ▲ missed 4");
});
