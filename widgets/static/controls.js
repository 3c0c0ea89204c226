// The bar above the controls of a pipeline: undo, redo, reset. It hears the keys and the drags of
// the controls that it stands in, and names them for people who do not see them.

const ROOT = ".dh-controls";
const FOCUSABLE = "button, input, select, [tabindex], [contenteditable]";
const TYPED = "input:not([type=checkbox]):not([type=range]), textarea, [contenteditable=true]";

/**
 * What a key asks for: "undo", "redo" or null.
 * @param {{key: string, ctrlKey: boolean, metaKey: boolean, shiftKey: boolean, altKey: boolean}} event
 * @param {boolean} isTyping in a field that has an undo of its own
 */
export function wishOf(event, isTyping) {
  if (isTyping || event.altKey || !(event.ctrlKey || event.metaKey)) return null;
  const key = event.key.toLowerCase();
  if (key === "z") return event.shiftKey ? "redo" : "undo";
  return key === "y" && !event.shiftKey ? "redo" : null;
}

/**
 * The name of a control as a screen reader should say it: stage, parameter, what it is.
 * @param {string} stage
 * @param {string} label
 * @param {string} hint
 */
export function spokenName(stage, label, hint) {
  const name = [stage, label].filter(Boolean).join(" ");
  return hint ? `${name}: ${hint}` : name;
}

/** @param {Element} section */
function stageOf(section) {
  return (section.querySelector(".dh-fold")?.textContent ?? "").replace(/^\S+\s/, "");
}

/** Set an attribute, and only where it differs: the observer below would hear its own echo. */
function say(node, name, value) {
  if (node && node.getAttribute(name) !== value) node.setAttribute(name, value);
}

/** Names, roles and states that ipywidgets does not give. @param {Element} root */
function describe(root) {
  say(root, "role", "group");
  say(root, "aria-label", "parameters of the pipeline");
  // Letters that command a notebook ("x" cuts a cell) must not do so while focus is in here; it is
  // the focused element itself that JupyterLab asks.
  for (const node of root.querySelectorAll(FOCUSABLE)) say(node, "data-lm-suppress-shortcuts", "true");
  for (const section of root.querySelectorAll(".dh-section")) {
    const stage = stageOf(section);
    say(section, "role", "group");
    say(section, "aria-label", stage);
    const isOpen = section.classList.contains("dh-open");
    say(section.querySelector(".dh-fold"), "aria-expanded", String(isOpen));
    say(section.querySelector(".dh-switch input"), "aria-label", `${stage} on`);
    for (const row of section.querySelectorAll(".dh-row")) {
      const label = row.querySelector(".widget-label")?.textContent ?? "";
      const hint = row.querySelector("[title]")?.getAttribute("title") ?? "";
      const name = spokenName(stage, label, hint);
      for (const node of row.querySelectorAll(".noUi-handle, select, input[type=checkbox]")) {
        say(node, "aria-label", name);
      }
      for (const node of row.querySelectorAll(".dh-matrix input")) {
        const place = node.closest("[title]")?.getAttribute("title") ?? label;
        say(node, "aria-label", `${stage} ${place}`);
      }
      say(row.querySelector(".dh-refused"), "role", "alert");
    }
  }
}

/** @param {{model: any, el: HTMLElement}} context */
function render({ model, el }) {
  const view = Math.random().toString(36).slice(2);
  const stop = new AbortController();
  const { signal } = stop;
  el.classList.add("dh-bar");

  const button = (text, hint, wish) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.title = hint;
    made.addEventListener("click", () => model.send({ t: wish }), { signal });
    el.append(made);
    return made;
  };
  const undo = button("↶ Undo", "take back the last step (Ctrl+Z)", "undo");
  const redo = button("↷ Redo", "do it again (Ctrl+Shift+Z)", "redo");
  button("Reset all", "set everything as it was declared", "reset");
  const note = document.createElement("span");
  note.setAttribute("role", "status");
  el.append(note);

  const show = () => {
    // Not `disabled`: that would take the focus from whoever pressed the button.
    undo.setAttribute("aria-disabled", String(!model.get("can_undo")));
    redo.setAttribute("aria-disabled", String(!model.get("can_redo")));
    note.textContent = model.get("note");
  };
  model.on("change:can_undo change:can_redo change:note", show);
  show();

  const rootOf = (node) => (node instanceof Element ? node.closest(ROOT) : null);
  const isMine = (event) => {
    const root = rootOf(event.target);
    return root !== null && root === el.closest(ROOT);
  };
  document.addEventListener(
    "keydown",
    (event) => {
      if (!isMine(event)) return;
      const wish = wishOf(event, event.target.matches(TYPED));
      if (!wish) return;
      event.preventDefault();
      event.stopPropagation();
      model.send({ t: wish });
    },
    { capture: true, signal },
  );
  let drags = 0;
  const drag = (gesture) => {
    if (model.get("gesture") === gesture) return;
    model.set("gesture", gesture);
    model.save_changes();
  };
  document.addEventListener("pointerdown", (event) => isMine(event) && drag(++drags), {
    capture: true,
    signal,
  });
  for (const kind of ["pointerup", "pointercancel"]) {
    document.addEventListener(kind, () => drag(0), { capture: true, signal });
  }

  // The controls around the bar come and go as stages are folded, and the bar is drawn before it is
  // in the page.
  let waiting = 0;
  const observer = new MutationObserver(() => {
    waiting ||= requestAnimationFrame(() => {
      waiting = 0;
      const root = el.closest(ROOT);
      if (root) describe(root);
    });
  });
  const begin = () => {
    const root = el.closest(ROOT);
    if (!root) {
      waiting = requestAnimationFrame(begin);
      return;
    }
    waiting = 0;
    const what = { childList: true, subtree: true, attributeFilter: ["class", "title"] };
    observer.observe(root, what);
    describe(root);
  };
  begin();
  model.send({ t: "shown", view });

  return () => {
    stop.abort();
    observer.disconnect();
    cancelAnimationFrame(waiting);
    model.off("change:can_undo change:can_redo change:note", show);
    model.send({ t: "gone", view });
  };
}

export default { render };
