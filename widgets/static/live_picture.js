// Where does a picture go, and how fast do pictures come? What can be computed, and then drawing.
//
// Part of the script of `widgets.Live`, which is its files one after the other.

const WINDOW_MS = 2000; // over which rates are counted

/**
 * The largest rectangle of the picture's proportions in a box, in its middle.
 * @returns {{x: number, y: number, width: number, height: number}}
 */
export function letterbox(width, height, boxWidth, boxHeight) {
  const scale = Math.min(boxWidth / width, boxHeight / height) || 0;
  const shown = { width: width * scale, height: height * scale };
  return { x: (boxWidth - shown.width) / 2, y: (boxHeight - shown.height) / 2, ...shown };
}

/**
 * Where the divider is, from 0 (left edge) to 1, when the pointer is at `x`.
 * @param {number} x px from the left edge of the box
 * @param {{x: number, width: number}} place of the picture in the box
 */
export function splitAt(x, place) {
  return place.width > 0 ? Math.min(1, Math.max(0, (x - place.x) / place.width)) : 0;
}

/**
 * Where a key takes the divider; null for a key that is not its own.
 * @param {number} split
 * @param {string} key
 * @param {boolean} [isFast]
 */
export function splitAfterKey(split, key, isFast = false) {
  const step = isFast ? 0.1 : 0.02;
  const moves = {
    ArrowLeft: split - step,
    ArrowDown: split - step,
    ArrowRight: split + step,
    ArrowUp: split + step,
    PageDown: split - 0.1,
    PageUp: split + 0.1,
    Home: 0,
    End: 1,
  };
  return key in moves ? Math.min(1, Math.max(0, Math.round(moves[key] * 1000) / 1000)) : null;
}

/**
 * What to ask the kernel for: no half that nobody sees.
 * @param {string} want what is shown right of the divider
 * @param {string} beside what is shown left of it, or empty
 * @param {number} split
 * @returns {{want: string | null, beside: string | null}}
 */
export function asked(want, beside, split) {
  if (!beside || beside === want || split <= 0) return { want: want || null, beside: null };
  return split >= 1 ? { want: beside, beside: null } : { want: want || null, beside };
}

/** The value below which a share of the values lie; null where there is none. */
export function percentile(values, share) {
  if (!values.length) return null;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

/** Pictures a second, and how old they are when they are drawn, over the last two seconds. */
export class Meter {
  constructor() {
    this.drawn = []; // [moment, latency], ms
  }

  /** @param {number} nowMs @param {number} latencyMs */
  add(nowMs, latencyMs) {
    this.drawn.push([nowMs, latencyMs]);
    this.forget(nowMs);
  }

  forget(nowMs) {
    while (this.drawn.length && this.drawn[0][0] < nowMs - WINDOW_MS) this.drawn.shift();
  }

  /** @returns {{fps: number, p50: number | null, p95: number | null}} */
  read(nowMs) {
    this.forget(nowMs);
    const count = this.drawn.length;
    const span = count > 1 ? this.drawn[count - 1][0] - this.drawn[0][0] : 0;
    const latencies = this.drawn.map(([, latency]) => latency);
    return {
      fps: span > 0 ? ((count - 1) * 1000) / span : 0,
      p50: percentile(latencies, 0.5),
      p95: percentile(latencies, 0.95),
    };
  }
}

/** Seconds as people write them: 1:02.5 */
export function timeText(seconds) {
  const tenths = Math.max(0, Math.floor(seconds * 10 + 1e-6));
  const rest = tenths % 600;
  return `${Math.floor(tenths / 600)}:${rest < 100 ? "0" : ""}${(rest / 10).toFixed(1)}`;
}

/** Decodes the pictures of one view, in the order in which they came, and draws them. */
export class Painter {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { desynchronized: true, alpha: false });
    this.pictures = new Map(); // name -> ImageBitmap or VideoFrame
    this.decoders = new Map(); // name -> VideoDecoder
    this.order = Promise.resolve();
    this.isClosed = false;
  }

  /**
   * Decode one picture, after those that came before it.
   * @returns {Promise<void>}
   */
  decode(header, payload) {
    this.order = this.order
      .then(() => (header.codec === "h264" ? this.unit(header, payload) : this.jpeg(payload)))
      .then((picture) => {
        if (!picture) return;
        this.pictures.get(header.name)?.close();
        this.pictures.set(header.name, picture);
        if (this.isClosed) this.keep([]); // it was on its way when the view went
      });
    return this.order;
  }

  jpeg(payload) {
    return createImageBitmap(new Blob([payload], { type: "image/jpeg" }));
  }

  unit(header, payload) {
    let one = this.decoders.get(header.name);
    if (!one || one.decoder.state === "closed" || one.w !== header.w || one.h !== header.h) {
      if (!header.key) throw new Error("the stream began in its middle");
      if (one && one.decoder.state !== "closed") one.decoder.close();
      one = { w: header.w, h: header.h };
      one.decoder = new VideoDecoder({
        output: (frame) => one.done(frame),
        error: (error) => one.fail(error),
      });
      one.decoder.configure({ codec: "avc1.42E028", optimizeForLatency: true });
      this.decoders.set(header.name, one);
    }
    return new Promise((resolve, reject) => {
      one.done = resolve;
      one.fail = reject;
      const type = header.key ? "key" : "delta";
      const timestamp = Math.round(performance.now() * 1000);
      one.decoder.decode(new EncodedVideoChunk({ type, timestamp, data: payload }));
    });
  }

  /** Start anew after a picture that could not be decoded. */
  reset() {
    this.order = Promise.resolve();
    for (const { decoder } of this.decoders.values())
      if (decoder.state !== "closed") decoder.close();
    this.decoders.clear();
  }

  /**
   * Draw what is there: `beside` left of the divider, `want` right of it.
   * @returns {boolean} whether there was anything to draw
   */
  draw(want, beside, split) {
    const right = this.pictures.get(want);
    const left = this.pictures.get(beside);
    const main = right ?? left;
    if (!main) return false;
    const width = main.displayWidth ?? main.width;
    const height = main.displayHeight ?? main.height;
    const { canvas, context } = this;
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    const edge = !left ? 0 : right ? Math.round(split * width) : width;
    if (right && edge < width) context.drawImage(right, 0, 0, width, height);
    if (left && edge > 0) {
      context.save();
      context.beginPath();
      context.rect(0, 0, edge, height);
      context.clip();
      context.drawImage(left, 0, 0, width, height);
      context.restore();
    }
    return true;
  }

  /** Let go of pictures that are no longer asked for. */
  keep(names) {
    for (const [name, picture] of this.pictures)
      if (!names.includes(name)) {
        picture.close();
        this.pictures.delete(name);
      }
  }

  close() {
    this.isClosed = true;
    this.reset();
    this.keep([]);
  }
}
