// What does the trace of a scheduler say? Its records as objects, and in words.
//
// A record is three signed words of 64 bits, little endian; see `toolkit/scheduler/trace.py`. Each is
// read as two halves, so that no BigInt is made: times of a hundred days are still exact to a ns.

export const LEVELS = ["CRITICAL", "HIGH", "NORMAL", "LOW", "IDLE"];
/** A bar for each level: the higher it is, the more urgent. */
export const BARS = ["█", "▆", "▅", "▃", "▁"];
export const NO_LEVEL = 7, NO_WORKER = 255;
/** What happened; the numbers of `toolkit/scheduler/reasons.py`. */
export const IS = {
  SUBMIT: 1, START: 2, YIELD: 3, BLOCK: 4, WAKE: 5, DONE: 6, FAIL: 7, CANCEL: 8, SHED: 9, LEVEL: 10,
  STEAL: 11, MISS: 12, CONTEXT: 13, GUARD: 14, QUANTUM: 15,
};
/** Why; the place is the number of the reason. */
export const REASONS = [
  "", "context", "deadline", "inheritance", "aging", "prediction", "returned", "newest", "late", "full",
  "shutdown", "preempted", "guard", "round", "lane", "user", "queued", "computing", "copying", "waiting", "held up",
];
const BECAUSE = {
  context: "another context holds", deadline: "its kind missed deadlines", inheritance: "somebody more urgent awaits it",
  aging: "it waited longest", prediction: "it will probably be needed next", returned: "what had raised it is over",
  newest: "a newer one came", late: "its deadline could not be met any more", full: "the queue was full",
  shutdown: "the scheduler shut down", preempted: "more urgent work waited", guard: "it would have overrun a release",
  round: "others of its level wait, too", lane: "a more important lane needs the core", user: "somebody asked for it",
  queued: "most of the time it was queued", computing: "most of the time it computed",
  copying: "most of the time it copied", waiting: "most of the time it waited for something",
  "held up": "it held a worker while the system ran something else",
};
const RECORD_BYTES = 24, HALF = 2 ** 32, NEVER = 2 ** 62;

/**
 * Records as objects.
 * @typedef {{t: number, what: number, worker: number, level: number, kind: number, reason: number, task: number, value: number}} Event
 * @param {DataView} view
 * @returns {Event[]}
 */
export function decode(view) {
  const events = new Array(Math.floor(view.byteLength / RECORD_BYTES));
  for (let place = 0, at = 0; place < events.length; place++, at += RECORD_BYTES) {
    const head = view.getUint32(at + 12, true);
    events[place] = {
      t: word(view, at),
      what: head >>> 27 & 15,
      worker: head >>> 19 & 255,
      level: head >>> 16 & 7,
      kind: head >>> 8 & 255,
      reason: head & 255,
      task: view.getUint32(at + 8, true),
      value: word(view, at + 16),
    };
  }
  return events;
}

const word = (view, at) => view.getInt32(at + 4, true) * HALF + view.getUint32(at, true);

/** A time as people write it: "830 µs", "3.1 ms", "1.25 s". */
export function spell(ns) {
  const size = Math.abs(ns);
  if (size >= NEVER) return "never";
  if (size < 1e5) return `${(ns / 1e3).toFixed(size < 1e4 ? 1 : 0)} µs`;
  if (size < 1e9) return `${(ns / 1e6).toFixed(size < 1e7 ? 2 : 1)} ms`;
  return `${(ns / 1e9).toFixed(2)} s`;
}

/** A level with its bar, so that the word is not alone: "█ CRITICAL". */
export const levelText = level => LEVELS[level] ? `${BARS[level]} ${LEVELS[level]}` : "no level";

/** A shift in words: "chat: HIGH → CRITICAL, context (another context holds)". */
export function shiftText(event, kinds) {
  const who = event.task ? `${kinds[event.kind] ?? "?"} ${event.task}` : kinds[event.kind] ?? "?";
  const reason = REASONS[event.reason] || "no reason";
  const because = BECAUSE[reason] ? ` (${BECAUSE[reason]})` : "";
  return `${who}: ${LEVELS[event.value] ?? "?"} → ${LEVELS[event.level] ?? "?"}, ${reason}${because}`;
}

/**
 * The life of a task, line by line.
 * @param {Event[]} events of any tasks, in order
 * @param {number} task
 * @param {string[]} kinds
 * @param {number} [begin] the time that counts as 0
 * @returns {{title: string, lines: {t: number, text: string}[]}}
 */
export function story(events, task, kinds, begin = 0) {
  const own = events.filter(event => event.task === task), [first] = own, last = own.at(-1);
  if (!first) return { title: `a task ${task}`, lines: [] };
  const ofKind = events.filter(event => event.what === IS.LEVEL && !event.task && event.kind === first.kind && event.t >= first.t && event.t <= last.t);
  const lines = [...own, ...ofKind].sort((a, b) => a.t - b.t).map(event => ({ t: event.t - begin, text: `${event.task ? "" : "its kind "}${sentence(event)}` }));
  if (first.what !== IS.SUBMIT) lines.unshift({ t: first.t - begin, text: "what was before is not kept any more" });
  return { title: `${kinds[first.kind] ?? "a task"} ${task}`, lines };
}

const SENTENCES = {
  [IS.SUBMIT]: e => `submitted at ${levelText(e.level)}, ${e.value >= NEVER ? "without a deadline" : `wanted within ${spell(e.value - e.t)}`}`,
  [IS.START]: e => `worker ${e.worker} took it at ${levelText(e.level)}, after ${spell(e.value)} in the queue`,
  [IS.YIELD]: e => `gave worker ${e.worker} back after ${spell(e.value)}${because(e)}`,
  [IS.BLOCK]: e => e.value ? `awaits task ${e.value}` : "awaits something that is no task",
  [IS.WAKE]: e => `what it awaited is there, after ${spell(e.value)}`,
  [IS.DONE]: e => `done${lateness(e.value)}`,
  [IS.FAIL]: e => `its code raised${lateness(e.value)}`,
  [IS.CANCEL]: () => "cancelled",
  [IS.SHED]: e => `dropped before it began${because(e)}`,
  [IS.LEVEL]: e => `moved from ${levelText(e.value)} to ${levelText(e.level)}${because(e)}`,
  [IS.STEAL]: e => `worker ${e.worker} took it out of the queue of worker ${e.value}`,
  [IS.MISS]: e => `✕ ended ${spell(e.value)} after its deadline${because(e)}`,
  [IS.QUANTUM]: e => `a quantum of ${spell(e.value)} ended, the next one follows at once`,
};

/** One event in words. */
export function sentence(event) {
  return SENTENCES[event.what]?.(event) ?? "something happened";
}

const because = event => {
  const reason = REASONS[event.reason];
  return reason ? `: ${reason}, ${BECAUSE[reason]}` : "";
};

const lateness = value => {
  if (!value) return "";
  return value > 0 ? `, ${spell(value)} too late` : `, ✓ ${spell(-value)} early`;
};
