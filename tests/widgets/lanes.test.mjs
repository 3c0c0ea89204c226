// What of the scheduler's picture needs no page: records, what they fold into, places, words.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

const parts = ["seen", "shown", "lanes_events", "lanes_model", "lanes_place", "lanes_paint", "lanes"];
const source = parts
  .map(name => readFileSync(new URL(`../../widgets/static/${name}.js`, import.meta.url), "utf8"))
  .join("\n");
const lanes = await import(`data:text/javascript,${encodeURIComponent(source)}`);
const { Axis, Clock, IS, LEVELS, REASONS, Room, Stream } = lanes;

const MS = 1e6, NEVER = 2 ** 62;
const KINDS = ["frame", "chat", "train"], BASES = [0, 1, 3];
const because = word => REASONS.indexOf(word);
const stream = (options = {}) => new Stream({ workers: 2, kinds: KINDS, bases: BASES, ...options });
const event = (t, what, values = {}) => ({ t: t * MS, what, worker: 255, level: 7, kind: 0, reason: 0, task: 0, value: 0, ...values });
const submit = (t, task, kind, level, deadline = NEVER) => event(t, IS.SUBMIT, { task, kind, level, value: deadline === NEVER ? NEVER : deadline * MS });
const start = (t, task, kind, level, worker = 0) => event(t, IS.START, { task, kind, level, worker });
const done = (t, task, kind, level, late = 0, worker = 0) => event(t, IS.DONE, { task, kind, level, worker, value: late * MS });
const taken = (...events) => {
  const one = stream();
  one.take(events);
  return one;
};

test("the files together are one module with a widget in it", () => {
  assert.equal(typeof lanes.default, "function");
});

// -- records -------------------------------------------------------------------------------------

function packed(...records) {
  const view = new DataView(new ArrayBuffer(24 * records.length));
  records.forEach(([t, head, value], place) => [t, head, value].forEach(
    (word, at) => view.setBigInt64(24 * place + 8 * at, BigInt(word), true)));
  return view;
}

test("a record is read as the trace wrote it", () => {
  const head = 12n << 59n | 3n << 51n | 2n << 48n | 17n << 40n | 18n << 32n | 4294967295n;
  assert.deepEqual(lanes.decode(packed([123456789012345n, head, -5n])), [
    { t: 123456789012345, what: IS.MISS, worker: 3, level: 2, kind: 17, reason: 18, task: 4294967295, value: -5 },
  ]);
});

test("the highest head is no negative number, and a deadline that does not come is 2 ** 62", () => {
  const head = 15n << 59n | 255n << 51n | 7n << 48n | 255n << 40n | 255n << 32n;
  const [one] = lanes.decode(packed([0n, head, 2n ** 62n]));
  assert.deepEqual([one.what, one.worker, one.level, one.kind, one.reason, one.task, one.value], [15, 255, 7, 255, 255, 0, NEVER]);
});

test("half a record at the end is left out", () => {
  assert.equal(lanes.decode(new DataView(new ArrayBuffer(47))).length, 1);
});

// -- what they fold into -------------------------------------------------------------------------

test("a task waits in its level's queue until a worker takes it, and a slice lasts until it ends", () => {
  const one = taken(submit(0, 1, 1, 1), submit(1, 2, 1, 1), start(2, 1, 1, 1), done(5, 1, 1, 1));
  assert.deepEqual(one.depths[1].map(({ t, depth }) => [t / MS, depth]), [[0, 1], [1, 2], [2, 1]]);
  assert.deepEqual(one.slices[0], [{ t0: 2 * MS, t1: 5 * MS, worker: 0, task: 1, kind: 1, level: 1 }]);
  assert.deepEqual(one.queued, [0, 1, 0, 0, 0]);
  assert.deepEqual(one.waitingOf, [0, 1, 0]);
  assert.equal(one.tallies[1].done, 1);
});

