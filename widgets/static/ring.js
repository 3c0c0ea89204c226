// A ring of slots, live: what each slot is, who holds which, and where readers and the producer are.
// Above is what can be tested without a page: where slots lie, and what is said in words.

/** What a slot is, its shape, and what that means; in the order of `KINDS` in `widgets/ring.py`. */
export const KINDS = [
  ["empty", "", "never written"],
  ["writing", "✎", "being written"],
  ["held", "●", "held, never overwritten"],
  ["unread", "▪", "not read yet by a reader"],
  ["free", "·", "may be overwritten"],
  ["newest", "★", "the newest frame, written last"],
];
const MOST_ROUND = 72; // slots that a ring of 300 px can show; more of them stand in rows
const SIZE = 300, OUTER = 138, INNER = 108;

/**
 * Where slots lie, in units of a drawing that is 300 wide.
 * @returns {{height: number, cells: {path: string, x: number, y: number, markX: number, markY: number}[]}}
 *   the outline of each slot, its middle, and where marks of readers stand
 */
export function layout(slots) {
  return slots <= MOST_ROUND ? round(slots) : rows(slots);
}

function round(slots) {
  const turn = 2 * Math.PI / slots, gap = Math.min(0.02, turn / 8), middle = SIZE / 2;
  const at = (radius, angle) => [middle + radius * Math.sin(angle), middle - radius * Math.cos(angle)];
  const cells = Array.from({ length: slots }, (_, place) => {
    const begin = place * turn + gap, end = (place + 1) * turn - gap, half = (begin + end) / 2;
    const [a, b, c, d] = [at(OUTER, begin), at(OUTER, end), at(INNER, end), at(INNER, begin)];
    const large = end - begin > Math.PI ? 1 : 0;
    const path = `M${point(a)}A${OUTER} ${OUTER} 0 ${large} 1 ${point(b)}` +
      `L${point(c)}A${INNER} ${INNER} 0 ${large} 0 ${point(d)}Z`;
    const [x, y] = at((OUTER + INNER) / 2, half), [markX, markY] = at(INNER - 10, half);
    return { path, x, y, markX, markY };
  });
  return { height: SIZE, cells };
}

function rows(slots) {
  const columns = 12, side = SIZE / columns;
  const cells = Array.from({ length: slots }, (_, place) => {
    const left = place % columns * side, top = Math.floor(place / columns) * side;
    const path = `M${left + 1} ${top + 1}h${side - 2}v${side - 2}h${2 - side}Z`;
    return { path, x: left + side / 2, y: top + side / 2 - 2, markX: left + side / 2, markY: top + side - 5 };
  });
  return { height: Math.ceil(slots / columns) * side, cells };
}

const point = ([x, y]) => `${x.toFixed(2)} ${y.toFixed(2)}`;

/** How many slots are of each kind, in words: "3 held, 57 may be overwritten". */
export function summary(ring) {
  const counts = KINDS.map((_, kind) => ring.kinds.filter(one => one === kind).length);
  const words = ["empty", "being written", "held", "unread", "free", "the newest"];
  const parts = counts.map((count, kind) => count ? `${count} ${words[kind]}` : "").filter(Boolean);
  return `${ring.kinds.length} slots: ${parts.join(", ")}`;
}

/** What came and went, in words, with a sign where frames were lost. */
export function traffic(ring, policy) {
  const [published, dropped, waits] = ring.counts;
  const does = { oldest: "the oldest unread frame", newest: "the incoming frame" }[policy];
  const lost = does ? `${dropped} dropped (when full, ${does} is)` : `${dropped} dropped`, sign = dropped ? "▲ " : "";
  const waited = ring.is_waiting ? ", the producer waits now" : "";
  return `${published} published, ${sign}${lost}, ${waits} waits${waited}`;
}

/** Where one reader is, in words. */
export function reader([slot, behind, missed], place) {
  const where = behind ? `${behind} ${behind === 1 ? "frame" : "frames"} to read` : "has read all";
  const next = slot >= 0 ? `, next in slot ${slot}` : "";
  return `reader ${place + 1}: ${where}${next}${missed ? `; ▲ missed ${missed}` : ""}`;
}

// -- the page -----------------------------------------------------------------------------------

class RingState extends Heard {
  ring = null;

  take(message) {
    if (message.t === "ring") this.ring = message;
  }
}

