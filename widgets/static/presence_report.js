// Where is the user? What a page tells of some widgets: which can be seen, which has the focus, and that
// somebody touched the page. One reporter for each widget in each page, however often it is displayed.
//
// A part of the script of `widgets.Presence`, which is its files one after the other. Which elements
// are whose, the models know: any widget keeps its views. A class that the kernel gives to a widget
// would not do: anywidget's views do not hear of it once they are drawn.

const LOOK_MS = 250; // between two looks at what has no event: elements that come and go
const CHANGE_MS = 500, TOUCH_MS = 1000; // between two messages
const ANSWER_MS = 2000; // between two answers to the kernel, where it did not ask
const PATIENCE_MS = 5000; // the kernel speaks every three seconds, or it has forgotten this page
const TOUCHES = { keydown: "key", pointerdown: "pointer", pointermove: "pointer", wheel: "pointer" };

/**
 * May a message go now? At most two a second; a touch alone can wait longer than a change.
 * @param {number} passedMs since the last message
 * @param {boolean} hasChanged
 * @param {boolean} wasTouched
 */
export function isDue(passedMs, hasChanged, wasTouched) {
  return (hasChanged && passedMs >= CHANGE_MS) || (wasTouched && passedMs >= TOUCH_MS);
}

/**
 * Which kind of touch an event is, "key" or "pointer"; empty for one that no hand made. Browsers move
 * the pointer by nothing when the page moves below it.
 * @param {{type: string, isTrusted: boolean, movementX?: number, movementY?: number}} event
 */
export function touchOf({ type, isTrusted, movementX, movementY }) {
  if (!isTrusted || (type === "pointermove" && !movementX && !movementY)) return "";
  return TOUCHES[type] ?? "";
}

/**
 * The name of the view that holds `active`; of views within each other, the innermost one.
 * @param {[string, Iterable<Element>][]} views elements by name
 * @param {Element?} active the element that has the focus
 */
export function focusedIn(views, active) {
  let name = "", root = null;
  for (const [one, nodes] of views)
    for (const node of nodes)
      if (node.contains(active) && (!root || root.contains(node))) [name, root] = [one, node];
  return name;
}

/**
 * The names of views of which at least one element is in sight.
 * @param {[string, Iterable<Element>][]} views
 * @param {Set<Element>} inSight
 */
export function visibleOf(views, inSight) {
  return views.filter(([, nodes]) => [...nodes].some((node) => inSight.has(node))).map(([name]) => name);
}

class Reporter {
  constructor(model) {
    this.model = model;
    this.id = `page-${Math.random().toString(36).slice(2)}`;
    this.views = Object.keys(model.get("models")).map((name) => [name, []]);
    this.models = Object.values(model.get("models")).map(() => null);
    this.elements = new WeakMap(); // of each view's promise, once it is kept
    Object.values(model.get("models")).forEach(async (id, at) => {
      this.models[at] = await model.widget_manager.get_model(id).catch(() => null);
    });
    this.watched = new Set();
    this.inSight = new Set();
    this.touched = this.told = "";
    this.heardMs = performance.now();
    this.answeredMs = this.sentMs = -Infinity;
    this.stop = new AbortController();
    this.sight = new IntersectionObserver((found) => this.see(found));
    this.hear = (message) => this.heard(message);
    model.on("msg:custom", this.hear);
    this.listen();
    this.timer = setInterval(() => this.look(), LOOK_MS);
    this.arrive();
  }

  listen() {
    const on = (target, name, act) => target.addEventListener(name, act, { signal: this.stop.signal, capture: true, passive: true });
    for (const name of Object.keys(TOUCHES)) on(window, name, (event) => this.touch(event));
    // Between an element that loses the focus and the one that gets it, none has it: look afterwards.
    for (const name of ["focus", "blur"]) on(window, name, () => setTimeout(() => this.look()));
    on(document, "visibilitychange", () => this.look());
    on(window, "pagehide", () => this.leave());
    on(window, "pageshow", (event) => event.persisted && this.arrive());
  }

  touch(event) {
    this.touched = touchOf(event) || this.touched;
    if (this.touched) this.look();
  }

  see(found) {
    for (const { target, isIntersecting } of found)
      if (isIntersecting) this.inSight.add(target);
      else this.inSight.delete(target);
    this.look();
  }

  /** Tell what is otherwise, if it is time to. */
  look() {
    const nowMs = performance.now();
    const silentMs = nowMs - this.heardMs;
    if (silentMs > PATIENCE_MS && nowMs - this.arrivedMs > PATIENCE_MS / 2) this.arrive();
    if (silentMs > 2 * PATIENCE_MS || this.stop.signal.aborted) return;
    this.watch();
    const report = this.report(), text = JSON.stringify(report);
    if (!isDue(nowMs - this.sentMs, text !== this.told, this.touched !== "")) return;
    this.send({ t: "report", ...report, touched: this.touched });
    Object.assign(this, { told: text, sentMs: nowMs, touched: "" });
  }

  report() {
    const isShown = document.visibilityState === "visible";
    return {
      visible: isShown ? visibleOf(this.views, this.inSight) : [],
      focused: isShown && document.hasFocus() ? focusedIn(this.views, document.activeElement) : "",
    };
  }

  /** The elements that a model's views have now; those of a view that is being made come later. */
  elementsOf(model) {
    const views = Object.values(model?.views ?? {});
    for (const view of views)
      if (!this.elements.has(view)) {
        this.elements.set(view, null);
        Promise.resolve(view).then(({ el }) => this.elements.set(view, el), () => {});
      }
    return views.map((view) => this.elements.get(view)).filter(Boolean);
  }

  /** Watch the elements that came, and no longer those that went. */
  watch() {
    this.views.forEach((one, at) => (one[1] = this.elementsOf(this.models[at])));
    const there = new Set(this.views.flatMap(([, nodes]) => [...nodes]));
    for (const node of this.watched)
      if (!there.has(node)) {
        this.sight.unobserve(node);
        this.inSight.delete(node);
      }
    for (const node of there) if (!this.watched.has(node)) this.sight.observe(node);
    this.watched = there;
  }

  heard(message) {
    const nowMs = (this.heardMs = performance.now());
    if (message.t !== "ping" && nowMs - this.answeredMs < ANSWER_MS) return;
    this.answeredMs = nowMs;
    this.send({ t: "ack" });
  }

  /** Say that this page is there, and soon all that it knows. */
  arrive() {
    this.arrivedMs = performance.now();
    this.told = "";
    this.send({ t: "see", visible: true });
  }

  leave() {
    this.send({ t: "see", visible: false });
    this.told = "";
  }

  send(message) {
    sends(this.model, { ...message, view: this.id });
  }

  close() {
    this.stop.abort();
    this.sight.disconnect();
    clearInterval(this.timer);
    this.model.off("msg:custom", this.hear);
  }
}
