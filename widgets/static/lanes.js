// What does a scheduler do right now, and why? One view of `widgets.Lanes`: canvas, controls, words.
//
// The last part of the script of `widgets.Lanes`, which is its files one after the other. The kernel
// sends the bytes of its trace and nothing else; all that is seen is made here.

const FRAME_MS = 1000 / 30, STILL_MS = 1000; // between pictures; where motion is not wanted
const DELAY_NS = 2.5e8; // so far behind the kernel is what is drawn, so that all of it has come in
const QUIET_MS = 1000; // after which a kernel that says nothing is not waited for: the picture stops
const GROUP = 8; // deltas to an answer, as in `widgets/lanes.py`
const SPAN_NS = 2e9, MOST_SHIFTS = 8, DRAG_PX = 4, SCRUBS = 1000;
const GLYPHS = { square: "■", triangle: "▲", circle: "●", plus: "✚", star: "★", ring: "○", diamond: "◆" };
const SHOWN_REASONS = ["context", "deadline", "inheritance", "aging", "prediction", "returned"];
const HELP = "Space pauses. Left and right scrub, plus and minus zoom (so does the wheel, once this has the focus), Home is the oldest, " +
  "End goes live. Comma and full stop choose the task before or after, up and down the worker, and below all workers the deadlines; Escape lets go.";
let lanesViews = 0;

/** Shifts of one kind, way and reason together, the newest first. */
export function gathered(shifts) {
  const found = new Map();
  for (const shift of shifts) {
    const way = [shift.kind, shift.value, shift.level, shift.reason, shift.task > 0].join();
    const one = found.get(way);
    found.delete(way);
    found.set(way, { shift, count: (one?.count ?? 0) + 1 });
  }
  return [...found.values()].reverse();
}

/** How many of one kind were late, of those that ended, and what is overdue, in words. */
export function missesText({ met, missed }, overdue = 0) {
  const share = met + missed ? `${missed ? "✕ " : "✓ "}${missed} of ${met + missed}, ${(100 * missed / (met + missed)).toFixed(1)} %` : "";
  return [share, overdue && `${overdue} overdue`].filter(Boolean).join(", ") || "–";
}

/** All that the views of one widget show. */
export class LanesState extends Heard {
  stream = null; pair = null; number = 0; file = null; fault = "";
  clock = new Clock();

  take(message, buffers) {
    if (message.t === "delta") this.delta(message, buffers[0]);
    else if (message.t === "pair") this.pair = message.streams.map((about, at) => streamOf(about, buffers[at], Infinity));
    else if (message.t === "fault") this.fault = message.text;
    else if (message.t === "file") message.bytes = buffers[0];
  }

  /** What is new; the first one of a page begins with all that is kept, and says of what it is. */
  delta({ n, about, lost, snapshot }, buffer) {
    if (about && n === this.number) return; // another page asked for what is here already
    if (about) {
      this.stream = streamOf(about);
      this.clock = new Clock();
    }
    const { stream } = this;
    if (!stream) return; // what was sent before this page was there is no beginning
    this.number = n;
    if (lost && !about) {
      stream.lost += lost;
      stream.forget();
    }
    if (snapshot) stream.learn(snapshot.kinds.map(({ name }) => name), snapshot.kinds.map(({ level }) => level));
    stream.take(decode(buffer));
    if (lost && snapshot) stream.settle(snapshot);
    if (stream.count) this.clock.heard(stream.newest, this.heardMs);
  }

  /** Time goes on between two deltas; where the kernel says nothing at all, the last that it told is shown. */
  liveEnd(nowMs) {
    return nowMs - this.heardMs > QUIET_MS ? this.stream.newest : this.clock.now(nowMs) - DELAY_NS;
  }

  get have() { return this.number; }
}

/** A stream with what it is of. */
function streamOf(about, buffer, keptNs = KEPT_NS) {
  const stream = Object.assign(new Stream({ ...about, keptNs }), { contextNames: about.contexts, lanes: about.lanes, title: about.title ?? "" });
  if (buffer) stream.take(decode(buffer));
  return stream;
}

