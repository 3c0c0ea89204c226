// What did the scheduler do? Records fold into slices, queues, shifts and deadlines, as they come in.

/** So much of the past a live view keeps. */
export const KEPT_NS = 20e9;

/**
 * A quantum on a worker; `t1` is Infinity while it runs.
 * @typedef {{t0: number, t1: number, worker: number, task: number, kind: number, level: number}} Slice
 */

/** The place of the first one in `list` that is not before `t`, by its time `name`. */
export function firstFrom(list, t, name = "t") {
  let low = 0, high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle][name] < t) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** What one scheduler did. Times are in ns from its first event; `take` gives it more. */
export class Stream {
  events = []; shifts = []; ends = []; contexts = []; guards = [];
  newest = 0; count = 0; lost = 0;

  /**
   * @param {{workers: number, kinds: string[], bases: number[], keptNs?: number}} about
   */
  constructor({ workers, kinds, bases, keptNs = KEPT_NS }) {
    Object.assign(this, { workers, keptNs, kinds: [], levels: [], tallies: [], waitingOf: [] });
    this.learn(kinds, bases);
    this.slices = Array.from({ length: workers }, () => []);
    this.depths = LEVELS.map(() => [{ t: 0, depth: 0 }]);
    this.forget();
  }

  /** The names of all kinds, and the levels of those that are new. */
  learn(kinds, levels) {
    for (let place = this.kinds.length; place < kinds.length; place++) {
      this.levels[place] = levels[place]; // now
      this.tallies[place] = tally();
      this.waitingOf[place] = 0;
    }
    this.kinds = kinds;
  }

  /** Nothing is known of what is queued and what runs: events are missing. */
  forget() {
    for (const slice of this.running ?? []) if (slice) slice.t1 = this.newest;
    this.running = new Array(this.workers).fill(null);
    this.waiting = new Map(); // task -> {kind, level, isOwn}
    this.waitingOf = this.kinds.map(() => 0);
    this.due = new Map(); // task that has not ended -> its event of submission, where it has a deadline
    this.unknown = LEVELS.map(() => 0); // queued, but not by an event that came in
    LEVELS.forEach((_, level) => this.setDepth(level, 0, this.newest));
  }

  /** Take what a snapshot says of tasks whose events are not there. */
  settle(snapshot) {
    snapshot.kinds.forEach(({ level }, place) => { this.levels[place] = level; });
    snapshot.depths.forEach((depth, level) => {
      this.unknown[level] = Math.max(0, depth - this.depth(level));
      this.queue(level, this.unknown[level], this.newest);
    });
  }

  /** @param {Event[]} events in order */
  take(events) {
    if (events.length) this.origin ??= events[0].t;
    for (const event of events) {
      event.t = Math.max(event.t - this.origin, this.newest); // two threads may note theirs in another order
      if (event.what === IS.SUBMIT) event.value -= event.value < 2 ** 62 ? this.origin : 0;
      this.events.push(event);
      this.newest = event.t;
      ACTS[event.what]?.(this, event);
    }
    this.count += events.length;
    this.trim(this.newest - this.keptNs);
  }

  trim(before) {
    if (!(before > 0) || !this.events.length || this.events[0].t > before - this.keptNs / 10) return;
    for (const list of [this.events, this.shifts, this.ends, this.contexts]) list.splice(0, firstFrom(list, before));
    for (const list of this.slices) list.splice(0, firstFrom(list, before, "t1"));
    this.guards.splice(0, firstFrom(this.guards, before, "t1"));
    // What held at the beginning of what is kept still counts.
    for (const steps of this.depths) steps.splice(0, Math.max(firstFrom(steps, before) - 1, 0));
  }

  /** The oldest time that is kept. */
  get oldest() { return this.events.length ? this.events[0].t : 0; }

  depth(level) { return this.depths[level].at(-1).depth; }

  get queued() { return LEVELS.map((_, level) => this.depth(level)); }

  queue(level, change, t) {
    this.setDepth(level, Math.max(0, this.depth(level) + change), t);
  }

  setDepth(level, depth, t) {
    const steps = this.depths[level], last = steps.at(-1);
    if (last.t === t) last.depth = depth;
    else if (last.depth !== depth) steps.push({ t, depth });
  }

  /** A task waits in the queue of its level. */
  enqueue(event) {
    const { task, kind, level, t } = event;
    if (!(level in LEVELS) || this.waiting.has(task)) return;
    this.waiting.set(task, { kind, level, isOwn: level !== this.levels[kind] });
    this.waitingOf[kind]++;
    this.queue(level, 1, t);
  }

  /** A task is in no queue any more. */
  dequeue(event, isTaken = false) {
    const found = this.waiting.get(event.task);
    if (found) {
      this.waiting.delete(event.task);
      this.waitingOf[found.kind]--;
      this.queue(found.level, -1, event.t);
    } else if (isTaken && this.unknown[event.level]) {
      this.unknown[event.level]--;
      this.queue(event.level, -1, event.t);
    }
  }

  begin(event, level = event.level) {
    const { t, worker, task, kind } = event;
    if (worker >= this.workers) return;
    this.stop(worker, t);
    const slice = { t0: t, t1: Infinity, worker, task, kind, level };
    this.slices[worker].push(slice);
    this.running[worker] = slice;
  }

  stop(worker, t) {
    const slice = this.running[worker];
    if (!slice) return;
    slice.t1 = t;
    this.running[worker] = null;
  }

  /** A task does not run any more, wherever it did. */
  leave(event) {
    const worker = this.running.findIndex(slice => slice?.task === event.task);
    if (worker >= 0) this.stop(worker, event.t);
  }