class RingView extends SeenView {
  build() {
    const slots = this.model.get("slots"), { height, cells } = layout(slots);
    this.svg = vector("svg", { viewBox: `0 0 ${SIZE} ${height}`, role: "img", "aria-label": "no answer yet" });
    this.cells = cells.map(({ path, x, y, markX, markY }, number) => {
      const cell = vector("path", { d: path, class: "slot" });
      const shape = vector("text", { x, y, class: "shape" });
      const mark = vector("text", { x: markX, y: markY, class: "mark" });
      const title = vector("title", {});
      cell.append(title);
      this.svg.append(cell, shape, mark);
      return { cell, shape, mark, title, number };
    });
    this.isRound = slots <= MOST_ROUND;
    this.middle = [-24, 0, 24].map((dy, at) =>
      vector("text", { x: SIZE / 2, y: height / 2 + dy, class: at ? "middle soft" : "middle large" }));
    if (this.isRound) this.svg.append(...this.middle);
    this.status = make("p", { attributes: { "aria-live": "polite" } });
    this.traffic = make("p");
    this.broken = make("p", { className: "broken", hidden: true, attributes: { role: "alert" } });
    this.readers = make("ul", { className: "readers" });
    this.holds = make("table", { className: "holds" });
    const legend = make("ul", { className: "legend", attributes: { "aria-label": "what the shapes mean" } },
      ...KINDS.map(([name, shape, meaning]) => make("li", {},
        make("i", { className: `swatch is-${name}`, textContent: shape, attributes: { "aria-hidden": "true" } }), meaning)),
      make("li", {}, make("i", { className: "swatch", textContent: "1", attributes: { "aria-hidden": "true" } }), "where reader 1 reads next"));
    return make("section", { className: "dh-shown dh-ring", attributes: { "aria-label": "ring" } },
      make("header", {}, make("h3", { textContent: `Ring of ${this.model.get("title")}` })),
      make("div", { className: "sides" },
        make("div", { className: "picture" }, this.svg),
        make("div", { className: "words" }, this.status, this.traffic, this.broken, this.readers,
          make("div", { className: "scroll" }, this.holds), legend)));
  }

  drawNow() {
    const ring = this.state.ring;
    if (!ring) return;
    const marks = new Map();
    ring.readers.forEach(([slot], place) => marks.set(slot, `${marks.get(slot) ?? ""}${marks.has(slot) ? "," : ""}${place + 1}`));
    for (const { cell, shape, mark, title, number } of this.cells) {
      const [name, glyph, meaning] = KINDS[ring.kinds[number]];
      const isNewest = number === ring.newest;
      cell.setAttribute("class", `slot is-${name}${isNewest ? " is-last" : ""}`);
      setText(shape, isNewest ? "★" : glyph);
      setText(mark, marks.get(number) ?? "");
      const frame = ring.frames[number] >= 0 ? `, frame ${ring.frames[number]}` : "";
      const held = ring.held[number] > 1 ? `, by ${ring.held[number]} leases` : "";
      setText(title, `slot ${number}${frame}: ${meaning}${held}${isNewest && name !== "newest" ? ", the newest frame" : ""}`);
    }
  }

  text() {
    const ring = this.state.ring;
    setText(this.broken, this.state.error && `▲ The picture stopped: ${this.state.error}`);
    this.broken.hidden = !this.state.error;
    if (!ring) return;
    const said = this.isSilent ? "◌ no answer from the kernel; this is the last that it told. " : "";
    setText(this.status, said + summary(ring));
    setText(this.traffic, traffic(ring, this.model.get("policy")));
    this.traffic.className = ring.counts[1] ? "is-lost" : "";
    this.svg.setAttribute("aria-label", [summary(ring), ...ring.readers.map(reader)].join(". "));
    const held = ring.kinds.filter(kind => kind === 2).length;
    [`${held} held`, `${ring.counts[0]} published`, `${ring.counts[1] ? "▲ " : ""}${ring.counts[1]} dropped`]
      .forEach((text, at) => setText(this.middle[at], text));
    this.readers.replaceChildren(...ring.readers.map((one, place) => make("li", { textContent: reader(one, place) })));
    this.holds.hidden = !ring.holds.length;
    this.holds.replaceChildren(
      make("caption", { textContent: `Held now${ring.more ? `, and ${ring.more} more` : ""}` }),
      make("thead", {}, headOf(["slot", "frame", "by", "for"])),
      make("tbody", {}, ...ring.holds.map(([slot, frame, thread, seconds]) => make("tr", {},
        ...[slot, frame, thread, `${seconds.toFixed(1)} s`].map(one => make("td", { textContent: String(one) }))))));
  }
}

export default shownBy(RingState, RingView);