class LanesView extends SeenView {
  window = { span: SPAN_NS, end: 0 };
  whole = null; // the window of a pair
  chosen = null; // {at: which stream, task, slice, shift, end}
  drawnMs = -Infinity; pictures = 0; counted = { ms: 0, events: 0, pictures: 0 };

  bindings() {
    const draw = () => this.draw(), names = ["contexts", "context", "load"];
    const turn = () => { this.chosen = null; this.whole = null; this.draw(); };
    return { ...Object.fromEntries(names.map(name => [`change:${name}`, draw])), "change:titles": turn, "change:paused": () => this.stopOrGo() };
  }

  /** A view that comes while the picture stands shows the time that another one shows. */
  open(model, el, state) {
    const [other] = state.views;
    if (other && model.get("paused")) this.window = { ...other.window };
    super.open(model, el, state);
  }

  /** All views stop at one time, those too that are out of sight and drew nothing for long. */
  stopOrGo() {
    if (this.model.get("paused") && this.state.stream) this.window.end = this.state.liveEnd(performance.now());
    this.draw();
  }

  // -- what there is ------------------------------------------------------------------------------

  build() {
    const name = `dh-lanes-${lanesViews++}`, button = (textContent, title, onclick) => make("button", { type: "button", textContent, title, onclick });
    const { model } = this;
    this.pause = button("", "Stop the picture, or go on (space)", () => this.hold(!model.get("paused")));
    this.closer = button("+", "Look closer", () => this.zoom(0.5));
    this.wider = button("−", "See more", () => this.zoom(2));
    this.back = button("Back to live", "Leave the comparison", () => model.send({ t: "live" }));
    this.exports = [["perfetto", "Perfetto"], ["json", "JSON"]].map(([format, label]) =>
      button(`↓ ${label}`, `Save what is kept of the trace for ${label}`, () => model.send({ t: "export", format, view: this.id })));
    this.contexts = make("span", { className: "contexts", attributes: { role: "group", "aria-label": "context" } });
    this.load = make("input", { type: "range", min: 0, max: 3, step: 0.05, oninput: () => this.set("load", Number(this.load.value)) });
    this.loadText = make("output");
    this.loadLabel = make("label", {}, "Load", this.load, this.loadText);
    this.status = make("p", { className: "status", attributes: { "aria-live": "polite" } });
    this.facts = make("p", { className: "soft facts" });
    this.broken = make("p", { className: "broken", hidden: true, attributes: { role: "alert" } });
    this.canvas = make("canvas", { attributes: { role: "img", "aria-label": "lanes" } });
    this.empty = make("span", { className: "empty" });
    this.stage = make("div", {
      className: "stage", tabIndex: 0, onkeydown: event => this.key(event), onpointerdown: event => this.drag(event),
      attributes: { role: "group", "aria-label": "lanes", "aria-describedby": `${name}-help` },
    }, this.canvas, this.empty);
    this.stage.addEventListener("wheel", event => this.wheel(event), { passive: false });
    this.scrub = make("input", { type: "range", min: 0, max: SCRUBS, className: "scrub", oninput: () => this.scrubbed(), attributes: { "aria-label": "time" } });
    this.legend = make("ul", { className: "legend", attributes: { "aria-label": "what colours and shapes mean" } });
    this.table = make("table", { className: "kinds" });
    this.shiftList = make("ol", { className: "shifts", attributes: { "aria-label": "shifts of priority in sight, the newest first" } });
    this.story = make("section", { className: "story", hidden: true, attributes: { "aria-label": "story of a task", "aria-live": "polite" } });
    this.painter = new Painter(this.canvas);
    this.themes = new MutationObserver(() => this.draw());
    this.themes.observe(document.body, { attributeFilter: ["data-jp-theme-light", "data-jp-theme-name"] });
    return make("section", { className: "dh-shown dh-lanes", attributes: { "aria-label": "scheduler" } },
      make("header", {}, this.heading = make("h3"), this.back, this.pause,
        make("span", { className: "pair" }, this.wider, this.closer), make("span", { className: "pair" }, ...this.exports)),
      make("div", { className: "bar" }, this.contexts, this.loadLabel),
      this.status, this.broken, this.stage,
      make("label", { className: "time" }, this.past = make("span"), this.scrub, this.present = make("span")),
      this.facts, this.legend, this.story,
      make("div", { className: "sides" },
        make("div", { className: "scroll" }, this.table),
        make("div", {}, make("h4", { textContent: "Shifts of priority in sight" }), this.shiftList)),
      make("details", { className: "soft" }, make("summary", { textContent: "Keys" }), make("p", { id: `${name}-help`, textContent: HELP })));
  }

