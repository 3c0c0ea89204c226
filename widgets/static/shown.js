// What the page's side of these widgets has in common, see `widgets/shown.py`: a view says when it can
// be seen, answers what it gets, draws at the next frame of the screen, and writes texts at most four
// times a second. A widget brings a class of what came in and a class of its view.

const TEXT_MS = 250, ACK_MS = 2000, SILENCE_MS = 5000;

/** An element: `make("td", {className: "x"}, "text", child)`. */
function make(tag, values = {}, ...children) {
  const { attributes = {}, ...own } = values;
  const node = Object.assign(document.createElement(tag), own);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function vector(tag, attributes) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

/** Send it, and say whether it went: after its kernel restarted a model can send nothing. */
function sends(model, message) {
  try {
    model.send(message);
    return true;
  } catch {
    return false;
  }
}

const setText = (node, text) => { if (node.textContent !== text) node.textContent = text; };

const headOf = names => make("tr", {}, ...names.map(name => make("th", { textContent: name, scope: "col" })));

function select(options, change) {
  const node = make("select", { onchange: () => change(node.value) });
  node.append(...options.map(([value, textContent]) => make("option", { value, textContent })));
  return node;
}

/** What came in from the kernel, for all views of one widget. Override `take`. */
class Heard {
  error = "";
  heardMs = performance.now();
  views = new Set();

  hear(message, buffers) {
    this.heardMs = performance.now();
    if (message.t === "error") this.error = message.text;
    else this.take(message, buffers);
    for (const view of this.views) view.heard(message);
  }

  /** How much of what is numbered is here already. */
  get have() { return 0; }
}

/** One view. Override `build`, which gives its root, `news`, `drawNow`, `text` and `bindings`. */
class SeenView {
  textMs = 0; ackedMs = 0; isVisible = false; isSilent = false;

  open(model, el, state) {
    Object.assign(this, { model, state, id: Math.random().toString(36).slice(2) });
    this.root = this.build();
    // JupyterLab asks the very element that has the focus: else "x" would cut the cell.
    this.root.addEventListener("focusin", event => event.target.setAttribute("data-lm-suppress-shortcuts", "true"));
    el.append(this.root);
    this.bound = Object.entries(this.bindings());
    for (const [name, call] of this.bound) model.on(name, call);
    this.endWatching = watchSeen(this.root, isVisible => this.see(isVisible));
    this.resizes = new ResizeObserver(() => this.draw());
    this.resizes.observe(this.root);
    this.timer = setInterval(() => this.check(), SILENCE_MS / 2);
  }

  bindings() { return {}; }

  news() {}

  see(isVisible) {
    if (isVisible === this.isVisible) return;
    this.isVisible = isVisible;
    this.say();
    if (isVisible) this.draw();
  }

  say() {
    return sends(this.model, { t: "see", view: this.id, visible: this.isVisible, have: this.state.have });
  }

  /** The kernel speaks at least every three seconds, or it has forgotten this view, or it is gone. */
  check() {
    if (!this.isVisible) return;
    const silentMs = performance.now() - this.state.heardMs;
    const isGone = silentMs > SILENCE_MS && !this.say();
    this.isSilent = isGone || silentMs > 2 * SILENCE_MS;
    if (this.isSilent) this.text();
  }

  heard(message) {
    this.isSilent = false;
    if (!this.isVisible) return;
    if (message.t === "ping" || performance.now() - this.ackedMs > ACK_MS) {
      this.ackedMs = performance.now();
      this.model.send({ t: "ack", view: this.id });
    }
    this.news(message);
    if (message.t !== "ping") this.draw();
  }

  draw() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.drawNow();
      const left = TEXT_MS - (performance.now() - this.textMs);
      this.later ??= setTimeout(() => this.write(), Math.max(left, 0));
    });
  }

  write() {
    this.later = null;
    this.textMs = performance.now();
    this.text();
  }

  remove() {
    for (const [name, call] of this.bound) this.model.off(name, call);
    this.endWatching();
    this.resizes.disconnect();
    clearInterval(this.timer);
    clearTimeout(this.later);
    cancelAnimationFrame(this.frame);
    this.see(false);
    this.root.remove();
  }
}

/** The module of a widget: one state for the model, and views of it. */
const shownBy = (State, View) => () => {
  const state = new State();
  return {
    initialize({ model }) {
      const hear = (message, buffers) => state.hear(message, buffers);
      model.on("msg:custom", hear);
      return () => model.off("msg:custom", hear);
    },
    render({ model, el }) {
      const view = new View();
      view.open(model, el, state);
      state.views.add(view);
      return () => { state.views.delete(view); view.remove(); };
    },
  };
};