test("times count from the first event, deadlines, too", () => {
  const one = taken(submit(1000, 1, 0, 0, 1016));
  assert.equal(one.events[0].t, 0);
  assert.equal(one.events[0].value, 16 * MS);
});

test("time does not go back where two threads noted their events in another order", () => {
  const one = taken(submit(0, 1, 0, 0), submit(5, 2, 0, 0), start(3, 1, 0, 0));
  assert.deepEqual(one.events.map(({ t }) => t / MS), [0, 5, 5]);
});

test("a quantum ends a slice, and the next one follows at once", () => {
  const one = taken(submit(0, 1, 2, 3), start(0, 1, 2, 3), event(4, IS.QUANTUM, { task: 1, kind: 2, level: 3, worker: 0 }), event(9, IS.YIELD, { task: 1, kind: 2, level: 3, worker: 0 }));
  assert.deepEqual(one.slices[0].map(({ t0, t1 }) => [t0 / MS, t1 / MS]), [[0, 4], [4, 9]]);
  assert.equal(one.depth(3), 1);
});

test("a blocked task is in no queue, and wakes into one", () => {
  const own = { task: 1, kind: 1, level: 1, worker: 0 };
  const one = taken(submit(0, 1, 1, 1), start(0, 1, 1, 1), event(1, IS.BLOCK, own));
  assert.equal(one.depth(1), 0);
  one.take([event(3, IS.WAKE, own)]);
  assert.equal(one.depth(1), 1);
});

test("cancelled and shed tasks leave their queue, and are counted", () => {
  const one = taken(submit(0, 1, 1, 1), submit(0, 2, 1, 1), event(1, IS.CANCEL, { task: 1, kind: 1, level: 1 }), event(1, IS.SHED, { task: 2, kind: 1, level: 1 }));
  assert.equal(one.depth(1), 0);
  assert.deepEqual([one.tallies[1].cancelled, one.tallies[1].shed], [1, 1]);
});

test("a task whose level shifts moves to the queue of the new one", () => {
  const one = taken(submit(0, 1, 2, 3), event(1, IS.LEVEL, { task: 1, kind: 2, level: 1, value: 3, reason: because("inheritance") }));
  assert.deepEqual(one.queued, [0, 1, 0, 0, 0]);
  assert.equal(one.shifts.length, 1);
  one.take([start(2, 1, 2, 1)]);
  assert.deepEqual(one.queued, [0, 0, 0, 0, 0]);
});

test("with its kind go the queued and the running tasks that have no level of their own", () => {
  const one = taken(submit(0, 1, 1, 1), submit(0, 2, 1, 1), submit(0, 3, 1, 1), start(1, 1, 1, 1),
    event(2, IS.LEVEL, { task: 3, kind: 1, level: 0, value: 1, reason: because("inheritance") }),
    event(3, IS.LEVEL, { kind: 1, level: 4, value: 1, reason: because("context") }));
  assert.deepEqual(one.queued, [1, 0, 0, 0, 1]);
  assert.equal(one.levels[1], 4);
  assert.deepEqual(one.slices[0].map(({ level, t1 }) => [level, t1 / MS]), [[1, 3], [4, Infinity]]);
});

test("deadlines are met or missed, and a miss has its cause", () => {
  const miss = event(30, IS.MISS, { task: 2, kind: 0, level: 0, worker: 1, value: 4 * MS, reason: because("queued") });
  const one = taken(done(10, 1, 0, 0, -3), done(30, 2, 0, 0, 4, 1), miss, done(31, 3, 1, 1));
  assert.deepEqual(one.figures, { met: 1, missed: 1, share: 0.5, overdue: 0, shed: 0 });
  assert.deepEqual(one.ends.map(({ task, isMissed }) => [task, isMissed]), [[1, false], [2, true]]);
  assert.equal(lanes.figuresText(one), "✕ 1 of 2 deadlines missed, 50.0 %");
  assert.equal(lanes.causesText(one.tallies[0].causes), "queued 1");
  assert.equal(lanes.figuresText(stream()), "no deadline was due");
});