  set(name, value) {
    this.model.set(name, value);
    this.model.save_changes();
    this.draw();
  }

  get isPair() { return Boolean(this.model.get("titles").length && this.state.pair); }

  get streams() { return this.isPair ? this.state.pair : [this.state.stream].filter(Boolean); }

  get isLive() { return !this.isPair && !this.model.get("paused") && !this.isSilent; }

  /** The window of time that is seen. A pair is seen whole at first. */
  get view() {
    if (!this.isPair) return this.window;
    return this.whole ??= { span: Math.max(...this.streams.map(one => one.newest), SHORTEST_NS), end: Math.max(...this.streams.map(one => one.newest), SHORTEST_NS) };
  }

  set view(view) {
    if (this.isPair) this.whole = view;
    else this.window = view;
  }

  get newest() { return this.isPair ? Math.max(...this.streams.map(one => one.newest), SHORTEST_NS) : this.state.stream?.newest ?? 0; }

  get oldest() { return this.isPair ? 0 : this.state.stream?.oldest ?? 0; }

  // -- what is done with it -----------------------------------------------------------------------

  hold(isPaused) {
    if (isPaused !== this.model.get("paused")) this.set("paused", isPaused);
  }

  /** Go to another time; a live picture stops for that. */
  go(view) {
    if (!this.isPair) this.hold(true);
    this.view = moved(view, 0, this.oldest, this.newest);
    this.draw();
  }

  /** Around what is chosen and seen, else around the middle; a live picture keeps its end. */
  get middle() {
    const { end, span } = this.view, t = timeOf(this.chosen);
    if (this.isLive) return end;
    return t >= end - span && t <= end ? t : end - span / 2;
  }

  zoom(factor, t = this.middle) {
    const longest = this.isPair ? Math.max(this.newest, SHORTEST_NS) : KEPT_NS;
    this.view = zoomed(this.view, factor, t, longest);
    if (!this.isLive) this.view = moved(this.view, 0, this.oldest, this.newest);
    this.draw();
  }

  scrubbed() {
    const share = Number(this.scrub.value) / SCRUBS;
    if (share === 1 && !this.isPair) this.hold(false);
    else this.go({ ...this.view, end: this.oldest + share * (this.newest - this.oldest) });
  }

  wheel(event) {
    if (!(event.ctrlKey || event.metaKey || this.stage.contains(document.activeElement)) || !this.axis) return;
    event.preventDefault();
    const at = this.axis.t(event.clientX - this.canvas.getBoundingClientRect().left);
    this.zoom(event.deltaY > 0 ? 1.25 : 0.8, this.isLive ? this.view.end : at);
  }

  drag(event) {
    if (event.button !== 0 || !this.axis) return;
    const from = { x: event.clientX, end: this.view.end, scale: this.axis.scale }, stop = new AbortController();
    let isDrag = false;
    const options = { signal: stop.signal };
    addEventListener("pointermove", ({ clientX }) => {
      isDrag ||= Math.abs(clientX - from.x) > DRAG_PX;
      if (isDrag) this.go({ ...this.view, end: from.end - (clientX - from.x) / from.scale });
    }, options);
    addEventListener("pointercancel", () => stop.abort(), options);
    addEventListener("pointerup", () => {
      stop.abort();
      if (!isDrag) this.click(event);
    }, options);
    this.endDrag = () => stop.abort();
  }

