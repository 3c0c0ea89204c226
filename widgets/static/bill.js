// The bill of a pipeline: rows of numbers come in, a chart and a table show them.
//
// Above is what can be tested without a page: how rows are read, stacked, judged and written. The
// page keeps the newest rows itself, so that another measure or a filter needs no kernel.

/** Measure, what it is called, how its amounts are written; in the order of a row's values. */
export const MEASURES = [
  ["allocations", "allocations", "count"],
  ["bytes", "bytes allocated", "bytes"],
  ["copies", "copies", "count"],
  ["h2d_bytes", "copied to the device", "bytes"],
  ["d2h_bytes", "copied to the host", "bytes"],
  ["d2d_bytes", "copied on the device", "bytes"],
  ["h2h_bytes", "copied on the host", "bytes"],
  ["syncs", "syncs", "count"],
  ["waits", "waits", "count"],
  ["wait_ms", "ms waited", "ms"],
  ["ms", "ms", "ms"],
];
export const KEPT = 300;
const OUTSIDE = "(outside stages)";
const COLOURS = 10;
const HEADROOM = 2.5; // a frame higher than this many medians is cut off, so that the others show
const WIDTH = 1000, HEIGHT = 100;
const PLACE = new Map(MEASURES.map(([name], place) => [name, place]));

/**
 * Rows of a message, see `widgets/bill_rows.py`.
 * @param {DataView} view
 * @returns {{number: number, index: number, level: number, stages: Map<number, Float64Array>}[]}
 */