test("what is late and has not ended is overdue, until it ends or is dropped", () => {
  const one = taken(submit(0, 1, 1, 1, 10), submit(0, 2, 1, 1, 10), submit(0, 3, 2, 3), submit(0, 4, 1, 1, 90));
  assert.deepEqual(one.overdue, [0, 0, 0]);
  one.take([start(20, 1, 1, 1)]);
  assert.deepEqual(one.overdue, [0, 2, 0]);
  one.take([done(30, 1, 1, 1, 20), event(30, IS.SHED, { task: 2, kind: 1, level: 1 })]);
  assert.deepEqual(one.overdue, [0, 0, 0]);
  assert.equal(lanes.figuresText(one), "no deadline was due, 1 shed");
  one.forget();
  assert.equal(one.due.size, 0);
});

test("what is older than is kept goes, and what held then still counts", () => {
  const one = stream({ keptNs: 100 * MS });
  one.take([submit(0, 1, 1, 1)]);
  for (let t = 1; t < 400; t++) one.take([start(t, 2, 2, 3), done(t + 0.5, 2, 2, 3)]);
  assert.ok(one.oldest >= 280 * MS && one.events.length < 260);
  assert.equal(one.slices[0][0].t1 >= one.oldest, true);
  assert.equal(one.depth(1), 1);
  assert.equal(one.depths[1].length, 1);
  assert.equal(one.count, 799);
});

test("where events are missing, a snapshot says how many were queued, and they can be taken", () => {
  const one = taken(submit(0, 1, 1, 1), start(1, 1, 1, 1));
  one.forget();
  one.settle({ depths: [0, 0, 0, 2, 0], kinds: [{ level: 0 }, { level: 0 }, { level: 3 }] });
  assert.deepEqual(one.queued, [0, 0, 0, 2, 0]);
  assert.equal(one.levels[1], 0);
  one.take([start(2, 9, 2, 3), start(3, 10, 2, 3, 1), start(4, 11, 2, 3)]);
  assert.deepEqual(one.queued, [0, 0, 0, 0, 0]);
});

test("a kind that is declared later is learned", () => {
  const one = stream();
  one.learn([...KINDS, "speculate"], [...BASES, 4]);
  one.take([submit(0, 1, 3, 4)]);
  assert.deepEqual([one.waitingOf[3], one.levels[3], one.tallies.length], [1, 4, 4]);
});

test("the kernel's time goes on here between two deltas, from the one that came in fastest", () => {
  const clock = new Clock();
  assert.equal(clock.now(1000), 0);
  clock.heard(500 * MS, 1000);
  clock.heard(560 * MS, 1100);
  assert.ok(Math.abs(clock.now(1100) - 600 * MS) < MS);
});

// -- where things are ----------------------------------------------------------------------------

test("rows stand below each other: ruler, workers, deadlines, five levels", () => {
  const { rows, bottom } = lanes.layout(2);
  assert.deepEqual(rows.map(({ name }) => name), ["ruler", "worker", "worker", "deadlines", ...LEVELS.map(() => "level")]);
  rows.slice(1).forEach((row, at) => assert.ok(row.y >= rows[at].y + rows[at].height));
  assert.ok(bottom >= rows.at(-1).y + rows.at(-1).height);
  assert.ok(lanes.layout(64).bottom < 64 * 16 + 330);
});

test("a time has its pixel, and the pixel its time", () => {
  const axis = new Axis(100 * MS, 300 * MS, 912);
  assert.equal(axis.x(100 * MS), lanes.GUTTER);
  assert.equal(axis.x(300 * MS), 904);
  assert.ok(Math.abs(axis.t(axis.x(170 * MS)) - 170 * MS) < 1);
});

