// Where is what? Rows, times and pixels of the lanes, and what lies under the pointer.

export const GUTTER = 104; // of the words at the left, px
const RULER = 30, DEADLINES = 42, LEVEL = 40, GAP = 6, EDGE = 8;
const NEAR_PX = 7; // so near a mark still counts as hit
export const SHORTEST_NS = 1e6;

/**
 * Rows of one stream, from `top` down: its ruler, its workers, deadlines, levels.
 * @param {number} workers
 * @param {number} [top]
 * @returns {{rows: {name: string, number: number, y: number, height: number}[], bottom: number}}
 */
export function layout(workers, top = 0) {
  const height = workers <= 4 ? 32 : workers <= 10 ? 24 : 14;
  const rows = [];
  let y = top;
  const row = (name, number, high, gap = 0) => {
    rows.push({ name, number, y, height: high });
    y += high + gap;
  };
  row("ruler", 0, RULER);
  for (let worker = 0; worker < workers; worker++) row("worker", worker, height, 2);
  row("deadlines", 0, DEADLINES, GAP);
  LEVELS.forEach((_, level) => row("level", level, LEVEL, 2));
  return { rows, bottom: y + GAP };
}

/** Times and pixels: `t0` is at the left of the plot, `t1` at its right. */
export class Axis {
  constructor(t0, t1, widthPx) {
    Object.assign(this, { t0, t1, left: GUTTER, right: Math.max(widthPx - EDGE, GUTTER + 1) });
    this.scale = (this.right - this.left) / (t1 - t0);
  }

  x(t) { return this.left + (t - this.t0) * this.scale; }

  t(x) { return this.t0 + (x - this.left) / this.scale; }

  /** Ticks at round times, as far apart as words need. */
  ticks(apartPx = 90) {
    const least = apartPx / this.scale, ten = 10 ** Math.floor(Math.log10(least));
    const step = [1, 2, 5, 10].map(times => times * ten).find(one => one >= least);
    const found = [];
    for (let t = Math.max(Math.ceil(this.t0 / step) * step, 0); t <= this.t1; t += step) found.push(t);
    return found;
  }
}

/** A tick's word, with as many digits as ticks this far apart need. */
export function tickText(t, spanNs) {
  return spanNs < 2e7 ? `${(t / 1e6).toFixed(1)} ms` : `${(t / 1e9).toFixed(spanNs < 2e9 ? 2 : 1)} s`;
}

/**
 * A window of time after a zoom; what is at `t` stays where it is.
 * @param {{end: number, span: number}} view
 * @param {number} factor below 1 looks closer
 * @param {number} t
 * @param {number} longest
 */
export function zoomed(view, factor, t, longest) {
  const span = Math.min(Math.max(view.span * factor, SHORTEST_NS), longest);
  return { span, end: t + (view.end - t) * (span / view.span) };
}

/** A window of time that was moved, and stays where something is kept. */
export function moved(view, byNs, oldest, newest) {
  const first = Math.min(oldest + view.span, newest);
  return { ...view, end: Math.min(Math.max(view.end + byNs, first), newest) };
}

/** The window of a picture that stands. One that ends before all that is kept would be empty: it goes to the newest. */
export function standing(view, oldest, newest) {
  return view.end > oldest ? view : { ...view, end: newest };
}

/** The slices of a worker that are seen between two times. */
export function seen(slices, t0, t1) {
  const found = [];
  for (let at = firstFrom(slices, t0, "t1"); at < slices.length && slices[at].t0 < t1; at++) found.push(slices[at]);
  return found;
}

const nearest = (list, t, near, name = "t") => {
  const at = firstFrom(list, t, name);
  const found = [list[at - 1], list[at]].filter(one => one && Math.abs(one[name] - t) <= near);
  return found.sort((a, b) => Math.abs(a[name] - t) - Math.abs(b[name] - t))[0] ?? null;
};

const nearestSlice = (slices, t, near) => seen(slices, t - near, t + near)
  .sort((a, b) => gap(a, t) - gap(b, t))[0] ?? null;

const gap = (slice, t) => Math.max(slice.t0 - t, t - slice.t1, 0);

/**
 * What lies at a place: a task by its slice, the end of one, or a shift.
 * @returns {{task: number, slice?: Slice, shift?: Event, end?: Event} | null}
 */
export function hit(stream, rows, axis, x, y) {
  const row = rows.find(one => y >= one.y && y < one.y + one.height);
  if (!row || x < axis.left) return null;
  const t = axis.t(x), near = NEAR_PX / axis.scale;
  if (row.name === "worker") return ofSlice(nearestSlice(stream.slices[row.number], t, near));
  if (row.name === "deadlines") return ofEnd(nearest(stream.ends, t, near));
  return row.name === "level" ? atLevel(stream, row.number, t, near) : null;
}

const ofSlice = slice => slice && { task: slice.task, slice };

const ofEnd = end => end && { task: end.task, end };

/** When what is chosen was there, where it was in one row. */
export const timeOf = chosen => chosen?.slice?.t0 ?? chosen?.end?.t;

function atLevel(stream, level, t, near) {
  const shift = nearest(stream.shifts.filter(one => passes(one, level)), t, near);
  if (shift) return { task: shift.task, shift };
  return ofSlice(nearestSlice(stream.slices.flat().filter(one => one.level === level)
    .sort((a, b) => a.t1 - b.t1), t, near));
}

const passes = (shift, level) =>
  level >= Math.min(shift.level, shift.value) && level <= Math.max(shift.level, shift.value);

/** What is before (-1) or after (1) in the row of what is chosen; without that, the last slice in sight. */
export function neighbourOf(stream, chosen, step, t0, t1) {
  const beside = (list, one) => list[list.indexOf(one) + step] ?? one;
  if (chosen?.end) return ofEnd(beside(stream.ends, chosen.end));
  if (chosen?.slice) return ofSlice(beside(stream.slices[chosen.slice.worker], chosen.slice));
  return ofSlice(stream.slices.map(own => seen(own, t0, t1).at(-1)).find(Boolean) ?? null);
}

/**
 * What was there at the same time in the row above (-1) or below (1), past rows where nothing is: the
 * workers, and below them the deadlines. Those are decided as a task ends, so a slice's end counts there.
 */
export function across(stream, chosen, step) {
  const { slice, end } = chosen, { workers } = stream;
  for (let row = (slice?.worker ?? workers) + step; row >= 0 && row <= workers; row += step) {
    const found = row < workers ? ofSlice(nearestSlice(stream.slices[row], slice?.t0 ?? end.t, Infinity))
      : ofEnd(nearest(stream.ends, slice.t1, Infinity));
    if (found) return found;
  }
  return chosen;
}