export function unpack(view) {
  const numbers = new Float64Array(
    view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
  const rows = [];
  for (let at = 0; at < numbers.length;) {
    const [number, index, level, count] = numbers.subarray(at, at + 4);
    at += 4;
    const stages = new Map();
    for (let one = 0; one < count; one++) {
      stages.set(numbers[at], numbers.subarray(at + 1, at + 1 + MEASURES.length));
      at += 1 + MEASURES.length;
    }
    rows.push({ number, index, level, stages });
  }
  return rows;
}

/** The newest `KEPT` rows; those that are there already are not taken twice. */
export function append(rows, more) {
  const last = rows.length ? rows[rows.length - 1].number : -1;
  return rows.concat(more.filter(row => row.number > last)).slice(-KEPT);
}

/** What a row took in all stages, or in those of `only` where there are any. */
export function total(row, measure, only = new Set()) {
  let sum = 0;
  for (const [place, values] of row.stages) {
    if (!only.size || only.has(place)) sum += values[PLACE.get(measure)];
  }
  return sum;
}

/** The top of the scale: the highest frame, unless it dwarfs the others; a limit is always seen. */
export function topOf(totals, limit = null) {
  const highest = Math.max(0, ...totals);
  const middle = [...totals].sort((a, b) => a - b)[totals.length >> 1] ?? 0;
  const top = middle ? Math.min(highest, HEADROOM * middle) : highest;
  return Math.max(top, (limit ?? 0) * 1.15) || 1;
}

/** How many columns there is room for, and how wide one is, in units of the drawing. */
export function layout(rows, widthPx) {
  const most = Math.max(30, Math.min(KEPT, Math.floor(widthPx / 3)));
  const columns = Math.min(most, Math.max(rows, Math.min(60, most)));
  return { columns, step: WIDTH / columns };
}

/** One path for each stage, stacked in the order of `places`. */
export function paths(rows, places, measure, step, top) {
  const gap = step * 0.15, floor = new Float64Array(rows.length);
  return places.map(place => {
    let path = "";
    rows.forEach((row, at) => {
      const amount = row.stages.get(place)?.[PLACE.get(measure)] ?? 0;
      const below = floor[at], above = below + amount / top * HEIGHT;
      floor[at] = above;
      if (above <= below || below >= HEIGHT) return;
      const x = at * step + gap / 2, y = Math.max(HEIGHT - above, 0);
      path += `M${x.toFixed(2)} ${y.toFixed(2)}h${(step - gap).toFixed(2)}` +
        `V${(HEIGHT - below).toFixed(2)}h-${(step - gap).toFixed(2)}z`;
    });
    return path;
  });
}

/** The row at a place across the chart, from 0 to 1; -1 where there is none. */
export function hit(share, rows, columns) {
  const at = Math.floor(share * columns);
  return at >= 0 && at < rows ? at : -1;
}

/** Height of a limit in the drawing, from the top. */
export const limitAt = (limit, top) => HEIGHT - limit / top * HEIGHT;

/** Stages in the order in which they are stacked: what lies outside of stages is on top. */
export function stacking(names) {
  const places = names.map((_, place) => place);
  return places.sort((a, b) => (names[a] === OUTSIDE) - (names[b] === OUTSIDE));
}

/** The colour of a stage, by its place among those that are none of "outside". */
export function colourOf(names, place) {
  if (names[place] === OUTSIDE) return "var(--outside)";
  const before = names.slice(0, place).filter(name => name !== OUTSIDE).length;
  return `var(--s${before % COLOURS})`;
}

/** Amounts as people write them, see `toolkit/profiling/units.py`. */
export function write(measure, value) {
  const kind = MEASURES[PLACE.get(measure)][2];
  if (kind === "count") return Number.isInteger(value) ? String(value) : value.toFixed(1);
  if (kind === "ms") return !value ? "0" : value < 1 ? value.toFixed(3) : threeDigits(value);
  let place = 0;
  for (; value >= 999.5 && place < 4; place++) value /= 1000;
  return place ? `${threeDigits(value)} ${["B", "kB", "MB", "GB", "TB"][place]}` : `${Math.round(value)} B`;
}

const threeDigits = value => value.toFixed(Math.max(0, 3 - String(Math.trunc(value)).length));

/** "3 allocations", "1 sync", "1.20 MB copied to the host". */
export function phrase(measure, value) {
  const [, label, kind] = MEASURES[PLACE.get(measure)];
  if (kind !== "count") return `${write(measure, value)} ${label.replace("bytes ", "")}`;
  const one = { copies: "copy" }[label] ?? label.slice(0, -1);
  return `${write(measure, value)} ${value === 1 ? one : label}`;
}

/**
 * A frame held against one limit.
 * @returns {{state: "over"|"kept"|"warm-up", by: number, text: string}}
 */
export function verdict(row, measure, limit, names, warmup = 0) {
  const used = total(row, measure), by = used - limit;
  if (row.number < warmup) return { state: "warm-up", by: 0, text: "warming up, not judged" };
  if (by <= 0) return { state: "kept", by, text: `kept: ${write(measure, used)} of ${phrase(measure, limit)}` };
  let [most, where] = [-1, ""];
  for (const [place, values] of row.stages) {
    if (values[PLACE.get(measure)] > most) [most, where] = [values[PLACE.get(measure)], names[place]];
  }
  return { state: "over", by, text: `over by ${phrase(measure, by)} in ${where}` };
}

/** One frame in words: what it took, and in which stages, the largest first. */
export function readout(row, measure, names, only = new Set()) {
  const parts = [...row.stages]
    .filter(([place, values]) => (!only.size || only.has(place)) && values[PLACE.get(measure)])
    .map(([place, values]) => [names[place], values[PLACE.get(measure)]])
    .sort((a, b) => b[1] - a[1])
    .map(([name, value]) => `${name} ${write(measure, value)}`);
  const looked = row.level ? `, ${["", "looked at line by line", "looked at exactly"][row.level]}` : "";
  const rest = parts.length ? `: ${parts.join(", ")}` : "";
  return `frame ${row.index}${looked}: ${phrase(measure, total(row, measure, only))}${rest}`;
}

// -- the page -----------------------------------------------------------------------------------

const SHAPES = { over: "▲", kept: "✓", "warm-up": "◌" };
const COLUMNS = ["allocations", "bytes", "h2d_bytes", "d2h_bytes", "h2h_bytes", "syncs", "waits", "ms"];
const HEADS = { bytes: "allocated", h2d_bytes: "h2d", d2h_bytes: "d2h", h2h_bytes: "h2h" };
let ids = 0;

/** All that the views of one widget show. */
class State extends Heard {
  rows = []; names = []; words = null; lines = null;

  take(message, buffers) {
    if (message.t === "rows") {
      this.names = message.stages ?? this.names;
      this.rows = append(this.rows, unpack(buffers[0]));
    } else if (message.t === "words") this.words = message;
    else if (message.t === "lines") this.lines = message;
  }

  get have() { return this.rows.length ? this.rows[this.rows.length - 1].number + 1 : 0; }
}

class BillView extends SeenView {
  only = new Set(); // places of stages
  pinned = null; // number of a row; null follows the newest
  isAsked = false;

  bindings() {
    return { "change:measure": () => this.draw(), "change:running": () => this.text(), "change:level": () => this.text() };
  }

  build() {
    const model = this.model, name = `dh-bill-${ids++}`;
    this.start = make("button", { type: "button", onclick: () => this.set("running", !model.get("running")) });
    this.level = select(
      [["counts", "counts"], ["lines", "lines on every 30th"], ["exact", "exact for the next frame"]],
      value => this.set("level", value));
    this.measure = select(MEASURES.map(([value, label]) => [value, label]), value => this.set("measure", value));
    this.lookButton = make("button", { type: "button", textContent: "Exact on the next frame", onclick: () => this.look() });
    this.status = make("p", { className: "soft status" });
    this.missing = make("p", { className: "missing", hidden: true, attributes: { role: "status" } });
    this.broken = make("p", { className: "broken", hidden: true, attributes: { role: "alert" } });
    this.svg = vector("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" });
    this.word = make("span", { className: "word", hidden: true });
    this.empty = make("span", { className: "empty" });
    this.chart = make("div", {
      className: "chart", tabIndex: 0, onkeydown: event => this.key(event), onclick: event => this.click(event),
      attributes: { role: "slider", "aria-label": "frame", "aria-describedby": `${name}-help` },
    }, this.svg, this.word, this.empty);
    this.scale = make("div", { className: "scale", attributes: { "aria-hidden": "true" } },
      make("span"), make("span"), make("span", { textContent: "0" }));
    this.axis = make("div", { className: "axis", attributes: { "aria-hidden": "true" } }, make("span"), make("span"));
    this.readout = make("p", { className: "readout" });
    this.legend = make("ul", { className: "legend", attributes: { "aria-label": "stages, from below: press to show only some" } });
    this.limits = make("ul", { className: "limits", attributes: { "aria-live": "polite", "aria-label": "budget" } });
    this.table = make("table", { className: "frame" });
    this.lines = make("table", { className: "lines" });
    this.linesBox = make("div", { className: "scroll", tabIndex: 0, hidden: true, attributes: { role: "region", "aria-label": "operators and source lines", "aria-live": "polite" } }, this.lines);
    this.notes = make("details", { hidden: true }, make("summary", { textContent: "Notes" }), make("ul"));
    this.root = make("section", { className: "dh-shown dh-bill", attributes: { "aria-label": "bill" } },
      make("header", {}, make("h3", { textContent: `Bill of ${model.get("title")}` }), this.start,
        make("label", {}, "Show", this.measure), make("label", {}, "Level", this.level), this.lookButton),
      this.status, this.missing, this.broken,
      make("div", { className: "plot" }, this.scale, this.chart, this.axis),
      make("p", { className: "soft", id: `${name}-help`, textContent: "Click a bar, or press Enter on it, to look at the next frame exactly. Arrow keys read frames, Escape goes back to the newest." }),
      this.readout, this.legend, this.limits,
      make("div", { className: "scroll", tabIndex: 0, attributes: { role: "region", "aria-label": "the frame by stage" } }, this.table), this.linesBox, this.notes);
    return this.root;
  }

  set(name, value) { this.model.set(name, value); this.model.save_changes(); this.text(); }

  look() {
    this.isAsked = true;
    this.model.send({ t: "look", view: this.id });
    this.text();
  }

  news(message) {
    if (message.t !== "lines") return;
    this.isAsked = this.isAsked && message.frame === null;
    const found = this.state.rows.findLast(row => row.index === message.frame && row.level === 2);
    this.pinned = found?.number ?? this.pinned;
    this.showLines();
  }

  // -- what is drawn at each message, and what is written at most four times a second

  shown() {
    const { columns, step } = layout(this.state.rows.length, this.chart.clientWidth || 600);
    return { rows: this.state.rows.slice(-columns), columns, step };
  }

  chosen() {
    const rows = this.state.rows;
    return rows.find(row => row.number === this.pinned) ?? rows[rows.length - 1];
  }

  drawNow() {
    const { names } = this.state, measure = this.model.get("measure");
    const { rows, columns, step } = this.shown();
    const places = stacking(names).filter(place => !this.only.size || this.only.has(place));
    const totals = rows.map(row => total(row, measure, this.only));
    const limit = this.model.get("limits")[measure] ?? null;
    const top = this.top = topOf(totals, limit);
    this.cut = totals.filter(one => one > top).length;
    const nodes = paths(rows, places, measure, step, top).map((d, at) =>
      vector("path", { d, style: `fill:${colourOf(names, places[at])}` }));
    const looked = rows.map((row, at) => row.level
      ? `M${at * step} 0h${step}l${-step / 2} 6z` : "").join("");
    if (looked) nodes.push(vector("path", { d: looked, style: "fill:var(--text)" }));
    const row = this.chosen(), at = rows.indexOf(row);
    if (this.pinned !== null && at >= 0) {
      nodes.push(vector("rect", { class: "cursor", x: at * step, y: 0, width: Math.max(step, 3), height: HEIGHT }));
    }
    this.word.hidden = limit === null || !row;
    if (!this.word.hidden) {
      const found = verdict(row, measure, limit, names, this.model.get("warmup"));
      const y = limitAt(limit, top), isOver = found.state === "over";
      nodes.push(vector("line", { class: isOver ? "limit is-over" : "limit", x1: 0, x2: WIDTH, y1: y, y2: y }));
      this.word.className = isOver ? "word is-over" : "word";
      this.word.style.top = `${Math.min(Math.max(y, 8), 91)}%`;
      setText(this.word, `${SHAPES[found.state]} ${isOver ? found.text : `limit ${phrase(measure, limit)}`}`);
    }
    this.svg.replaceChildren(...nodes);
    setText(this.scale.children[0], write(measure, top));
    setText(this.scale.children[1], write(measure, top / 2));
    setText(this.axis.children[0], rows.length ? `frame ${rows[0].index}` : "");
    setText(this.axis.children[1], rows.length > 1 ? `frame ${rows[rows.length - 1].index}` : "");
    this.axis.style.marginRight = `${Math.max(100 - rows.length / columns * 100, 0)}%`;
  }

  text() {
    const { state, model } = this, { words, names } = state, measure = model.get("measure");
    const row = this.chosen(), isOwn = model.get("has_own_session");
    this.start.hidden = !isOwn;
    setText(this.start, model.get("running") ? "■ Stop" : "● Start");
    this.measure.value = measure;
    this.level.value = model.get("level");
    this.level.disabled = !isOwn;
    this.level.title = isOwn ? "" : "This session has the level that it was opened with.";
    const isLooking = this.isAsked || words?.is_looking;
    this.lookButton.disabled = Boolean(isLooking);
    setText(this.lookButton, isLooking ? "Waiting for the next frame" : "Exact on the next frame");
    const what = this.isSilent ? "◌ no answer from the kernel; this is the last that it told"
      : words?.is_recording ? "● recording" : "■ not recording";
    setText(this.status, `${what}, ${state.have} frames so far`);
    setText(this.missing, words?.missing && !isOwn ? `▲ Work of other threads is missing: ${words.missing}` : "");
    this.missing.hidden = !this.missing.textContent;
    setText(this.broken, state.error && `▲ The bill stopped: ${state.error}`);
    this.broken.hidden = !state.error;
    setText(this.empty, row ? "" : "No frame yet: run the pipeline, in a cell or in a thread.");
    const said = row ? readout(row, measure, names, this.only) : "no frame yet";
    const cut = this.cut ? ` (${this.cut} higher than the scale)` : "";
    setText(this.readout, row ? said + cut : "");
    this.describe(row, said);
    this.showLegend();
    this.showLimits(row);
    this.showTable(row);
    const notes = [...(words?.notes ?? []), ...(isOwn && words?.missing ? [words.missing] : [])];
    this.notes.hidden = !notes.length;
    setText(this.notes.firstChild, `Notes (${notes.length})`);
    if (this.notesShown !== notes.join()) {
      this.notesShown = notes.join();
      this.notes.lastChild.replaceChildren(...notes.map(note => make("li", { textContent: note })));
    }
  }

  describe(row, said) {
    const values = { valuemin: 0, valuemax: this.state.rows.length - 1, valuenow: this.state.rows.indexOf(row), valuetext: said };
    for (const [name, value] of Object.entries(values)) this.chart.setAttribute(`aria-${name}`, String(Math.max(value, 0) || value || 0));
  }

  showLegend() {
    const { names } = this.state;
    if (this.legend.children.length !== names.length) {
      this.legend.replaceChildren(...stacking(names).map(place => make("li", {}, make("button", {
        type: "button", onclick: () => this.filter(place), value: String(place),
      }, make("i", { className: "swatch", style: `background:${colourOf(names, place)}` }), make("span")))));
    }
    for (const { firstChild: button } of this.legend.children) {
      const place = Number(button.value);
      setText(button.lastChild, names[place]);
      button.setAttribute("aria-pressed", String(this.only.has(place)));
    }
  }

  filter(place) {
    if (!this.only.delete(place)) this.only.add(place);
    if (this.only.size === this.state.names.length) this.only.clear();
    this.draw(); this.text(); this.showLines();
  }

  showLimits(row) {
    const limits = Object.entries(this.model.get("limits")), warmup = this.model.get("warmup");
    this.limits.hidden = !limits.length;
    if (!row) return;
    const items = limits.map(([measure, limit]) => {
      const found = verdict(row, measure, limit, this.state.names, warmup);
      const over = this.state.rows.filter(one => verdict(one, measure, limit, this.state.names, warmup).state === "over").length;
      return [found.state, `${SHAPES[found.state]} limit ${phrase(measure, limit)}: ${found.text}` +
        (over ? `; over on ${over} of the newest ${this.state.rows.length} frames` : "")];
    });
    while (this.limits.children.length < items.length) this.limits.append(make("li"));
    items.forEach(([state, text], at) => {
      this.limits.children[at].className = `is-${state}`;
      setText(this.limits.children[at], text);
    });
  }

  showTable(row) {
    if (!row) return;
    const { names } = this.state;
    const head = ["stage", ...COLUMNS.map(name => HEADS[name] ?? name)];
    const line = (name, values) => make("tr", {}, make("th", { textContent: name, scope: "row" }),
      ...values.map((value, at) => make("td", { textContent: write(COLUMNS[at], value) })));
    const places = stacking(names).filter(place => row.stages.has(place) && (!this.only.size || this.only.has(place)));
    this.table.replaceChildren(
      make("caption", { textContent: `Frame ${row.index}${this.pinned === null ? ", the newest" : ""}` }),
      make("thead", {}, headOf(head)),
      make("tbody", {}, ...places.map(place => line(names[place], COLUMNS.map(name => row.stages.get(place)[PLACE.get(name)])))),
      make("tfoot", {}, line(this.only.size ? "together" : "whole frame", COLUMNS.map(name => total(row, name, this.only)))));
  }

  showLines() {
    const found = this.state.lines;
    this.linesBox.hidden = !found;
    if (!found) return;
    const chosen = new Set([...this.only].map(place => this.state.names[place]));
    const each = found.frame === null ? Math.max(found.frames, 1) : 1;
    const amount = (measure, value) => make("td", { textContent: write(measure, value / each) });
    const rows = found.rows.filter(([stage]) => !chosen.size || chosen.has(stage)).map(
      ([stage, op, line, chain, allocations, bytes, copies, copied, syncs]) => make("tr", {},
        make("td", { textContent: stage }), make("td", { textContent: op || "(no operator)" }),
        make("td", { textContent: line, title: chain }), amount("allocations", allocations), amount("bytes", bytes),
        amount("copies", copies), amount("bytes", copied), amount("syncs", syncs)));
    const title = found.frame === null
      ? `Lines, the mean of ${found.frames} frames` : `Frame ${found.frame}, exactly: operators and source lines`;
    const more = found.left_out ? `; ${found.left_out} smaller rows are left out` : "";
    this.lines.replaceChildren(
      make("caption", { textContent: title + more }),
      make("thead", {}, headOf(["stage", "operator", "line", "allocations", "allocated", "copies", "copied", "syncs"])),
      make("tbody", {}, ...rows),
      make("tfoot", {}, make("tr", {}, make("td", { colSpan: 3, textContent: "unattributed remainder, all stages" }),
        amount("allocations", found.rest[0]), amount("bytes", found.rest[1]), make("td", { colSpan: 3 }))));
  }

  // -- by hand

  click(event) {
    const box = this.chart.getBoundingClientRect(), { rows, columns } = this.shown();
    const at = hit((event.clientX - box.left) / box.width, rows.length, columns);
    if (at < 0) return;
    this.pin(rows[at].number);
    this.look();
  }

  key(event) {
    const rows = this.state.rows, at = rows.indexOf(this.chosen()), last = rows.length - 1;
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, PageUp: at - 10, PageDown: at + 10, Home: 0, End: last }[event.key];
    if (event.key === "Enter" || event.key === " ") this.look();
    else if (event.key === "Escape") this.pin(null);
    else if (to !== undefined && rows.length) this.pin(rows[Math.min(Math.max(to, 0), last)].number);
    else return;
    event.preventDefault();
  }

  pin(number) {
    this.pinned = number;
    this.drawNow();
    this.text();
  }
}

export default shownBy(State, BillView);
