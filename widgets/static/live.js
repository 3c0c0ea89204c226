// What does a person see and press? One view of `widgets.Live`: picture, controls, facts.
//
// The last part of the script of `widgets.Live`, which is its files one after the other.

const FACTS_MS = 500; // text changes at most twice a second
const SETTLE_MS = 150; // after which a new size is told
const LAST_SECONDS = 0.1; // before the end, where there still is a frame
const SPEEDS = [0.25, 0.5, 1, 2, 4];
const STATES = {
  connecting: "Connecting to the kernel …",
  open: "",
  lost: "Connection lost. Trying again …",
  "no kernel": "No kernel",
};
const rooms = new Map(); // what views of one widget share: its camera, by the widget's uid

/** What stands over the picture; where there is none yet, what is waited for, or which ways are shut. */
export function stateText(state, hasPicture, ways) {
  if (state === "no way")
    return `The kernel answers, but lets nothing through by ${ways.join(" or ")}: allow "comm" in transports, too. Trying again …`;
  return state === "open" && !hasPicture ? "Waiting for the first picture …" : STATES[state];
}

/** What stands below, where there are no figures: no connection only once an attempt has failed. */
export function absenceText(state, failedAttempts) {
  if (state === "open") return "waiting for the first picture";
  return state === "connecting" && !failedAttempts ? "connecting" : "no connection";
}

/** An element with properties, attributes (names with a dash) and children. */
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties))
    if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  element.append(...children);
  return element;
}

function options(select, names, chosen) {
  select.replaceChildren(...names.map(([value, text]) => make("option", { value, textContent: text })));
  select.value = chosen;
}

/** All elements of a view. */
function build() {
  const button = (className, textContent, title) =>
    make("button", { type: "button", className: `dl-${className}`, textContent, title });
  const e = {
    canvas: make("canvas", { role: "img", "aria-label": "live picture" }),
    divider: make("div", { className: "dl-divider", role: "slider", tabIndex: 0, "aria-label": "divider between before and after", "aria-valuemin": "0", "aria-valuemax": "100" }),
    left: make("span", { className: "dl-name dl-left" }),
    right: make("span", { className: "dl-name dl-right" }),
    state: make("div", { className: "dl-state", role: "status" }),
    fault: make("div", { className: "dl-fault", role: "alert" }),
    play: button("play", "", "Play or pause"),
    step: button("step", "Step", "Pause, and show the next frame"),
    seek: make("input", { type: "range", className: "dl-seek", min: 0, step: 0.01, value: 0, "aria-label": "position" }),
    time: make("span", { className: "dl-time" }),
    speed: make("select", { "aria-label": "speed" }),
    loop: make("input", { type: "checkbox" }),
    want: make("select", { className: "dl-want" }),
    beside: make("select", { className: "dl-beside" }),
    codec: make("select", { className: "dl-codec" }),
    bitrate: make("input", { type: "number", className: "dl-bitrate", min: 100, max: 20000, step: 100 }),
    camera: button("camera", "Use webcam", ""),
    cameraName: make("span", { className: "dl-camera-name" }),
    snapshot: button("snapshot", "Snapshot", "Save the picture as PNG, in full size"),
    record: button("record", "Record", "Write the picture to an MP4 file beside the notebook"),
    recorded: make("span", { className: "dl-recorded", role: "status" }),
    screen: button("screen", "Full screen", ""),
    facts: make("div", { className: "dl-facts" }),
  };
  const label = (text, element) => make("label", {}, `${text} `, element);
  e.loopLabel = label("Loop", e.loop);
  e.bitrateLabel = make("label", {}, e.bitrate, " kbit/s");
  e.stage = make("div", { className: "dl-stage" }, e.canvas, e.left, e.right, e.divider, e.state);
  e.film = make("span", { className: "dl-film" }, e.seek, e.time, label("Speed", e.speed), e.loopLabel);
  e.root = make(
    "div",
    { className: "downhill-live" },
    e.stage,
    e.fault,
    make("div", { className: "dl-bar" }, e.play, e.step, e.film, e.screen),
    make("div", { className: "dl-bar" }, label("Show", e.want), label("Compare with", e.beside), e.camera, e.cameraName),
    make("div", { className: "dl-bar" }, e.snapshot, e.record, e.recorded, label("Codec", e.codec), e.bitrateLabel),
    e.facts,
  );
  return e;
}

