// How does a view talk to its kernel? Over the first way that works, and again when it breaks.
//
// Part of the script of `widgets.Live`, which is its files one after the other.

const LENGTH_NBYTES = 4;
const ALIGNMENT = 8;
const WAIT_MS = 4000; // for an address to answer, and for the kernel to tell one
const PING_MS = 2000;
const NO_KERNEL_AFTER = 3; // attempts in a row without an answer
const CLOSED = [1001, 4001]; // by the kernel, for good: the widget, or this view connected elsewhere
const REFUSED = 1008; // what this view sends; another way may be content with it

/**
 * One message of the wire: its header alone as text, or with a payload as bytes.
 * @param {object} header
 * @param {Uint8Array} [payload]
 * @returns {string | Uint8Array}
 */
export function packMessage(header, payload) {
  const text = JSON.stringify(header);
  if (!payload || payload.byteLength === 0) return text;
  const json = new TextEncoder().encode(text);
  const blanks = (ALIGNMENT - ((LENGTH_NBYTES + json.byteLength) % ALIGNMENT)) % ALIGNMENT;
  const start = LENGTH_NBYTES + json.byteLength + blanks;
  const message = new Uint8Array(start + payload.byteLength).fill(32, 0, start);
  new DataView(message.buffer).setUint32(0, json.byteLength + blanks, true);
  message.set(json, LENGTH_NBYTES);
  message.set(payload, start);
  return message;
}

/**
 * @param {string | ArrayBuffer} data
 * @returns {{header: any, payload: Uint8Array}}
 */
export function unpackMessage(data) {
  if (typeof data === "string") return { header: JSON.parse(data), payload: new Uint8Array(0) };
  const length = new DataView(data).getUint32(0, true);
  const json = new Uint8Array(data, LENGTH_NBYTES, length);
  return {
    header: JSON.parse(new TextDecoder().decode(json)),
    payload: new Uint8Array(data, LENGTH_NBYTES + length),
  };
}

/**
 * Which addresses to try, in order. Loopback is this machine only where the page came from it.
 * @param {{hostname: string, host: string, protocol: string}} page its `location`
 * @param {string} baseUrl of the Jupyter server
 * @param {{port: number, token: string}} where
 * @returns {{name: string, url: string}[]}
 */
export function addresses(page, baseUrl, { port, token }) {
  const found = [];
  if (["localhost", "127.0.0.1", "[::1]", "::1"].includes(page.hostname))
    found.push({ name: "websocket", url: `ws://127.0.0.1:${port}/${token}` });
  const scheme = page.protocol === "https:" ? "wss" : "ws";
  const base = `/${baseUrl}/`.replace(/\/+/g, "/");
  found.push({ name: "proxy", url: `${scheme}://${page.host}${base}proxy/${port}/${token}` });
  return found;
}

/**
 * How long to wait before the next attempt, in ms.
 * @param {number} attempt how many failed in a row
 */
export function backoff(attempt) {
  return Math.min(10000, 500 * 2 ** Math.max(0, attempt - 1));
}

/** Where the Jupyter server is, as the page that it served says. */
function findBaseUrl() {
  const config = document.getElementById("jupyter-config-data");
  try {
    return JSON.parse(config?.textContent ?? "{}").baseUrl ?? document.body.dataset.baseUrl ?? "/";
  } catch {
    return "/";
  }
}

/**
 * The connection of one view. Reports `onState("connecting" | "open" | "lost" | "no way" | "no kernel")`,
 * where "no way" is a kernel that answers over the comm and lets this view in by none of its ways.
 */
class Link {
  /**
   * @param {any} model of the widget, for what goes over its comm
   * @param {string} view name of the view
   * @param {{hello: () => object, onMessage: Function, onState: Function}} owner
   */
  constructor(model, view, owner) {
    this.model = model;
    this.view = view;
    this.owner = owner;
    this.transport = "";
    this.roundTripMs = 0;
    this.attempt = 0;
    this.isClosed = false;
    this.socket = null;
    this.refused = new Set(); // ways that were closed to this view
    this.awaited = null; // what resolves when the kernel answers over the comm
    this.hear = (content, buffers) => this.heard(content, buffers);
    model.on("msg:custom", this.hear);
    this.pinging = setInterval(() => this.send({ t: "ping", sent_ms: Date.now() }), PING_MS);
    this.connect();
  }

