// How do lanes look? One canvas: workers, deadlines and levels of each stream on an axis of time.
//
// Nothing is told by colour alone: a slice is the higher the more urgent it is and has its kind's
// letters, a shift has the shape and the word of its reason, a miss has a cross and its cause.

const FONT = "11px", HEIGHTS = [1, 0.82, 0.66, 0.5, 0.36]; // of a slice, by level
const NAMED_PX = 26; // from this width on, a slice carries words
const LEAST_FRAME_PX = 4; // around the slice that is chosen
const COLOURS = 10;

/** The shape of a reason, and of the colours of the page the one that goes with it. */
export const SHAPES = {
  context: ["square", "text"], deadline: ["triangle", "s6"], inheritance: ["circle", "s7"], aging: ["plus", "s9"],
  prediction: ["star", "s8"], returned: ["ring", "soft"],
};
export const shapeOf = reason => SHAPES[REASONS[reason]] ?? ["diamond", "soft"];

const polygon = points => (c, x, y, r) => {
  points.forEach(([dx, dy], at) => c[at ? "lineTo" : "moveTo"](x + dx * r, y + dy * r));
  c.closePath();
};
const star = Array.from({ length: 10 }, (_, at) => {
  const angle = at * Math.PI / 5, radius = at % 2 ? 0.5 : 1.2;
  return [radius * Math.sin(angle), -radius * Math.cos(angle)];
});
const OUTLINES = {
  square: polygon([[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]]),
  triangle: polygon([[0, -1.1], [1.1, 0.9], [-1.1, 0.9]]),
  plus: polygon([[-0.4, -1.1], [0.4, -1.1], [0.4, -0.4], [1.1, -0.4], [1.1, 0.4], [0.4, 0.4], [0.4, 1.1], [-0.4, 1.1], [-0.4, 0.4], [-1.1, 0.4], [-1.1, -0.4], [-0.4, -0.4]]),
  diamond: polygon([[0, -1.2], [1.2, 0], [0, 1.2], [-1.2, 0]]),
  star: polygon(star),
  circle: (c, x, y, r) => c.arc(x, y, r, 0, 2 * Math.PI),
  ring: (c, x, y, r) => c.arc(x, y, r, 0, 2 * Math.PI),
};

/** Draw the shape of a reason around a place. */
export function drawShape(c, name, x, y, r, colour) {
  c.beginPath();
  OUTLINES[name](c, x, y, r);
  c.fillStyle = c.strokeStyle = colour;
  c.lineWidth = 1.5;
  if (name === "ring") c.stroke();
  else c.fill();
}

/** Columns of slices that are narrower than a pixel are drawn once. Answers with their boxes. */
export function boxes(slices, axis, until) {
  const found = [];
  let last = -Infinity;
  for (const slice of slices) {
    const right = Math.min(axis.x(Math.min(slice.t1, until)), axis.right);
    if (right <= last) continue;
    const left = Math.max(axis.x(slice.t0), axis.left, last);
    const width = Math.max(right - left - 0.5, 1);
    found.push({ slice, left, width });
    last = left + width;
  }
  return found;
}

/** Steps of a queue as points, at most one for each pixel: the highest counts. */
export function profile(steps, axis, until) {
  const points = [];
  const first = Math.max(firstFrom(steps, axis.t0) - 1, 0);
  for (let at = first; at < steps.length && steps[at].t <= axis.t1; at++) {
    const x = Math.max(Math.round(axis.x(steps[at].t)), axis.left), last = points.at(-1);
    if (last?.x === x) {
      last.top = Math.max(last.top, steps[at].depth);
      last.depth = steps[at].depth;
    } else points.push({ x, depth: steps[at].depth, top: steps[at].depth });
  }
  if (points.length) points.push({ ...points.at(-1), top: points.at(-1).depth, x: Math.min(axis.x(until), axis.right) });
  return points;
}

/** Words that would lie on others are left out: asks for room on a line, from left to right. */
export class Room {
  last = -Infinity;

  take(left, width) {
    if (left < this.last) return false;
    this.last = left + width + 4;
    return true;
  }
}

/** Draws streams on a canvas, in the colours that its style sheet has now. */
export class Painter {
  constructor(canvas) {
    this.canvas = canvas;
    this.c = canvas.getContext("2d");
  }