test("ticks stand at round times with room for their words", () => {
  const ticks = new Axis(0, 4e9, 912).ticks();
  assert.deepEqual(ticks, [0, 1, 2, 3, 4].flatMap(s => [s, s + 0.5]).filter(s => s <= 4).map(s => s * 1e9));
  assert.equal(lanes.tickText(1.5e9, 5e8), "1.50 s");
  assert.equal(lanes.tickText(1.5e9, 1e6), "1500.0 ms");
});

test("a zoom keeps what is under the pointer, and stays within what can be seen", () => {
  assert.deepEqual(lanes.zoomed({ end: 100 * MS, span: 100 * MS }, 0.5, 50 * MS, 1e9), { end: 75 * MS, span: 50 * MS });
  assert.equal(lanes.zoomed({ end: 0, span: MS }, 0.1, 0, 1e9).span, lanes.SHORTEST_NS);
  assert.equal(lanes.zoomed({ end: 0, span: 9e8 }, 2, 0, 1e9).span, 1e9);
});

test("a window that is moved stays where something is kept", () => {
  const view = { end: 10, span: 4 };
  assert.equal(lanes.moved(view, -2, 0, 20).end, 8);
  assert.equal(lanes.moved(view, -9, 0, 20).end, 4);
  assert.equal(lanes.moved(view, 99, 0, 20).end, 20);
  assert.equal(lanes.moved(view, 0, 0, 2).end, 2);
});

test("a picture that stands where nothing is kept any more, or never stood, goes to the newest", () => {
  assert.deepEqual(lanes.standing({ end: 0, span: 4 }, 0, 20), { end: 20, span: 4 });
  assert.deepEqual(lanes.standing({ end: 8, span: 4 }, 10, 20), { end: 20, span: 4 });
  assert.deepEqual(lanes.standing({ end: 12, span: 4 }, 10, 20), { end: 12, span: 4 });
});

test("what another page asked for again does not replace what a page has", () => {
  const state = new lanes.LanesState(), none = new DataView(new ArrayBuffer(0));
  const tell = n => state.hear({ t: "delta", n, lost: 0, about: { workers: 2, kinds: KINDS, bases: BASES } }, [none]);
  tell(3);
  const { stream } = state;
  tell(3);
  assert.equal(state.stream, stream);
  tell(4);
  assert.notEqual(state.stream, stream);
  assert.equal(state.have, 4);
});

const busy = () => taken(
  submit(0, 1, 0, 0, 16), start(0, 1, 0, 0), done(10, 1, 0, 0, -6), submit(10, 2, 1, 1), start(12, 2, 1, 1),
  event(15, IS.LEVEL, { kind: 2, level: 0, value: 4, reason: because("context") }), done(20, 2, 1, 1));

test("a click finds the slice, the shift or the end that is nearest", () => {
  const one = busy(), { rows } = lanes.layout(2), axis = new Axis(0, 20 * MS, 1000);
  const at = (name, t, number = 0) => {
    const row = rows.find(row => row.name === name && row.number === number);
    return lanes.hit(one, rows, axis, axis.x(t * MS), row.y + row.height / 2);
  };
  assert.equal(at("worker", 5).task, 1);
  assert.equal(at("worker", 11.95).task, 2);
  assert.equal(at("worker", 5, 1), null);
  assert.equal(at("deadlines", 10).end.task, 1);
  assert.equal(at("level", 15, 2).shift.reason, because("context"));
  assert.equal(at("level", 5, 0).task, 1);
  assert.equal(at("ruler", 5), null);
  assert.equal(lanes.hit(one, rows, axis, 3, 40), null);
});

/** Two workers of three with slices of tasks 1, 2 and 3; the first two have deadlines. */
const rowsOfKeys = () => {
  const one = stream({ workers: 3 });
  one.take([start(0, 1, 0, 0), done(1, 1, 0, 0, -1), start(2, 2, 0, 0), done(3, 2, 0, 0, -1), start(2, 3, 1, 1, 1), done(4, 3, 1, 1, 0, 1)]);
  return one;
};