  /** Try each way in order, until one welcomes this view. */
  async connect() {
    this.owner.onState("connecting");
    const allowed = this.model.get("transports");
    let isAnswered = false;
    try {
      if (allowed.some((name) => name !== "comm")) {
        const where = await this.ask({ t: "connect", origin: location.origin }, "where");
        isAnswered = true;
        const usable = (name) => allowed.includes(name) && !this.refused.has(name);
        for (const { name, url } of where.port ? addresses(location, findBaseUrl(), where) : [])
          if (usable(name) && (await this.open(name, url))) return;
      }
      if (this.isClosed || !allowed.includes("comm")) throw new Error("no way is left");
      this.welcomed(await this.ask(this.hello(), "welcome"));
    } catch {
      if (isAnswered && !allowed.includes("comm")) this.again("no way");
      else this.again(this.attempt < NO_KERNEL_AFTER ? "lost" : "no kernel");
    }
  }

  hello() {
    return { t: "hello", view: this.view, ...this.owner.hello() };
  }

  /** Send over the comm, and wait for the message of kind `kind` that answers. */
  ask(message, kind) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("no answer")), WAIT_MS);
      this.awaited = { kind, resolve: (answer) => (clearTimeout(timer), resolve(answer)) };
      this.model.send({ ...message, view: this.view });
    });
  }

  /** @returns {Promise<boolean>} whether the kernel is at this address and welcomed this view */
  open(name, url) {
    return new Promise((resolve) => {
      let socket;
      try {
        socket = new WebSocket(url);
      } catch {
        resolve(false);
        return;
      }
      socket.binaryType = "arraybuffer";
      const timer = setTimeout(() => socket.close(), WAIT_MS);
      let isWelcome = false;
      socket.onopen = () => socket.send(packMessage(this.hello()));
      socket.onmessage = ({ data }) => {
        const { header, payload } = unpackMessage(data);
        if (header.t === "welcome" && !isWelcome) {
          isWelcome = true;
          clearTimeout(timer);
          if (this.isClosed) socket.close();
          this.socket = socket;
          this.welcomed(header);
          resolve(true);
        } else this.take(header, payload);
      };
      socket.onclose = ({ code }) => {
        clearTimeout(timer);
        if (code === REFUSED) this.refused.add(name);
        if (!isWelcome) resolve(false);
        else if (this.socket === socket) this.again(CLOSED.includes(code) ? "closed" : "lost");
      };
    });
  }

  welcomed(header) {
    this.transport = header.transport;
    this.attempt = 0;
    this.owner.onState("open");
  }

  /** The connection is lost, or none was found: try once more, a little later, unless for good. */
  again(state) {
    this.socket = null;
    this.transport = "";
    if (this.isClosed) return;
    this.owner.onState(state === "closed" ? "no kernel" : state);
    if (state === "closed") return;
    this.attempt += 1;
    this.retrying = setTimeout(() => this.connect(), backoff(this.attempt));
  }

  /** A message over the comm, which all views of the widget hear. */
  heard(content, buffers) {
    if (content?.view !== this.view) return;
    if (this.awaited?.kind === content.t) {
      const { resolve } = this.awaited;
      this.awaited = null;
      resolve(content);
    } else if (content.t === "again") {
      this.model.send(this.hello());
    } else if (this.transport === "comm") {
      const buffer = buffers?.[0];
      const payload = buffer
        ? new Uint8Array(buffer.buffer ?? buffer, buffer.byteOffset ?? 0, buffer.byteLength)
        : new Uint8Array(0);
      this.take(content, payload);
    }
  }

  take(header, payload) {
    if (header.t === "pong") this.roundTripMs = Date.now() - header.sent_ms;
    else if (!this.isClosed) this.owner.onMessage(header, payload);
  }

  /**
   * Send one message. Nothing happens while there is no connection.
   * @returns {boolean} whether it was sent
   */
  send(header, payload) {
    if (this.socket?.readyState === 1) this.socket.send(packMessage(header, payload));
    else if (this.transport === "comm")
      this.model.send({ ...header, view: this.view }, undefined, payload ? [payload] : []);
    else return false;
    return true;
  }

  /** Undo all: the kernel is told, so that it need not wait for this view to come back. */
  close() {
    this.isClosed = true;
    clearInterval(this.pinging);
    clearTimeout(this.retrying);
    if (this.transport === "comm") this.send({ t: "bye" });
    this.model.off("msg:custom", this.hear);
    this.socket?.close();
    this.model.send({ t: "forget", view: this.view });
  }
}