  /** Bring the canvas to a size in CSS px, and read the colours. Answers whether there is room. */
  fit(width, height, ratio) {
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.canvas.width !== w || this.canvas.height !== h) Object.assign(this.canvas, { width: w, height: h });
    this.canvas.style.height = `${height}px`;
    this.width = width;
    this.c.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.c.clearRect(0, 0, width, height);
    const style = getComputedStyle(this.canvas);
    this.font = style.fontFamily;
    this.colour = name => style.getPropertyValue(`--${name}`).trim() || "CanvasText";
    this.colours = Object.fromEntries(
      ["text", "soft", "page", "panel", "line", "over", "kept", ...Array.from({ length: COLOURS }, (_, at) => `s${at}`)]
        .map(name => [name, this.colour(name)]));
    return w > 0 && h > 0;
  }

  /** One stream. `chosen` is the number of a task whose slices are framed. */
  draw({ stream, rows, axis, title, until, chosen }) {
    for (const row of rows) this[row.name](stream, row, axis, until, chosen);
    const levels = rows.filter(row => row.name === "level");
    this.shifts(stream, levels, axis);
    this.contexts(stream, rows, axis);
    if (title) this.say(title, 0, rows[0].y + 13, this.colours.text, "bold");
  }

  say(text, x, y, colour, weight = "") {
    this.c.font = `${weight} ${FONT} ${this.font}`.trim();
    this.c.fillStyle = colour;
    this.c.fillText(text, x, y);
  }

  band(row, axis) {
    this.c.fillStyle = this.colours.panel;
    this.c.fillRect(axis.left, row.y, axis.right - axis.left, row.height);
  }

  ruler(_stream, row, axis) {
    const ticks = axis.ticks(), span = (ticks[1] ?? axis.t1) - (ticks[0] ?? axis.t0);
    for (const t of ticks) {
      const x = axis.x(t);
      this.c.fillStyle = this.colours.line;
      this.c.fillRect(x, row.y + 16, 1, row.height - 16);
      if (x < axis.right - 40) this.say(tickText(t, span), x + 3, row.y + 25, this.colours.soft);
    }
  }

  worker(stream, row, axis, until, chosen) {
    this.band(row, axis);
    const [first, last] = stream.lanes?.[row.number] ?? [0, 4]; // the levels that it takes
    const bars = last - first < 4 ? ` ${BARS.slice(first, last + 1).join("")}` : "";
    this.say(`worker ${row.number}${bars}`, 0, row.y + row.height / 2 + 4, this.colours.text);
    this.guards(stream, row, axis);
    const inside = row.height - 2;
    for (const { slice, left, width } of boxes(seen(stream.slices[row.number], axis.t0, axis.t1), axis, until)) {
      const high = Math.round(inside * (HEIGHTS[slice.level] ?? 0.36));
      this.slice(stream, slice, left, row.y + row.height - 1 - high, width, high, chosen);
    }
  }

  slice(stream, slice, left, top, width, high, chosen) {
    const { c, colours } = this;
    c.fillStyle = colours[`s${slice.kind % COLOURS}`];
    c.fillRect(left, top, width, high);
    if (slice.task === chosen) {
      c.strokeStyle = colours.text;
      c.lineWidth = 2;
      const wide = Math.max(width, LEAST_FRAME_PX);
      c.strokeRect(left - (wide - width) / 2 - 1, top - 1, wide + 2, high + 2);
    }
    if (width < NAMED_PX || high < 11) return;
    const words = `${stream.kinds[slice.kind] ?? "?"} ${slice.task}`;
    c.save();
    c.beginPath();
    c.rect(left, top, width - 2, high);
    c.clip();
    this.say(words, left + 3, top + high / 2 + 4, colours.page);
    c.restore();
  }

  /** A worker that stays free for a release: a line of dashes where it waits. */
  guards(stream, row, axis) {
    const { c, colours } = this;
    c.strokeStyle = colours.soft;
    c.lineWidth = 1;
    c.setLineDash([2, 2]);
    c.beginPath();
    for (let at = firstFrom(stream.guards, axis.t0, "t1"); at < stream.guards.length; at++) {
      const guard = stream.guards[at];
      if (guard.worker !== row.number || guard.t0 > axis.t1) continue;
      c.moveTo(Math.max(axis.x(guard.t0), axis.left), row.y + row.height / 2);
      c.lineTo(Math.min(axis.x(guard.t1), axis.right), row.y + row.height / 2);
    }
    c.stroke();
    c.setLineDash([]);
  }

  /** Deadlines that were missed are crosses with their cause below, those that were met are ticks. */
  deadlines(stream, row, axis, until, chosen) {
    const { c, colours } = this;
    this.band(row, axis);
    this.say("✕ missed", 0, row.y + 11, colours.over);
    this.say("✓ met", 0, row.y + 38, colours.kept);
    const words = new Room(), crosses = new Room(), ticks = new Room();
    for (let at = firstFrom(stream.ends, axis.t0); at < stream.ends.length && stream.ends[at].t <= axis.t1; at++) {
      const end = stream.ends[at], x = axis.x(end.t);
      if (end.task === chosen) this.framed(x, row.y + (end.isMissed ? 7 : 35));
      if (!end.isMissed && ticks.take(x, -2)) {
        c.fillStyle = colours.kept;
        c.fillRect(x - 0.5, row.y + 31, 1.5, 8);
      }
      if (!end.isMissed) continue;
      if (crosses.take(x, 1)) this.cross(x, row.y + 7);
      const cause = REASONS[end.reason], wide = this.wide(cause);
      if (x + wide < axis.right && words.take(x - 4, wide)) this.say(cause, x - 4, row.y + 24, colours.over);
    }
  }

  /** Around the mark of the task that is chosen, even where marks are too many to be drawn. */
  framed(x, y) {
    this.c.strokeStyle = this.colours.text;
    this.c.lineWidth = 2;
    this.c.strokeRect(x - 6, y - 6, 12, 12);
  }

  cross(x, y) {
    const { c } = this;
    c.strokeStyle = this.colours.over;
    c.lineWidth = 2;
    c.beginPath();
    for (const side of [-3.5, 3.5]) {
      c.moveTo(x - side, y - 3.5);
      c.lineTo(x + side, y + 3.5);
    }
    c.stroke();
  }

  wide(words) {
    this.c.font = `${FONT} ${this.font}`;
    return this.c.measureText(words).width;
  }

  /** How many wait at a level, as an area; below, what runs at it. */
  level(stream, row, axis, until, chosen) {
    const { c, colours } = this, level = row.number;
    this.band(row, axis);
    this.say(levelText(level), 0, row.y + 14, colours.text);
    const points = profile(stream.depths[level], axis, until);
    const most = Math.max(1, ...points.map(point => point.top)), floor = row.y + row.height - 10, high = row.height - 14;
    this.say(`${points.at(-1)?.depth ?? 0} queued`, 0, row.y + 29, colours.soft);
    c.beginPath();
    c.moveTo(axis.left, floor);
    let y = floor;
    for (const point of points) {
      c.lineTo(point.x, y);
      c.lineTo(point.x, floor - point.top / most * high);
      y = floor - point.depth / most * high;
      c.lineTo(point.x, y);
    }
    c.lineTo(points.at(-1)?.x ?? axis.left, floor);
    c.globalAlpha = 0.3;
    c.fillStyle = colours.soft;
    c.fill();
    c.globalAlpha = 1;
    for (const own of stream.slices) {
      const at = seen(own, axis.t0, axis.t1).filter(slice => slice.level === level);
      for (const { slice, left, width } of boxes(at, axis, until)) this.slice(stream, slice, left, floor + 2, width, 7, chosen);
    }
  }

  /** Each shift is an arrow from level to level, with the shape and the word of its reason. */
  shifts(stream, levels, axis) {
    const rooms = new Map(), shown = [];
    for (let at = firstFrom(stream.shifts, axis.t0); at < stream.shifts.length && stream.shifts[at].t <= axis.t1; at++) {
      const shift = stream.shifts[at], from = levels[shift.value], to = levels[shift.level];
      if (!from || !to) continue;
      const way = [shift.value, shift.level, shift.reason, shift.task > 0].join();
      if (!rooms.has(way)) rooms.set(way, new Room());
      const x = axis.x(shift.t);
      if (rooms.get(way).take(x, 2)) shown.push({ shift, x, from, to });
    }
    for (const one of shown) this.arrow(one);
    const words = levels.map(() => new Room());
    for (const one of shown) this.because(stream, one, words[one.shift.level], axis);
  }

  arrow({ shift, x, from, to }) {
    const { c, colours } = this, [shape, name] = shapeOf(shift.reason), colour = colours[name];
    const y0 = from.y + from.height / 2, y1 = to.y + to.height / 2, down = Math.sign(y1 - y0);
    c.strokeStyle = colour;
    c.lineWidth = shift.task ? 1.2 : 2.5;
    c.beginPath();
    c.moveTo(x, y0);
    c.lineTo(x, y1);
    c.moveTo(x - 4, y1 - 5 * down);
    c.lineTo(x, y1);
    c.lineTo(x + 4, y1 - 5 * down);
    c.stroke();
    drawShape(c, shape, x, y0, shift.task ? 4 : 5.5, colour);
  }

  because(stream, { shift, x, to }, room, axis) {
    const word = shift.task ? REASONS[shift.reason] : `${stream.kinds[shift.kind] ?? "?"}: ${REASONS[shift.reason]}`;
    const wide = this.wide(word);
    if (x + 7 + wide > axis.right || !room.take(x + 5, wide + 4)) return;
    this.plate(word, x + 7, to.y + to.height / 2 - 2, wide, this.colours[shapeOf(shift.reason)[1]]);
  }

  /** Words on a ground of their own, so that they are read on anything. */
  plate(word, x, y, wide, colour) {
    this.c.globalAlpha = 0.85;
    this.c.fillStyle = this.colours.page;
    this.c.fillRect(x - 2, y - 10, wide + 4, 13);
    this.c.globalAlpha = 1;
    this.say(word, x, y, colour);
  }

  contexts(stream, rows, axis) {
    const { c, colours } = this, last = rows.at(-1), words = new Room();
    for (const event of stream.contexts) {
      if (event.t < axis.t0 || event.t > axis.t1) continue;
      const x = axis.x(event.t), word = `context: ${stream.contextNames?.[event.value] ?? event.value}`;
      c.strokeStyle = colours.text;
      c.lineWidth = 1.5;
      c.setLineDash([5, 3]);
      c.beginPath();
      c.moveTo(x, rows[0].y + 2);
      c.lineTo(x, last.y + last.height);
      c.stroke();
      c.setLineDash([]);
      const wide = this.wide(word);
      if (words.take(Math.min(x + 2, axis.right - wide), wide)) this.plate(word, Math.min(x + 4, axis.right - wide), rows[0].y + 10, wide, colours.text);
    }
  }
}
