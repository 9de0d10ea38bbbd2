// SPDX-License-Identifier: Apache-2.0
// The real program on free ports, and clients of its room protocol. JB_BINARY names the program.
import { spawn } from "node:child_process";
import net from "node:net";

import { io } from "socket.io-client";

import { sleep } from "./wire.mjs";

const program = process.env.JB_BINARY;
const PATIENCE_MS = 30000; // far above what anything takes; a busy machine is no failure

export async function until(what, probe) {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`not within ${PATIENCE_MS} ms: ${what}`);
    await sleep(50);
  }
}

export function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once("error", reject).listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

// Runs the program to its end: { code, out, err }.
export function run(args, env = {}) {
  const stdio = ["ignore", "pipe", "pipe"];
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio, timeout: PATIENCE_MS });
  const result = { out: "", err: "" };
  child.stdout.on("data", (data) => (result.out += data));
  child.stderr.on("data", (data) => (result.err += data));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ ...result, code }));
  });
}

export class Gateway {
  // `role` serve: with the speech services. gateway: without, nobody answers on their ports.
  static async start(role = "serve", settings = {}) {
    const [gateway, stt, translation, tts] = await Promise.all(Array.from({ length: 4 }, freePort));
    const media = 42000 + Math.floor(Math.random() * 18000);
    const all = {
      "gateway.port": gateway, "gateway.host": "127.0.0.1", "gateway.workers": 1, "stt.port": stt,
      "translation.port": translation, "tts.port": tts, "media.port_min": media, "media.port_max": media + 20, ...settings,
    };
    const server = new Gateway();
    server.settings = all;
    server.url = `http://127.0.0.1:${all["gateway.port"]}`;
    server.child = spawn(program, [role, ...Gateway.flags(all)], { stdio: ["ignore", "ignore", "pipe"] });
    server.log = "";
    server.child.stderr.on("data", (data) => (server.log += data)).unref();
    // A test that failed before its stop() ends with the file all the same.
    server.child.unref();
    process.once("exit", () => server.child.kill("SIGKILL"));
    server.exited = new Promise((resolve) => server.child.once("exit", resolve));
    await until("the server is ready", async () => {
      if (server.child.exitCode !== null) throw new Error(`the server ended with ${server.child.exitCode}`);
      return fetch(`${server.url}/livez`).then((answer) => answer.ok, () => false);
    });
    if (role === "serve") await until("every service is up", async () => (await server.get("/health")).body.status === "healthy");
    return server;
  }

  static flags(settings) {
    return Object.entries(settings).flatMap(([key, value]) => ["--set", `${key}=${value}`]);
  }

  async stop() {
    this.child.kill("SIGINT"); // SIGTERM waits for calls
    await this.ended();
  }
  // The exit status.
  ended() {
    this.child.ref();
    return this.exited;
  }

  // { status, headers, body }; the body is parsed where it is JSON.
  async request(method, path, body, headers = {}) {
    const text = typeof body === "string" ? body : body && JSON.stringify(body);
    const answer = await fetch(this.url + path, { method, body: text, headers });
    const raw = await answer.text();
    const isJson = (answer.headers.get("content-type") ?? "").startsWith("application/json");
    return { status: answer.status, headers: answer.headers, body: isJson ? JSON.parse(raw) : raw };
  }
  get(path) {
    return this.request("GET", path);
  }
  async makeRoom(options = {}) {
    return (await this.request("POST", "/api/v1/rooms", options)).body;
  }
  deleteRoom({ code, ownerToken }) {
    return this.request("DELETE", `/api/v1/rooms/${code}`, undefined, { Authorization: `Bearer ${ownerToken}` });
  }

  // A connected client; `events` collects [name, data], `ask` answers with the ack.
  async client() {
    const socket = io(this.url, { forceNew: true, reconnection: false, transports: ["websocket"] });
    await new Promise((resolve, reject) => socket.once("connect", resolve).once("connect_error", reject));
    socket.events = [];
    socket.onAny((name, data) => socket.events.push([name, data]));
    socket.named = (name) => socket.events.filter(([event]) => event === name).map(([, data]) => data);
    socket.ask = (name, ...data) => socket.timeout(PATIENCE_MS).emitWithAck(name, ...data);
    // The data of an answer that has to be good.
    socket.done = async (name, ...data) => {
      const answer = await socket.ask(name, ...data);
      if (!answer.ok) throw new Error(`${name}: ${JSON.stringify(answer.error)}`);
      return answer.data;
    };
    return socket;
  }
  async joined(room, options = {}) {
    const client = await this.client();
    client.joined = await client.done("join", { ...person("Ann"), room: room.code, ...options });
    return client;
  }

  // What calls hold at present. The SFU publishes its numbers once a second.
  async left() {
    const { body } = await this.get("/metrics");
    const value = (name) => Number(new RegExp(`^jbcalling_${name} (\\S+)$`, "m").exec(body)?.[1]);
    return {
      participants: value("participants"), producers: value("producers"),
      consumers: value("consumers"), sessions: value("socketio_sessions"),
    };
  }
  async nothingLeft() {
    await sleep(1500);
    return until("nothing is left behind", async () => Object.values(await this.left()).every((count) => count === 0));
  }
}

export const person = (name, speaks = "en", hears = speaks) => ({ name, speaks, hears, voice: "translated" });

export const dtlsParameters = {
  role: "client",
  fingerprints: [{ algorithm: "sha-256", value: Array(32).fill("AB").join(":") }],
};

let nextSsrc = 1000;
export function opusParameters() {
  const ssrc = nextSsrc++;
  return {
    mid: String(ssrc), encodings: [{ ssrc }], rtcp: { cname: "test" }, headerExtensions: [],
    codecs: [{ mimeType: "audio/opus", payloadType: 111, clockRate: 48000, channels: 2, parameters: {}, rtcpFeedback: [] }],
  };
}

// A client with a send transport and a microphone on it.
export async function speaking(client) {
  client.send = await client.done("createTransport", { direction: "send" });
  client.mic = await produce(client);
  return client;
}
export const produce = async (client, more = {}) =>
  (await client.done("produce", micOf(client, more))).id;
export const micOf = (client, more = {}) => ({
  transportId: client.send.id, kind: "audio", source: "mic", rtpParameters: opusParameters(), ...more,
});
