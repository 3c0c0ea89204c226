// What of the live view's script needs no page: messages, addresses, geometry, rates, credits.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const parts = ["seen", "live_wire", "live_picture", "live_camera", "live"];
const source = parts
  .map((name) => readFileSync(new URL(`../../widgets/static/${name}.js`, import.meta.url), "utf-8"))
  .join("\n");
const {
  Camera,
  Credits,
  Meter,
  absenceText,
  addresses,
  asked,
  backoff,
  CaptureClock,
  Painter,
  cameraText,
  default: widget,
  letterbox,
  packMessage,
  percentile,
  splitAfterKey,
  splitAt,
  stateText,
  timeText,
  unpackMessage,
} = await import(`data:text/javascript,${encodeURIComponent(`${source}\nexport { Camera };`)}`);

test("the files together are one module with a widget in it", () => {
  assert.equal(typeof widget.initialize, "function");
  assert.equal(typeof widget.render, "function");
});

// -- messages ------------------------------------------------------------------------------------

test("a header without a payload is text", () => {
  assert.equal(packMessage({ t: "ping", sent_ms: 1 }), '{"t":"ping","sent_ms":1}');
  assert.deepEqual(unpackMessage('{"t":"note","text":"ü"}').header, { t: "note", text: "ü" });
});

test("a payload starts at a multiple of eight, and comes back whole", () => {
  for (const text of ["", "a", "ab", "größer", "12345678"]) {
    const message = packMessage({ t: "camera", text }, new Uint8Array([1, 2, 3]));
    const { header, payload } = unpackMessage(message.buffer);
    assert.equal(header.text, text);
    assert.deepEqual([...payload], [1, 2, 3]);
    assert.equal(payload.byteOffset % 8, 0);
  }
});

// -- ways to the kernel --------------------------------------------------------------------------

const where = { port: 4321, token: "secret" };
const page = (host, protocol = "http:") => ({ host, hostname: host.split(":")[0], protocol });

test("a page of this machine tries loopback first, and then its own server", () => {
  assert.deepEqual(addresses(page("localhost:8888"), "/", where), [
    { name: "websocket", url: "ws://127.0.0.1:4321/secret" },
    { name: "proxy", url: "ws://localhost:8888/proxy/4321/secret" },
  ]);
});

test("a page of another machine asks only its own server, under its path, encrypted as it is", () => {
  assert.deepEqual(addresses(page("hub.example.org", "https:"), "/user/ada/", where), [
    { name: "proxy", url: "wss://hub.example.org/user/ada/proxy/4321/secret" },
  ]);
});

test("attempts come later and later, up to ten seconds", () => {
  assert.deepEqual([1, 2, 3, 4, 9].map(backoff), [500, 1000, 2000, 4000, 10000]);
});

test("a view that has no picture yet says what it waits for", () => {
  assert.match(stateText("connecting", false), /Connecting/);
  assert.match(stateText("open", false), /Waiting for the first picture/);
  assert.equal(stateText("open", true), "");
  assert.match(stateText("lost", true), /lost/);
  assert.match(stateText("no way", true, ["websocket", "proxy"]), /nothing .* by websocket or proxy/);
});

test("no connection is said only once an attempt has failed", () => {
  assert.equal(absenceText("connecting", 0), "connecting");
  assert.equal(absenceText("open", 0), "waiting for the first picture");
  assert.equal(absenceText("connecting", 1), "no connection");
  for (const state of ["lost", "no kernel"]) assert.equal(absenceText(state, 0), "no connection");
});

// -- geometry ------------------------------------------------------------------------------------

test("a picture stands in the middle of its box, whole", () => {
  assert.deepEqual(letterbox(640, 480, 1000, 300), { x: 300, y: 0, width: 400, height: 300 });
  assert.deepEqual(letterbox(640, 480, 320, 600), { x: 0, y: 180, width: 320, height: 240 });
  assert.deepEqual(letterbox(0, 0, 100, 100).width || 0, 0);
});

