// What a key asks for, and how a control is called.
import assert from "node:assert/strict";
import test from "node:test";

import { spokenName, wishOf } from "../../widgets/static/controls.js";

const key = (name, ...held) => ({
  key: name,
  ctrlKey: held.includes("ctrl"),
  metaKey: held.includes("meta"),
  shiftKey: held.includes("shift"),
  altKey: held.includes("alt"),
});

test("Ctrl+Z takes back, Ctrl+Shift+Z and Ctrl+Y do it again, on a Mac with the command key", () => {
  assert.equal(wishOf(key("z", "ctrl"), false), "undo");
  assert.equal(wishOf(key("Z", "ctrl", "shift"), false), "redo");
  assert.equal(wishOf(key("y", "ctrl"), false), "redo");
  assert.equal(wishOf(key("z", "meta"), false), "undo");
});

test("other keys ask for nothing", () => {
  for (const event of [key("z"), key("z", "ctrl", "alt"), key("x", "ctrl"), key("ArrowLeft")]) {
    assert.equal(wishOf(event, false), null);
  }
});

test("a field in which one types keeps its own undo", () => {
  assert.equal(wishOf(key("z", "ctrl"), true), null);
});

test("a control is called by its stage, its name and what it is", () => {
  assert.equal(spokenName("blur", "sigma, px", "width"), "blur sigma, px: width");
  assert.equal(spokenName("blur", "sigma", ""), "blur sigma");
});
