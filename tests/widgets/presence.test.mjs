// When a page speaks, what counts as a touch, and which view has the focus or is in sight.
import assert from "node:assert/strict";
import test from "node:test";

import { focusedIn, isDue, touchOf, visibleOf } from "../../widgets/static/presence_report.js";

/** As much of an element as is asked for. */
const node = (...inside) => {
  const made = { contains: (one) => one === made || inside.some((part) => part.contains(one)) };
  return made;
};

test("a change goes twice a second at most, a touch alone once", () => {
  assert.equal(isDue(499, true, true), false);
  assert.equal(isDue(500, true, false), true);
  assert.equal(isDue(999, false, true), false);
  assert.equal(isDue(1000, false, true), true);
});

test("where nothing changed and nobody touched anything, nothing goes", () => {
  assert.equal(isDue(Infinity, false, false), false);
});

test("a touch is one of a hand: a key, or a pointer that moved", () => {
  const hand = { isTrusted: true, movementX: 0, movementY: 0 };
  assert.equal(touchOf({ ...hand, type: "keydown" }), "key");
  assert.equal(touchOf({ ...hand, type: "pointerdown" }), "pointer");
  assert.equal(touchOf({ ...hand, type: "wheel" }), "pointer");
  assert.equal(touchOf({ ...hand, type: "pointermove", movementY: -3 }), "pointer");
  assert.equal(touchOf({ ...hand, type: "pointermove" }), "");
  assert.equal(touchOf({ ...hand, type: "keydown", isTrusted: false }), "");
  assert.equal(touchOf({ ...hand, type: "scroll" }), "");
});

test("the innermost view that holds the focus has it, whatever their order", () => {
  const field = node(), chat = node(field), desk = node(chat, node());
  for (const views of [[["desk", [desk]], ["chat", [chat]]], [["chat", [chat]], ["desk", [desk]]]]) {
    assert.equal(focusedIn(views, field), "chat");
    assert.equal(focusedIn(views, desk), "desk");
    assert.equal(focusedIn(views, node()), "");
  }
});

test("a view that is displayed twice has the focus in either place, and one that is nowhere has none", () => {
  const [first, second] = [node(), node()];
  const views = [["chat", [first, second]], ["desk", []]];
  assert.equal(focusedIn(views, first), "chat");
  assert.equal(focusedIn(views, second), "chat");
  assert.equal(focusedIn(views, null), "");
});

test("a view can be seen where at least one of its elements is in sight", () => {
  const [first, second, third] = [node(), node(), node()];
  const views = [["chat", [first, second]], ["desk", [third]], ["map", []]];
  assert.deepEqual(visibleOf(views, new Set([second])), ["chat"]);
  assert.deepEqual(visibleOf(views, new Set([first, third])), ["chat", "desk"]);
  assert.deepEqual(visibleOf(views, new Set()), []);
});