  /** Slices of tasks that `isMoved` go on at another level. */
  relevel(event, isMoved) {
    for (const slice of this.running) {
      if (slice && isMoved(slice)) this.begin({ ...slice, t: event.t }, event.level);
    }
  }

  moveTask(event) {
    const found = this.waiting.get(event.task);
    if (found) {
      this.queue(found.level, -1, event.t);
      found.level = event.level;
      found.isOwn = event.level !== this.levels[event.kind];
      this.queue(found.level, 1, event.t);
    }
    this.relevel(event, slice => slice.task === event.task);
  }

  /** All tasks of a kind move, but those that were raised further stay where they are. */
  moveKind(event) {
    this.levels[event.kind] = event.level;
    const changes = LEVELS.map(() => 0);
    for (const found of this.waiting.values()) {
      if (found.kind !== event.kind || (found.isOwn && found.level <= event.level)) continue;
      changes[found.level]--;
      changes[event.level]++;
      found.level = event.level;
      found.isOwn = false;
    }
    changes.forEach((change, level) => this.queue(level, change, event.t));
    this.relevel(event, slice => slice.kind === event.kind && slice.level === event.value);
  }

  end(event, isMissed) {
    this.ends.push({ ...event, isMissed });
    const sum = this.tallies[event.kind];
    if (!sum) return;
    sum[isMissed ? "missed" : "met"]++;
    if (isMissed) sum.causes[event.reason] = (sum.causes[event.reason] ?? 0) + 1;
  }

  tell(event, name) {
    const sum = this.tallies[event.kind];
    if (sum) sum[name]++;
  }

  /** How many of each kind have not ended, and are late already. */
  get overdue() {
    const counts = this.kinds.map(() => 0);
    for (const { kind, value } of this.due.values()) if (value < this.newest) counts[kind]++;
    return counts;
  }

  /** Deadlines met and missed by all kinds together, what is overdue and what was shed. */
  get figures() {
    const sum = name => this.tallies.reduce((all, one) => all + one[name], 0), [met, missed] = [sum("met"), sum("missed")];
    const overdue = this.overdue.reduce((all, one) => all + one, 0);
    return { met, missed, overdue, shed: sum("shed"), share: met + missed ? missed / (met + missed) : 0 };
  }
}

const tally = () => ({ done: 0, met: 0, missed: 0, shed: 0, cancelled: 0, failed: 0, causes: {} });

const ended = name => (stream, event) => {
  stream.leave(event);
  stream.due.delete(event.task);
  stream.tell(event, name);
  if (event.value < 0) stream.end(event, false);
};

const ACTS = {
  [IS.SUBMIT]: (stream, event) => {
    stream.enqueue(event);
    if (event.value < 2 ** 62) stream.due.set(event.task, event);
  },
  [IS.START]: (stream, event) => {
    stream.dequeue(event, true);
    stream.begin(event);
  },
  [IS.YIELD]: (stream, event) => {
    stream.leave(event);
    stream.enqueue(event);
  },
  [IS.QUANTUM]: (stream, event) => stream.begin(event),
  [IS.BLOCK]: (stream, event) => stream.leave(event),
  [IS.WAKE]: (stream, event) => stream.enqueue(event),
  [IS.DONE]: ended("done"),
  [IS.FAIL]: ended("failed"),
  [IS.MISS]: (stream, event) => stream.end(event, true),
  [IS.CANCEL]: (stream, event) => {
    stream.dequeue(event);
    stream.leave(event);
    stream.due.delete(event.task);
    stream.tell(event, "cancelled");
  },
  [IS.SHED]: (stream, event) => {
    stream.dequeue(event);
    stream.due.delete(event.task);
    stream.tell(event, "shed");
  },
  [IS.LEVEL]: (stream, event) => {
    stream.shifts.push(event);
    if (event.task) stream.moveTask(event);
    else stream.moveKind(event);
  },
  [IS.CONTEXT]: (stream, event) => stream.contexts.push(event),
  [IS.GUARD]: (stream, event) => stream.guards.push({ t0: event.t, t1: event.t + event.value, worker: event.worker }),
};

/** The figures of a stream in words: "3 of 120 deadlines missed, 2.5 %, 2 more overdue, 7 shed". */
export function figuresText(stream) {
  const { met, missed, share, overdue, shed } = stream.figures;
  const more = [overdue && `, ${overdue} more overdue`, shed && `, ${shed} shed`].filter(Boolean).join("");
  if (!(met + missed)) return `no deadline was due${more}`;
  return `${missed ? "✕" : "✓"} ${missed} of ${met + missed} deadlines missed, ${(100 * share).toFixed(share < 0.1 ? 2 : 1)} %${more}`;
}

/** Why a kind missed, the most frequent cause first: "queued 12, computing 3". */
export function causesText(causes) {
  return Object.entries(causes).sort((a, b) => b[1] - a[1]).map(([reason, count]) => `${REASONS[reason]} ${count}`).join(", ");
}

/** Where events come from and what time it is there, by when they came in here. */
export class Clock {
  offset = -Infinity;

  /** An event of kernel time `t` ns came in at `atMs` of the page. The least delayed one tells most. */
  heard(t, atMs) {
    this.offset = Math.max(this.offset - 1e4, t - atMs * 1e6);
  }

  /** @returns {number} ns there, or 0 where nothing came in yet */
  now(atMs) {
    return Number.isFinite(this.offset) ? atMs * 1e6 + this.offset : 0;
  }
}
