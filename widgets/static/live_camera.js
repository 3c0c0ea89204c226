// How does the camera's picture get to the kernel? Compressed, and no more than it can take.
//
// Part of the script of `widgets.Live`, which is its files one after the other.

const CREDITS = 2; // pictures on their way
const LOST_MS = 2000; // after which an answer counts as lost
const KEY_EVERY = 120; // pictures of H.264
const IDLE_MS = 200; // between two looks at a camera whose pictures nobody wants
const LAST_MS = 100; // for which a camera that is switched off may still owe a picture
const DRIFT_MS = 0.01; // by which the clock of a camera may fall behind from picture to picture

/**
 * What to tell a person whose camera did not start.
 * @param {string} name of the browser's error, or "insecure" where it offers no cameras at all
 */
export function cameraText(name) {
  const texts = {
    NotAllowedError:
      "The browser was not allowed to use the camera. Allow it for this page (the icon beside the address), then press “Use webcam” again.",
    NotFoundError: "No camera was found. Connect one, then press “Use webcam” again.",
    NotReadableError: "The camera is in use by another program. Close that, then try again.",
    OverconstrainedError: "The camera offers no picture of a size that is asked for.",
    insecure:
      "The browser offers cameras only to pages from https:// or from localhost. Open JupyterLab that way.",
  };
  return texts[name] ?? `The camera did not start: ${name}.`;
}

/** Which pictures are on their way, and whether one more may go. */
export class Credits {
  constructor(limit = CREDITS, lostMs = LOST_MS) {
    this.limit = limit;
    this.lostMs = lostMs;
    this.sent = new Map(); // id -> moment, oldest first
  }

  isFree(nowMs) {
    for (const [id, moment] of this.sent)
      if (moment <= nowMs - this.lostMs) this.sent.delete(id);
    return this.sent.size < this.limit;
  }

  take(id, nowMs) {
    this.sent.set(id, nowMs);
  }

  give(id) {
    this.sent.delete(id);
  }
}

/**
 * When was a picture taken, on the clock of `performance.now()`? A camera's time stamps count from
 * anywhere; the picture that came fastest tells where that is.
 */
export class CaptureClock {
  constructor() {
    this.originMs = Infinity;
  }

  /**
   * @param {number} stampMs of a picture
   * @param {number} nowMs when it came
   * @returns {number} when it was taken
   */
  read(stampMs, nowMs) {
    this.originMs = Math.min(this.originMs + DRIFT_MS, nowMs - stampMs);
    return stampMs + this.originMs;
  }
}

/** The browser's camera. It is on between `start` and `stop`, and never else. */
class Camera {
  /** @param {{send: Function, isWanted: () => boolean, onStop: (text: string) => void}} owner */
  constructor(owner) {
    this.owner = owner;
    this.stream = null;
    this.awaited = null; // the next picture, while it is waited for
    this.label = "";
    this.skipped = 0; // pictures that found no credit
    this.id = 0;
    this.run = 0; // grows with each start and stop, so that what is late notices
  }

  /**
   * Ask for the camera and send its pictures.
   * @param {{codec: string, bitrate: number, size: number[]}} how
   * @throws an Error whose name `cameraText` knows
   */
  async start(how) {
    this.stop();
    const run = this.run;
    if (!navigator.mediaDevices?.getUserMedia)
      throw Object.assign(new Error(), { name: "insecure" });
    const [width, height] = how.size.map((px) => ({ ideal: px }));
    const size = { width, height, frameRate: { ideal: 60 } };
    const stream = await navigator.mediaDevices.getUserMedia({ video: size, audio: false });
    if (run !== this.run) {
      stream.getTracks().forEach((track) => track.stop());
      return;
    }
    this.stream = stream;
    const [track] = stream.getVideoTracks();
    this.label = track.label || "camera";
    track.addEventListener("ended", () =>
      this.fail(run, "The camera was disconnected, or another program took it."),
    );
    this.credits = new Credits();
    this.code(how);
    if ("MediaStreamTrackProcessor" in globalThis) {
      this.read(run, track).catch((error) => this.failToSend(run, error));
      return;
    }
    this.video = Object.assign(document.createElement("video"), { muted: true, srcObject: stream });
    try {
      await this.video.play();
    } catch (error) {
      if (run === this.run) throw error; // else it was switched off meanwhile, and so it stays
    }
    if (run === this.run) this.watch(run);
  }

  /** Use this codec and bitrate from the next picture on. */
  code({ codec, bitrate }) {
    this.codec = codec === "h264" && "VideoEncoder" in globalThis ? "h264" : "jpeg";
    this.bitrate = bitrate;
    if (this.encoder?.state === "configured") this.encoder.close();
    this.encoder = null;
  }

  get isOn() {
    return this.stream !== null;
  }