/** One view: what it shows, and its connection. `close` undoes all. */
class LiveView {
  constructor(model, el) {
    this.model = model;
    this.id = crypto.randomUUID?.() ?? `v${Math.random().toString(36).slice(2)}`;
    this.stop = new AbortController();
    this.e = build();
    this.painter = new Painter(this.e.canvas);
    this.meter = new Meter();
    this.parts = new Map(); // id -> pictures that came
    this.split = model.get("split");
    this.isSeen = false;
    this.state = "connecting";
    this.dropped = 0;
    this.told = "";
    this.room = rooms.get(model.get("uid"));
    this.room.views.add(this);
    el.append(this.e.root);
    this.listen();
    this.refresh();
    this.link = new Link(model, this.id, this);
  }

  // -- what happens -------------------------------------------------------------------------------

  listen() {
    const { e, model } = this;
    const on = (target, name, act) => target.addEventListener(name, act, { signal: this.stop.signal });
    const set = (name, value) => (model.set(name, value), model.save_changes());
    // JupyterLab asks the very element that has the focus: else "x" would cut the cell.
    on(e.root, "focusin", event => event.target.setAttribute("data-lm-suppress-shortcuts", "true"));
    on(e.play, "click", () => set("playing", !model.get("playing")));
    on(e.step, "click", () => model.send({ t: "step" }));
    on(e.seek, "input", () => model.send({ t: "seek", seconds: Number(e.seek.value) }));
    on(e.speed, "change", () => set("speed", Number(e.speed.value)));
    on(e.loop, "change", () => set("loop", e.loop.checked));
    on(e.want, "change", () => set("want", e.want.value));
    on(e.beside, "change", () => set("beside", e.beside.value));
    on(e.codec, "change", () => (set("codec", e.codec.value), this.codeAnew()));
    on(e.bitrate, "change", () => {
      set("bitrate_kbps", Math.min(20000, Math.max(100, Number(e.bitrate.value) || 2000)));
      this.codeAnew();
    });
    on(e.snapshot, "click", () => model.send({ t: "snapshot", view: this.id, name: this.shows()[0] }));
    on(e.record, "click", () => model.send({ t: "record", name: this.shows()[0] }));
    on(e.camera, "click", () => this.toggleCamera());
    on(e.screen, "click", () => (document.fullscreenElement ? document.exitFullscreen() : e.root.requestFullscreen?.()));
    on(document, "fullscreenchange", () => this.refresh());
    on(e.divider, "keydown", (event) => {
      const split = splitAfterKey(this.split, event.key, event.shiftKey);
      if (split === null) return;
      event.preventDefault();
      this.divide(split);
    });
    on(e.stage, "pointerdown", (event) => this.drag(event));
    this.changed = () => this.refresh();
    model.on("change", this.changed);
    this.custom = (content, buffers) => this.heard(content, buffers);
    model.on("msg:custom", this.custom);
    this.resizing = new ResizeObserver(() => {
      clearTimeout(this.settling);
      this.settling = setTimeout(() => this.refresh(), SETTLE_MS);
    });
    this.resizing.observe(e.stage);
    this.endWatching = watchSeen(e.stage, (isSeen) => {
      this.isSeen = isSeen;
      this.see();
    });
    this.telling = setInterval(() => this.facts(), FACTS_MS);
  }

  drag(event) {
    if (!this.model.get("beside") || event.button !== 0) return;
    event.preventDefault();
    this.e.divider.focus();
    const move = ({ clientX }) => {
      const box = this.e.stage.getBoundingClientRect();
      this.divide(splitAt(clientX - box.x, this.place(box)));
    };
    const done = new AbortController();
    const options = { signal: AbortSignal.any([done.signal, this.stop.signal]) };
    addEventListener("pointermove", move, options);
    for (const name of ["pointerup", "pointercancel"]) addEventListener(name, () => done.abort(), options);
    move(event);
  }

  divide(split) {
    this.split = split;
    this.layout();
    this.see();
  }

  async toggleCamera() {
    const { camera } = this.room;
    if (camera.isOn) {
      this.room.source?.link.send({ t: "see", camera: false });
      camera.stop();
    } else {
      await this.startCamera();
    }
    this.room.views.forEach((view) => view.refresh());
  }

  async startCamera() {
    this.say("");
    this.room.source = this;
    try {
      await this.room.camera.start({ ...this.coding(), size: this.model.get("camera_size") });
    } catch (error) {
      this.room.camera.stop();
      this.say(`${cameraText(error.name)} The drawn scene plays on.`);
    }
  }

  coding() {
    return { codec: this.model.get("codec"), bitrate: this.model.get("bitrate_kbps") * 1000 };
  }

  /** The camera, where it is on, goes on with another codec or bitrate. */
  codeAnew() {
    this.room.camera.code(this.coding());
  }