test("the divider follows the pointer and stays in the picture", () => {
  const place = { x: 100, width: 200 };
  assert.deepEqual([0, 100, 200, 300, 999].map((x) => splitAt(x, place)), [0, 0, 0.5, 1, 1]);
  assert.equal(splitAt(5, { x: 0, width: 0 }), 0);
});

test("the divider follows keys, and leaves those that are not its own", () => {
  assert.equal(splitAfterKey(0.5, "ArrowLeft"), 0.48);
  assert.equal(splitAfterKey(0.5, "ArrowRight", true), 0.6);
  assert.equal(splitAfterKey(0.99, "ArrowUp"), 1);
  assert.equal(splitAfterKey(0.5, "Home"), 0);
  assert.equal(splitAfterKey(0.5, "End"), 1);
  assert.equal(splitAfterKey(0.5, "Tab"), null);
});

test("no half that nobody sees is asked for", () => {
  assert.deepEqual(asked("edges", "rgb", 0.5), { want: "edges", beside: "rgb" });
  assert.deepEqual(asked("edges", "rgb", 0), { want: "edges", beside: null });
  assert.deepEqual(asked("edges", "rgb", 1), { want: "rgb", beside: null });
  assert.deepEqual(asked("edges", "", 0.5), { want: "edges", beside: null });
  assert.deepEqual(asked("edges", "edges", 0.5), { want: "edges", beside: null });
});

// -- figures -------------------------------------------------------------------------------------

test("a percentile is one of the values", () => {
  const values = Array.from({ length: 100 }, (_, index) => 99 - index);
  assert.equal(percentile(values, 0.5), 50);
  assert.equal(percentile(values, 0.95), 95);
  assert.equal(percentile([7], 0.95), 7);
  assert.equal(percentile([], 0.5), null);
});

test("rates and latencies are those of the last two seconds", () => {
  const meter = new Meter();
  for (let ms = 0; ms <= 1000; ms += 100) meter.add(ms, 20);
  assert.deepEqual(meter.read(1000), { fps: 10, p50: 20, p95: 20 });
  assert.deepEqual(meter.read(9000), { fps: 0, p50: null, p95: null });
});

test("times are written as people read them", () => {
  assert.deepEqual([0, 9.96, 62.5, 600].map(timeText), ["0:00.0", "0:09.9", "1:02.5", "10:00.0"]);
});

test("a picture that was being decoded when its view went is closed", async () => {
  const painter = new Painter({ getContext: () => null });
  let arrive;
  let closed = 0;
  painter.jpeg = () => new Promise((resolve) => (arrive = resolve));
  const decoded = painter.decode({ codec: "jpeg", name: "gray" }, new Uint8Array());
  await Promise.resolve();
  painter.close();
  arrive({ close: () => (closed += 1) });
  await decoded;
  assert.equal(closed, 1);
});

// -- the camera ----------------------------------------------------------------------------------

test("two pictures are on their way, and an answer frees one", () => {
  const credits = new Credits(2, 2000);
  credits.take(0, 0);
  credits.take(1, 10);
  assert.equal(credits.isFree(20), false);
  credits.give(0);
  assert.equal(credits.isFree(20), true);
});

test("an answer that does not come counts as lost after a while", () => {
  const credits = new Credits(1, 2000);
  credits.take(0, 0);
  assert.equal(credits.isFree(1999), false);
  assert.equal(credits.isFree(2000), true);
});

test("a picture was taken as long ago as it came later than the fastest one", () => {
  const clock = new CaptureClock();
  assert.equal(clock.read(30_000, 110), 110);
  assert.equal(clock.read(30_016, 121), 121); // faster by 5 ms
  assert.equal(Math.round(clock.read(30_032, 145)), 137); // and this one 8 ms slower than that
});

test("a camera's clock that falls behind does not make its pictures older and older", () => {
  const clock = new CaptureClock();
  let age = 0;
  for (let count = 0; count < 10_000; count += 1) {
    const now = count * 16.672; // of a clock that loses 5 us a picture
    age = now - clock.read(count * 16.667, now);
  }
  assert.ok(Math.abs(age) < 0.1, age);
});

