// SPDX-License-Identifier: Apache-2.0
// The wire as the tests see it: requests, raw sockets, and WebSocket frames kept in a queue, so that two
// frames in one TCP segment are never lost between two awaits.
import net from "node:net";
import { WebSocket } from "ws";

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const PATIENCE_MS = 15000; // far above what anything takes; a busy machine is no failure

function within(promise, what, ms = PATIENCE_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no ${what} within ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export class Frames {
  #queue = [];
  #waiting = [];

  // `status` is the HTTP status of a handshake that was refused.
  constructor(url, options = {}) {
    this.socket = new WebSocket(url, options);
    this.socket.on("message", (data, isBinary) => this.#push(isBinary ? data : data.toString()));
    this.socket.on("error", ({ message }) => (this.status = Number(/response: (\d+)/.exec(message)?.[1])));
    this.opened = new Promise((resolve) => this.socket.once("open", resolve));
    this.closed = new Promise((resolve) => this.socket.once("close", (code) => resolve(code)));
  }

  #push(frame) {
    const waiter = this.#waiting.shift();
    if (waiter) waiter(frame);
    else this.#queue.push(frame);
  }

  open() {
    return within(this.opened, "WebSocket handshake");
  }
  // The next frame: a string, or a Buffer when it is binary.
  next(ms) {
    if (this.#queue.length) return Promise.resolve(this.#queue.shift());
    return within(new Promise((resolve) => this.#waiting.push(resolve)), "frame", ms);
  }
  // The next frame that is no ping.
  async message() {
    for (;;) {
      const frame = await this.next();
      if (frame !== "2") return frame;
    }
  }
  // Frames that came and were not read.
  unread() {
    return this.#queue.splice(0);
  }
  close(ms) {
    return within(this.closed, "close", ms);
  }
  send(data) {
    this.socket.send(data);
  }
  end() {
    this.socket.terminate();
  }
}

// One endpoint, for instance new Endpoint(server, "/engine.io/").
export class Endpoint {
  constructor(server, path) {
    this.server = server;
    this.path = path;
  }

  target(query) {
    return `${this.path}?${new URLSearchParams(query)}`;
  }
  polling(sid) {
    return this.target({ EIO: "4", transport: "polling", ...(sid ? { sid } : {}) });
  }
  async request(target, options = {}) {
    const response = await fetch(this.server.http + target, options);
    return { status: response.status, body: await response.text(), headers: response.headers };
  }
  get(sid) {
    return this.request(this.polling(sid));
  }
  post(sid, body, headers = {}) {
    return this.request(this.polling(sid), { method: "POST", body, headers });
  }
  async openPolling() {
    const { body } = await this.get();
    return JSON.parse(body.slice(1)).sid;
  }
  webSocket(sid, options) {
    const query = { EIO: "4", transport: "websocket", ...(sid ? { sid } : {}) };
    return new Frames(this.server.ws + this.target(query), options);
  }
  // A WebSocket session, past its handshake.
  async openWebSocket() {
    const frames = this.webSocket();
    await frames.next();
    return frames;
  }
}

// A plain TCP connection to the server; what it says is collected in `text`.
export class Raw {
  static async connect(server) {
    const socket = net.connect(server.port, "localhost");
    await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    return new Raw(socket);
  }
  constructor(socket) {
    this.socket = socket;
    this.text = "";
    socket.setEncoding("latin1");
    socket.on("data", (data) => (this.text += data));
    socket.on("error", () => {});
    this.closed = new Promise((resolve) => socket.once("close", resolve));
  }
  write(text) {
    this.socket.write(text);
  }
  async until(pattern, ms = PATIENCE_MS) {
    const deadline = Date.now() + ms;
    while (!pattern.test(this.text)) {
      if (Date.now() > deadline) throw new Error(`${pattern} not in ${JSON.stringify(this.text)}`);
      await sleep(5);
    }
    return this.text;
  }
  end() {
    this.socket.destroy();
  }
}