  /** A message over the comm that is not for the connection. */
  heard(content, buffers) {
    if (content.t === "picture" && content.view === this.id) {
      const url = URL.createObjectURL(new Blob([buffers[0]], { type: "image/png" }));
      make("a", { href: url, download: content.file }).click();
      setTimeout(() => URL.revokeObjectURL(url), 10000);
    }
  }

  // -- what the connection asks and tells ---------------------------------------------------------

  /** All that the kernel has to know of this view. */
  hello() {
    const box = this.e.stage.getBoundingClientRect();
    const ratio = globalThis.devicePixelRatio || 1;
    const isFull = document.fullscreenElement === this.e.root;
    return {
      ...asked(this.model.get("want"), this.model.get("beside"), this.split),
      codec: this.model.get("codec"),
      quality: this.model.get("quality"),
      bitrate: this.model.get("bitrate_kbps") * 1000,
      visible: this.isSeen,
      width: Math.min(8192, Math.round(box.width * ratio)),
      height: isFull ? Math.min(8192, Math.round(box.height * ratio)) : 0,
    };
  }

  /** Tell what changed, if anything did. */
  see() {
    const now = this.hello();
    const text = JSON.stringify(now);
    if (!this.link || text === this.told) return;
    if (this.link.send({ t: "see", ...now })) this.told = text;
  }

  onState(state) {
    this.state = state;
    this.showState();
    this.e.root.classList.toggle("dl-off", state !== "open");
    for (const control of this.e.root.querySelectorAll("button, input, select"))
      control.disabled = state === "no kernel";
    this.showLoop();
    this.told = "";
    if (state === "open") this.see();
    if (["no kernel", "no way"].includes(state) && this.room.source === this) {
      this.room.camera.stop();
      this.room.views.forEach((view) => view.refresh());
    }
  }

  /** A source that begins again by itself cannot be told not to. */
  showLoop() {
    const { loop, loopLabel } = this.e, isEndless = this.model.get("endless");
    loop.checked = this.model.get("loop");
    loop.disabled = isEndless || this.state === "no kernel";
    loopLabel.title = isEndless ? "This source begins again by itself" : "Begin again at the end";
  }

  /** A fault says by itself why there is no picture. */
  showState() {
    this.e.state.textContent = stateText(
      this.state,
      this.header || this.e.fault.textContent,
      this.model.get("transports"),
    );
  }

  onMessage(header, payload) {
    if (header.t === "frame") this.take(header, payload);
    else if (header.t === "taken") this.room.camera.taken(header);
    else if (header.t === "note") {
      if (header.camera === false) this.room.camera.stop();
      this.say(header.text);
      this.refresh();
    }
  }

  async take(header, payload) {
    const arrivedMs = performance.now();
    try {
      await this.painter.decode(header, payload);
    } catch {
      this.painter.reset();
      this.link.send({ t: "see", key: true });
    }
    const count = (this.parts.get(header.id) ?? 0) + 1;
    this.parts.set(header.id, count);
    if (count < header.parts || this.stop.signal.aborted) return;
    for (const id of this.parts.keys()) if (id <= header.id) this.parts.delete(id);
    this.header = header;
    this.showState();
    this.dropped = header.dropped;
    this.draw();
    const nowMs = performance.now();
    this.link.send({ t: "ack", id: header.id, drawn_ms: performance.timeOrigin + nowMs });
    const ageMs = header.captured_ms
      ? performance.timeOrigin + nowMs - header.captured_ms
      : nowMs - arrivedMs + this.link.roundTripMs / 2;
    this.meter.add(nowMs, ageMs);
    if (document.activeElement !== this.e.seek) this.e.seek.value = header.pts_seconds;
  }

  // -- what is drawn ------------------------------------------------------------------------------

  /** What is shown, the picture right of the divider first. */
  shows() {
    const { want, beside } = asked(this.model.get("want"), this.model.get("beside"), this.split);
    return [want, beside].filter(Boolean);
  }

  draw() {
    const [want, beside] = this.shows();
    this.painter.keep([want, beside]);
    if (this.painter.draw(want, beside, this.split)) this.layout();
  }

  place(box) {
    return letterbox(this.e.canvas.width, this.e.canvas.height, box.width, box.height);
  }

  /** Put the divider and the names where they belong. */
  layout() {
    const { e } = this;
    const beside = this.model.get("beside");
    const box = e.stage.getBoundingClientRect();
    const place = this.place(box);
    e.divider.style.left = `${place.x + this.split * place.width}px`;
    e.divider.style.top = `${place.y}px`;
    e.divider.style.height = `${place.height}px`;
    for (const element of [e.divider, e.left, e.right]) element.hidden = !beside;
    e.divider.setAttribute("aria-valuenow", String(Math.round(this.split * 100)));
    e.divider.setAttribute("aria-valuetext", `${Math.round(this.split * 100)} % ${beside}`);
    e.left.textContent = this.split > 0.1 ? beside : "";
    e.right.textContent = this.split < 0.9 ? this.model.get("want") : "";
    if (this.header) this.painter.draw(...this.pair(), this.split);
  }