  /** Take each picture as the camera gives it, half a screen's frame before a video shows it. */
  async read(run, track) {
    const { readable } = new MediaStreamTrackProcessor({ track, maxBufferSize: 1 });
    const reader = readable.getReader();
    const clock = new CaptureClock();
    while (run === this.run) {
      this.awaited = reader.read();
      const { value: picture, done } = await this.awaited;
      if (run === this.run) this.awaited = null;
      if (done) break;
      const capturedMs = clock.read(picture.timestamp / 1000, performance.now());
      const { displayWidth, displayHeight } = picture;
      const isWanted = run === this.run && this.owner.isWanted();
      if (isWanted) this.take(run, picture, displayWidth, displayHeight, capturedMs);
      picture.close();
      if (!isWanted) await new Promise((go) => setTimeout(go, IDLE_MS));
    }
    reader.cancel();
  }

  /** Look at each picture of the video, where the browser does not give those of the camera. */
  watch(run) {
    this.video.requestVideoFrameCallback((now, about) => {
      if (run !== this.run) return;
      this.watch(run);
      const { videoWidth, videoHeight } = this.video;
      if (this.owner.isWanted())
        this.take(run, this.video, videoWidth, videoHeight, about.captureTime ?? now);
    });
  }

  /** Send a picture; it is read before this returns. */
  take(run, picture, w, h, capturedMs) {
    const sent = this.capture(run, picture, w, h, performance.timeOrigin + capturedMs);
    sent.catch((error) => this.failToSend(run, error));
  }

  failToSend(run, error) {
    this.fail(run, `The camera's pictures could not be sent: ${error.message ?? error}.`);
  }

  async capture(run, picture, w, h, capturedMs) {
    const nowMs = performance.now();
    if (this.isBusy || !this.credits.isFree(nowMs)) {
      this.skipped += 1;
      return;
    }
    if (!w || !h) return;
    this.isBusy = true;
    const id = this.id++;
    this.credits.take(id, nowMs);
    const header = { t: "camera", id, w, h, codec: this.codec, key: true, captured_ms: capturedMs };
    try {
      if (this.codec === "h264") this.encode(picture, header);
      else await this.compress(run, picture, header);
    } finally {
      this.isBusy = false;
    }
  }

  async compress(run, picture, header) {
    if (this.sheet?.width !== header.w || this.sheet?.height !== header.h) {
      this.sheet = new OffscreenCanvas(header.w, header.h);
      this.pen = this.sheet.getContext("2d", { alpha: false });
    }
    this.pen.drawImage(picture, 0, 0, header.w, header.h);
    const blob = await this.sheet.convertToBlob({ type: "image/jpeg", quality: 0.8 });
    const payload = new Uint8Array(await blob.arrayBuffer());
    if (run === this.run) this.post(header, payload);
  }

  encode(picture, header) {
    const [w, h] = [header.w & ~1, header.h & ~1];
    const { run } = this;
    if (this.encoder?.state !== "configured" || this.coded !== `${w}x${h}`) {
      if (this.encoder?.state === "configured") this.encoder.close();
      this.coded = `${w}x${h}`;
      this.needsKey = true;
      this.headers = [];
      this.encoder = new VideoEncoder({
        output: (chunk) => {
          const payload = new Uint8Array(chunk.byteLength);
          chunk.copyTo(payload);
          this.post({ ...this.headers.shift(), w, h, key: chunk.type === "key" }, payload);
        },
        error: (error) =>
          this.fail(run, `The camera's pictures could not be coded: ${error.message ?? error}.`),
      });
      this.encoder.configure({
        codec: "avc1.42E028",
        width: w,
        height: h,
        bitrate: this.bitrate,
        framerate: 30,
        latencyMode: "realtime",
        avc: { format: "annexb" },
      });
    }
    const frame = new VideoFrame(picture);
    this.headers.push(header);
    try {
      this.encoder.encode(frame, { keyFrame: this.needsKey || header.id % KEY_EVERY === 0 });
    } finally {
      frame.close();
    }
    this.needsKey = false;
  }

  post(header, payload) {
    if (!this.owner.send(header, payload)) this.credits.give(header.id);
  }

  /** The kernel took a picture; for H.264, whether it cannot go on without a keyframe. */
  taken({ id, key }) {
    this.credits?.give(id);
    if (key) this.needsKey = true;
  }

  /** Something went wrong with what was started as `run`: off, and say why. */
  fail(run, text) {
    if (run !== this.run) return;
    this.stop();
    this.owner.onStop(text);
  }

  /**
   * Switch the camera off: its light goes out, after the picture that is waited for. Chromium never
   * closes a picture that comes as its track ends, and a camera has few of them to lend.
   */
  stop() {
    this.run += 1;
    const tracks = this.stream?.getTracks() ?? [];
    const end = () => tracks.forEach((track) => track.stop());
    if (this.awaited) {
      const late = new Promise((go) => setTimeout(go, LAST_MS));
      Promise.race([this.awaited, late]).then(end, end);
    } else end();
    this.awaited = null;
    this.stream = null;
    this.label = "";
    this.isBusy = false;
    if (this.encoder?.state === "configured") this.encoder.close();
    this.encoder = null;
    if (this.video) this.video.srcObject = null;
    this.video = null;
  }
}