test("keys lead from slice to slice, and across to other workers", () => {
  const one = rowsOfKeys(), last = lanes.neighbourOf(one, null, 1, 0, 10 * MS);
  assert.equal(last.task, 2);
  assert.equal(lanes.neighbourOf(one, last, -1).task, 1);
  assert.equal(lanes.neighbourOf(one, last, 1).task, 2);
  assert.equal(lanes.across(one, last, 1).task, 3);
  assert.equal(lanes.across(one, last, -1).task, 2);
});

test("keys lead on from the last worker to the deadlines, past a worker that did nothing, and back", () => {
  const one = rowsOfKeys(), slice = one.slices[1][0];
  const down = lanes.across(one, { task: 3, slice }, 1);
  assert.deepEqual([down.task, down.end, down.slice], [2, one.ends[1], undefined]);
  assert.equal(lanes.across(one, down, 1), down);
  assert.equal(lanes.across(one, down, -1).slice, slice);
});

test("down from a slice is the deadline that was decided as it ended", () => {
  const one = taken(start(0, 1, 0, 0), done(1, 1, 0, 0, -1), start(2, 2, 0, 0), done(5, 2, 0, 0, -1));
  assert.equal(lanes.across(one, { task: 2, slice: one.slices[0][1] }, 1).end.task, 2);
  one.take([start(6, 3, 0, 0)]);
  assert.equal(lanes.across(one, { task: 3, slice: one.slices[0][2] }, 1).end.task, 2);
});

test("keys lead from deadline to deadline", () => {
  const one = rowsOfKeys(), [first, second] = one.ends.map(end => ({ task: end.task, end }));
  assert.equal(lanes.neighbourOf(one, second, -1, 0, 0).end, first.end);
  assert.equal(lanes.neighbourOf(one, first, 1, 0, 0).end, second.end);
  assert.equal(lanes.neighbourOf(one, first, -1, 0, 0).end, first.end);
});

test("where no deadline was due, down from the last worker stays there", () => {
  const one = taken(start(0, 1, 0, 0), done(1, 1, 0, 0)), chosen = { task: 1, slice: one.slices[0][0] };
  assert.equal(lanes.across(one, chosen, 1), chosen);
});

test("slices that are narrower than a pixel are drawn once", () => {
  const slices = Array.from({ length: 10000 }, (_, at) => ({ t0: at * MS, t1: (at + 1) * MS, kind: 0, level: 0, task: at }));
  const axis = new Axis(0, 1e10, 504), found = lanes.boxes(slices, axis, 1e10);
  assert.ok(found.length <= 400);
  assert.equal(lanes.boxes([{ t0: 0, t1: Infinity }], axis, 5e9)[0].width, (axis.right - axis.left) / 2 - 0.5);
});

test("a queue's height at a pixel is the highest of what it was there", () => {
  const steps = [{ t: 0, depth: 1 }, { t: 1e3, depth: 9 }, { t: 2e3, depth: 2 }, { t: 5e9, depth: 4 }];
  const points = lanes.profile(steps, new Axis(0, 1e10, 504), 1e10);
  assert.deepEqual(points.map(({ top, depth }) => [top, depth]), [[9, 2], [4, 4], [4, 4]]);
});

test("words that would lie on others are left out", () => {
  const room = new Room();
  assert.deepEqual([room.take(0, 20), room.take(10, 20), room.take(24, 20)], [true, false, true]);
});

// -- words ---------------------------------------------------------------------------------------

test("every reason that moves a priority has a shape of its own", () => {
  const shapes = ["context", "deadline", "inheritance", "aging", "prediction"].map(word => lanes.shapeOf(because(word))[0]);
  assert.equal(new Set(shapes).size, 5);
  assert.deepEqual(lanes.shapeOf(250), ["diamond", "soft"]);
});