test("a camera that does not start says what to do", () => {
  assert.match(cameraText("NotAllowedError"), /Allow it for this page/);
  assert.match(cameraText("NotFoundError"), /No camera was found/);
  assert.match(cameraText("insecure"), /https/);
  assert.match(cameraText("OddError"), /OddError/);
});

/** A browser with a camera and an encoder, and what a view would be told. */
function browser() {
  const track = { label: "fake", isOn: true, stop() { this.isOn = false; }, addEventListener() {} };
  const stream = { getTracks: () => [track], getVideoTracks: () => [track] };
  const video = { videoWidth: 64, videoHeight: 48 };
  video.requestVideoFrameCallback = (show) => (video.show = () => show(0, {}));
  video.play = async () => {};
  class Encoder {
    state = "configured";
    constructor(told) { video.encoder = Object.assign(this, told); }
    configure() {}
    encode() {}
    close() { this.state = "closed"; }
  }
  const globals = {
    navigator: { mediaDevices: { getUserMedia: async () => stream } },
    document: { createElement: () => video },
    VideoEncoder: Encoder,
    VideoFrame: class { close() {} },
  };
  for (const [name, value] of Object.entries(globals))
    Object.defineProperty(globalThis, name, { value, configurable: true });
  const told = [];
  const owner = { send: () => true, isWanted: () => true, onStop: (text) => told.push(text) };
  return { camera: new Camera(owner), track, video, told };
}

const how = { codec: "h264", bitrate: 1e6, size: [64, 48] };

test("pictures that cannot be coded switch the camera off", async () => {
  const { camera, track, video, told } = browser();
  await camera.start(how);
  video.show();
  await null;
  video.encoder.error(new Error("no such codec"));
  assert.equal(camera.isOn, false);
  assert.equal(track.isOn, false);
  assert.deepEqual(told, ["The camera's pictures could not be coded: no such codec."]);
  video.encoder.error(new Error("once more")); // of what was started before: nobody wants to know
  assert.equal(told.length, 1);
});

test("a camera that is switched off while it starts is no fault", async () => {
  const { camera, track, video, told } = browser();
  video.play = () => new Promise((_, cut) => (video.cut = cut));
  const starting = camera.start(how);
  while (!video.cut) await null;
  camera.stop();
  video.cut(new Error("The play() request was interrupted by a new load request."));
  await starting;
  assert.equal(track.isOn, false);
  assert.deepEqual(told, []);
});

/** A browser that hands out the camera's own pictures: `show` gives one, which knows if it is open. */
function pictures() {
  const { camera, track } = browser();
  const made = [];
  let give;
  const readable = new ReadableStream({ start: (controller) => (give = controller) }, { highWaterMark: 0 });
  globalThis.MediaStreamTrackProcessor = class { readable = readable; };
  const show = async () => {
    const one = { timestamp: 0, displayWidth: 0, displayHeight: 0, isOpen: true };
    one.close = () => (one.isOpen = false);
    made.push(one);
    give.enqueue(one);
    await new Promise(setImmediate);
  };
  return { camera, track, made, show };
}

test("a camera goes off after the picture that is waited for, which is closed", async () => {
  const { camera, track, made, show } = pictures();
  try {
    await camera.start(how);
    await show();
    camera.stop();
    assert.deepEqual([camera.isOn, track.isOn], [false, true]);
    await show();
    assert.equal(track.isOn, false);
    assert.deepEqual(made.map((one) => one.isOpen), [false, false]);
  } finally {
    delete globalThis.MediaStreamTrackProcessor;
  }
});

test("a camera goes off though no picture comes", async (context) => {
  const { camera, track } = pictures();
  context.mock.timers.enable({ apis: ["setTimeout"] });
  try {
    await camera.start(how);
    camera.stop();
    context.mock.timers.tick(99);
    await new Promise(setImmediate);
    assert.equal(track.isOn, true);
    context.mock.timers.tick(1);
    await new Promise(setImmediate);
    assert.equal(track.isOn, false);
  } finally {
    delete globalThis.MediaStreamTrackProcessor;
  }
});