  pair() {
    const [want, beside] = this.shows();
    return [want, beside];
  }

  /** Bring every control to what the widget's state says. */
  refresh() {
    const { e, model } = this;
    const names = model.get("names").map((name) => [name, name]);
    const isPlaying = model.get("playing");
    e.stage.style.maxWidth = model.get("width") ? `${model.get("width")}px` : "";
    e.play.textContent = isPlaying ? "❚❚ Pause" : "▶ Play";
    options(e.want, names, model.get("want"));
    options(e.beside, [["", "nothing"], ...names], model.get("beside"));
    options(e.speed, SPEEDS.map((speed) => [String(speed), `${speed}×`]), String(model.get("speed")));
    options(e.codec, [["jpeg", "JPEG"], ["h264", "H.264"]], model.get("codec"));
    if (!("VideoDecoder" in globalThis)) e.codec.lastChild.disabled = true;
    e.bitrate.value = model.get("bitrate_kbps");
    e.bitrateLabel.hidden = model.get("codec") !== "h264";
    this.showLoop();
    const { camera } = this.room;
    e.camera.hidden = !model.get("webcam");
    e.camera.textContent = camera.isOn ? "Stop webcam" : "Use webcam";
    e.cameraName.textContent = camera.isOn ? camera.label : "";
    e.seek.max = Math.max(0, model.get("duration_seconds") - LAST_SECONDS);
    e.film.hidden = camera.isOn || !model.get("seekable");
    const recording = model.get("recording");
    e.record.textContent = recording ? "■ Stop recording" : "● Record";
    e.recorded.textContent = recording ? `recording ${recording}` : model.get("recorded");
    const isFull = document.fullscreenElement === e.root;
    e.screen.textContent = isFull ? "Leave full screen" : "Full screen";
    this.layout();
    this.see();
  }

  say(text) {
    this.e.fault.textContent = text;
    this.showState();
  }

  /** Rates and ways in words, at most twice a second. */
  facts() {
    const { e, header } = this;
    if (!header || !this.link.transport) {
      e.facts.textContent = absenceText(this.state, this.link.attempt);
      return;
    }
    const { fps, p50, p95 } = this.meter.read(performance.now());
    const way = header.captured_ms ? "camera to screen" : "kernel to screen";
    const age = p50 === null ? "" : `${way} ${p50.toFixed(0)} ms, 95 % below ${p95.toFixed(0)} ms`;
    const codec = header.codec === "h264" ? "H.264" : "JPEG";
    const picture = `${header.w}×${header.h}`;
    const dropped = `${this.dropped + this.room.camera.skipped} dropped`;
    const facts = [`${fps.toFixed(0)} fps`, age, dropped, this.link.transport, `${codec} ${picture}`];
    e.facts.textContent = facts.filter(Boolean).join(" · ");
    const duration = this.model.get("duration_seconds");
    e.time.textContent = timeText(header.pts_seconds) + (duration ? ` / ${timeText(duration)}` : "");
    e.canvas.setAttribute("aria-label", `live picture, ${this.shows().join(" beside ")}, frame ${header.index}`);
  }

  close() {
    this.stop.abort();
    this.link.close();
    this.room.views.delete(this);
    if (this.room.source === this) this.room.camera.stop();
    this.room.views.forEach((view) => view.refresh());
    clearInterval(this.telling);
    clearTimeout(this.settling);
    this.resizing.disconnect();
    this.endWatching();
    this.model.off("change", this.changed);
    this.model.off("msg:custom", this.custom);
    this.painter.close();
    this.e.root.remove();
  }
}

export default {
  initialize({ model }) {
    const room = { views: new Set(), source: null };
    room.camera = new Camera({
      send: (header, payload) => room.source?.link.send(header, payload) ?? false,
      isWanted: () =>
        model.get("playing") && [...room.views].some((view) => view.hello().visible),
      onStop: (text) =>
        room.views.forEach((view) => {
          view.say(text);
          view.link.send({ t: "see", camera: false });
          view.refresh();
        }),
    });
    rooms.set(model.get("uid"), room);
    return () => {
      room.camera.stop();
      rooms.delete(model.get("uid"));
    };
  },
  render({ model, el }) {
    const view = new LiveView(model, el);
    return () => view.close();
  },
};