test("a shift says who, from where, to where and why", () => {
  const shift = event(1, IS.LEVEL, { kind: 1, level: 0, value: 1, reason: because("context") });
  assert.equal(lanes.shiftText(shift, KINDS), "chat: HIGH → CRITICAL, context (another context holds)");
  assert.match(lanes.shiftText({ ...shift, task: 7, reason: because("aging") }, KINDS), /^chat 7: .* aging/);
});

test("shifts of one kind, way and reason are told together, the newest first", () => {
  const one = { kind: 2, value: 4, level: 3, reason: because("aging"), task: 1 };
  const found = lanes.gathered([{ ...one, t: 1 }, { ...one, t: 2, kind: 0 }, { ...one, t: 3, task: 2 }]);
  assert.deepEqual(found.map(({ shift, count }) => [shift.kind, shift.t, count]), [[2, 3, 2], [0, 2, 1]]);
});

test("a life story tells each step, with whys, and when it begins in the middle, that, too", () => {
  const own = { task: 5, kind: 1, level: 1, worker: 1 };
  const one = taken(submit(0, 5, 1, 1, 50), submit(0, 6, 1, 1), event(2, IS.LEVEL, { ...own, level: 0, value: 1, reason: because("inheritance") }),
    event(3, IS.START, { ...own, value: 3 * MS }), event(60, IS.DONE, { ...own, value: 10 * MS }), event(60, IS.MISS, { ...own, value: 10 * MS, reason: because("computing") }));
  const { title, lines } = lanes.story(one.events, 5, KINDS);
  assert.equal(title, "chat 5");
  assert.deepEqual(lines.map(({ text }) => text), [
    "submitted at ▆ HIGH, wanted within 50.0 ms",
    "moved from ▆ HIGH to █ CRITICAL: inheritance, somebody more urgent awaits it",
    "worker 1 took it at ▆ HIGH, after 3.00 ms in the queue",
    "done, 10.0 ms too late",
    "✕ ended 10.0 ms after its deadline: computing, most of the time it computed",
  ]);
  assert.match(lanes.story(one.events.slice(3), 5, KINDS).lines[0].text, /not kept/);
});

test("in a life story its kind's shifts are told, too, while it lived", () => {
  const shift = t => event(t, IS.LEVEL, { kind: 1, level: 0, value: 1, reason: because("context") });
  const { lines } = lanes.story(taken(submit(0, 5, 1, 1), shift(1), start(2, 5, 1, 0), shift(3)).events, 5, KINDS);
  assert.deepEqual(lines.map(({ text }) => text.slice(0, 14)), ["submitted at █".replace("█", "▆"), "its kind moved", "worker 0 took "]);
  assert.deepEqual(lanes.story([], 5, KINDS), { title: "a task 5", lines: [] });
});

test("every happening of a task has a sentence", () => {
  for (const what of Object.values(IS).filter(what => ![IS.CONTEXT, IS.GUARD].includes(what)))
    assert.notEqual(lanes.sentence(event(0, what, { level: 1, value: 1 })), "something happened");
});

test("times are written as people write them", () => {
  assert.deepEqual([830, 12_300, 3.14e6, 4.2e7, 1.254e9, NEVER].map(lanes.spell), ["0.8 µs", "12 µs", "3.14 ms", "42.0 ms", "1.25 s", "never"]);
});

test("what was missed is said with a sign", () => {
  assert.deepEqual([[0, 0], [5, 0], [3, 1]].map(([met, missed]) => lanes.missesText({ met, missed })), ["–", "✓ 0 of 5, 0.0 %", "✕ 1 of 4, 25.0 %"]);
  assert.equal(lanes.missesText({ met: 5, missed: 0 }, 2), "✓ 0 of 5, 0.0 %, 2 overdue");
});
