// When a graph asks for a new picture, and where arrow keys lead.
import assert from "node:assert/strict";
import test from "node:test";

import { neighbour, patience } from "../../widgets/static/graph.js";

test("it asks four times a second at most", () => {
  assert.equal(patience(1000, 900, true, true), 150);
  assert.equal(patience(5000, 900, true, true), 0);
});

test("while a question is open it waits, and asks again when the answer was lost", () => {
  assert.equal(patience(1000, 900, false, true), 1900);
  assert.equal(patience(9000, 900, false, true), 0);
});

test("what nobody sees asks nothing", () => {
  assert.equal(patience(9000, 0, true, false), null);
});

test("arrows lead from stage to stage and stop at the ends", () => {
  const stages = ["gray", "blur", "edges"];
  assert.equal(neighbour(stages, "gray", "ArrowRight"), "blur");
  assert.equal(neighbour(stages, "edges", "ArrowUp"), "blur");
  assert.equal(neighbour(stages, "edges", "ArrowDown"), null);
  assert.equal(neighbour(stages, "gray", "ArrowLeft"), null);
  assert.equal(neighbour(stages, "gray", "End"), "edges");
  assert.equal(neighbour(stages, "edges", "Home"), "gray");
  assert.equal(neighbour(stages, "gray", "x"), null);
});