  click(event) {
    const box = this.canvas.getBoundingClientRect(), [x, y] = [event.clientX - box.left, event.clientY - box.top];
    for (const [at, { rows }] of this.shown.entries()) {
      const found = hit(this.streams[at], rows, this.axis, x, y);
      if (found) return this.choose({ at, ...found });
    }
    this.choose(null);
  }

  choose(chosen) {
    this.chosen = chosen;
    this.told = null;
    this.draw();
    this.tell();
  }

  key(event) {
    if (event.target !== this.stage || event.ctrlKey || event.metaKey || event.altKey) return;
    const { view } = this, step = view.span * (event.shiftKey ? 0.5 : 0.1);
    const act = {
      " ": () => this.hold(!this.model.get("paused")),
      ArrowLeft: () => this.go({ ...view, end: view.end - step }),
      ArrowRight: () => this.go({ ...view, end: view.end + step }),
      Home: () => this.go({ ...view, end: 0 }),
      End: () => (this.isPair ? this.go({ ...view, end: this.newest }) : this.hold(false)),
      "+": () => this.zoom(0.5), "=": () => this.zoom(0.5), "-": () => this.zoom(2),
      ",": () => this.step(-1), ".": () => this.step(1),
      ArrowUp: () => this.cross(-1), ArrowDown: () => this.cross(1),
      Escape: () => this.choose(null),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  /** Choose the task before or after. */
  step(by) {
    const at = this.chosen?.at ?? 0, stream = this.streams[at], { end, span } = this.view;
    this.take(at, stream && neighbourOf(stream, this.chosen, by, end - span, end));
  }

  cross(by) {
    const { chosen } = this, at = chosen?.at ?? 0, stream = this.streams[at];
    if (stream && (chosen?.slice || chosen?.end)) this.take(at, across(stream, chosen, by));
    else this.step(by);
  }

  /** A slice or a deadline is chosen by key: the picture stops, and it is seen. */
  take(at, found) {
    if (!found) return;
    const { view } = this, t = timeOf(found), isSeen = t >= view.end - view.span && t <= view.end;
    this.go(isSeen ? view : { ...view, end: t + view.span / 2 });
    this.choose({ ...found, at });
  }

  news(message) {
    if (message.t !== "file" || message.view !== this.id) return;
    const url = URL.createObjectURL(new Blob([message.bytes], { type: "application/json" }));
    make("a", { href: url, download: message.name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  }

  // -- what is drawn, thirty times a second, and written, four times ------------------------------

  drawNow() {
    const nowMs = performance.now(), isMoving = this.isLive && this.isVisible;
    const restMs = matchMedia("(prefers-reduced-motion: reduce)").matches ? STILL_MS : FRAME_MS;
    if (!isMoving || nowMs - this.drawnMs >= restMs - 4) this.paint(nowMs);
    if (isMoving) this.draw();
  }

  paint(nowMs) {
    this.drawnMs = nowMs;
    const { streams } = this, width = this.stage.clientWidth;
    if (!streams.length) return;
    if (!width) return this.isVisible && this.draw(); // JupyterLab hides all for a moment when its theme changes
    if (this.isLive) this.window.end = Math.max(this.state.liveEnd(nowMs), this.window.span / 100);
    else this.view = standing(this.view, this.oldest, this.newest);
    const { end, span } = this.view;
    this.axis = new Axis(end - span, end, width);
    let top = 0;
    this.shown = streams.map(({ workers }) => {
      const placed = layout(workers, top);
      top = placed.bottom + 8;
      return placed;
    });
    if (!this.painter.fit(width, top - 8, globalThis.devicePixelRatio || 1)) return;
    streams.forEach((stream, at) => this.painter.draw({
      stream, rows: this.shown[at].rows, axis: this.axis, title: stream.title,
      until: this.isPair ? stream.newest : Math.min(end, this.isLive ? end : stream.newest),
      chosen: this.chosen?.at === at ? this.chosen.task : null,
    }));
    this.pictures++;
    this.answer();
  }

  get isQuiet() { return performance.now() - this.state.heardMs > QUIET_MS; }

  /** What came in is drawn: the kernel may send more. One in so many is answered, see `widgets/lanes.py`. */
  answer() {
    const drawn = this.state.number - this.state.number % GROUP;
    if (drawn === this.answered) return;
    this.answered = drawn;
    this.model.send({ t: "drawn", view: this.id, n: drawn });
  }

  text() {
    const { model, state, streams } = this, [stream] = streams;
    this.controls();
    this.broken.hidden = !(state.error || state.fault);
    setText(this.broken, state.error ? `▲ The picture stopped: ${state.error}` : state.fault && `▲ ${state.fault}`);
    setText(this.empty, stream ? "" : "Waiting for the scheduler's trace …");
    if (!stream) return;
    const silent = this.isSilent || (this.isLive && this.isQuiet) ? "◌ no answer from the kernel; this is the last that it told. " : "";
    const said = silent + (this.isPair ? this.compared() : this.summary(stream));
    setText(this.status, said);
    this.canvas.setAttribute("aria-label", said);
    this.factsNow(stream);
    this.times();
    this.legends(stream);
    this.tables(streams);
    this.listShifts(streams);
    this.tell();
  }

  summary(stream) {
    const queued = stream.queued.map((depth, level) => depth && `${depth} ${LEVELS[level]}`).filter(Boolean).join(", ") || "nothing";
    const context = this.model.get("context"), word = this.model.get("paused") ? "❚❚ paused" : "▶ live";
    return `${word}${context ? ` · context ${context}` : ""} · ${figuresText(stream)} · queued: ${queued}`;
  }

  compared() {
    return this.streams.map(stream => `${stream.title}: ${figuresText(stream)}`).join(" · ");
  }

  controls() {
    const { model } = this, isPaused = model.get("paused");
    setText(this.heading, this.isPair ? "Two recordings on one axis of time" : `Lanes of ${model.get("title")}`);
    setText(this.pause, isPaused ? "▶ Go on" : "❚❚ Pause");
    this.back.hidden = !this.isPair || !model.get("has_scheduler");
    for (const one of [this.pause, ...this.exports, this.contexts]) one.hidden = this.isPair;
    this.loadLabel.hidden = this.isPair || !model.get("has_load");
    if (document.activeElement !== this.load) this.load.value = model.get("load");
    setText(this.loadText, `${model.get("load").toFixed(2)}×`);
    const names = model.get("contexts");
    if (this.contexts.childElementCount !== names.length) this.contexts.replaceChildren(...names.map(name =>
      make("button", { type: "button", textContent: name, onclick: () => model.send({ t: "context", name }) })));
    for (const one of this.contexts.children) one.setAttribute("aria-pressed", one.textContent === model.get("context"));
  }

  /** How much comes in and is drawn, each second. */
  factsNow(stream) {
    const ms = performance.now(), { counted } = this, seconds = (ms - counted.ms) / 1000;
    this.root.dataset.pictures = this.pictures;
    this.root.dataset.events = stream.count;
    if (this.isPair) return setText(this.facts, this.streams.map(one => `${one.title}: ${one.count} events`).join(" · "));
    if (seconds < 1) return;
    const rate = (now, then) => Math.round(Math.max(now - then, 0) / seconds);
    const lost = stream.lost ? ` · ▲ ${stream.lost} events were overwritten before they were taken` : "";
    const live = `${rate(stream.count, counted.events)} events/s · ${rate(this.pictures, counted.pictures)} pictures/s${lost}`;
    setText(this.facts, live);
    this.counted = { ms, events: stream.count, pictures: this.pictures };
  }

  times() {
    const { oldest, newest } = this, { end, span } = this.view;
    if (document.activeElement !== this.scrub || this.isLive)
      this.scrub.value = this.isLive ? SCRUBS : SCRUBS * (end - oldest) / Math.max(newest - oldest, 1);
    setText(this.past, `${(oldest / 1e9).toFixed(1)} s`);
    setText(this.present, this.isLive ? "now" : `${(Math.min(end, newest) / 1e9).toFixed(3)} s`);
    this.scrub.setAttribute("aria-valuetext", this.isLive ? "live" : `${(end / 1e9).toFixed(3)} s, ${spell(span)} in sight`);
  }

  legends(stream) {
    const wanted = stream.kinds.join();
    if (this.legend.dataset.kinds === wanted) return;
    this.legend.dataset.kinds = wanted;
    const mark = (textContent, colour) => make("i", { textContent, style: `color: var(--${colour})`, attributes: { "aria-hidden": "true" } });
    this.legend.replaceChildren(
      ...stream.kinds.map((kind, at) => make("li", {}, mark("█", `s${at % COLOURS}`), kind)),
      ...SHOWN_REASONS.map(name => make("li", {}, mark(GLYPHS[SHAPES[name][0]], SHAPES[name][1]), name)),
      make("li", {}, "the higher a slice, the more urgent"));
  }

  tables(streams) {
    const cell = text => make("td", { textContent: String(text) }), [first] = streams;
    const overdue = streams.map(one => one.overdue);
    const heads = this.isPair ? ["kind", ...streams.flatMap(one => [`${one.title}: missed`, "shed", "why"])]
      : ["kind", "level now", "queued", "runs", "done", "shed", "missed", "why"];
    const row = (kind, at) => this.isPair
      ? streams.flatMap((one, place) => [missesText(one.tallies[at], overdue[place][at]), one.tallies[at].shed, causesText(one.tallies[at].causes)])
      : [levelText(first.levels[at]), first.waitingOf[at], first.running.filter(one => one?.kind === at).length,
        first.tallies[at].done, first.tallies[at].shed, missesText(first.tallies[at], overdue[0][at]), causesText(first.tallies[at].causes)];
    this.table.replaceChildren(make("thead", {}, headOf(heads)), make("tbody", {}, ...first.kinds.map((kind, at) =>
      make("tr", {}, make("td", {}, make("i", { textContent: "█ ", style: `color: var(--s${at % COLOURS})`, attributes: { "aria-hidden": "true" } }), kind), ...row(kind, at).map(cell)))));
  }

  listShifts(streams) {
    const { end, span } = this.view;
    const lines = streams.flatMap(stream => {
      const seen = stream.shifts.slice(firstFrom(stream.shifts, end - span)).filter(shift => shift.t <= end);
      return gathered(seen).slice(0, MOST_SHIFTS / streams.length).map(({ shift, count }) => {
        const [shape, colour] = shapeOf(shift.reason);
        const text = shiftText(count > 1 && shift.task ? { ...shift, task: 0 } : shift, stream.kinds);
        return make("li", {}, make("i", { textContent: GLYPHS[shape], style: `color: var(--${colour})`, attributes: { "aria-hidden": "true" } }),
          `${stream.title && `${stream.title}, `}${(shift.t / 1e9).toFixed(2)} s ${text}${count > 1 ? `, ${count} times` : ""}`);
      });
    });
    this.shiftList.replaceChildren(...(lines.length ? lines : [make("li", { className: "soft", textContent: "none" })]));
  }

  /** The story of what is chosen; one that is not kept any more stays as it was told. */
  tell() {
    const { chosen } = this, stream = this.streams[chosen?.at ?? 0];
    this.story.hidden = !chosen;
    if (!chosen || !stream) return;
    const told = chosen.task ? story(stream.events, chosen.task, stream.kinds)
      : { title: stream.kinds[chosen.shift.kind] ?? "a kind", lines: [{ t: chosen.shift.t, text: shiftText(chosen.shift, stream.kinds) }] };
    const key = JSON.stringify(told);
    if (key === this.told || (this.told && !told.lines.length)) return;
    this.told = key;
    this.story.replaceChildren(
      make("h4", { textContent: `${stream.title && `${stream.title}: `}${told.title}` }),
      make("ol", {}, ...told.lines.map(({ t, text }) => make("li", { textContent: `${(t / 1e9).toFixed(4)} s  ${text}` }))));
  }

  remove() {
    this.endDrag?.();
    this.themes.disconnect();
    super.remove();
  }
}

export default shownBy(LanesState, LanesView);
