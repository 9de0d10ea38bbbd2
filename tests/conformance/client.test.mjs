// SPDX-License-Identifier: Apache-2.0
// The unmodified socket.io-client against our server.
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, afterEach, before, describe, it } from "node:test";

import { io } from "socket.io-client";

import { Server } from "./lib/server.mjs";
import { sleep } from "./lib/wire.mjs";

const CALM = { "ping-interval": 25000, "ping-timeout": 20000, "connect-timeout": 10000 };

let server;
const clients = [];
before(async () => (server = await Server.start(CALM)));
after(() => server.stop());
afterEach(() => clients.splice(0).forEach((client) => client.disconnect()));

function client(path = "", options = {}) {
  const socket = io(server.http + path, { forceNew: true, timeout: 3000, ...options });
  clients.push(socket);
  return socket;
}

async function connected(path, options) {
  const socket = client(path, options);
  const auth = once(socket, "auth");
  await once(socket, "connect");
  await auth;
  return socket;
}

for (const [name, options] of [
  ["polling, then upgraded", {}],
  ["polling only", { transports: ["polling"] }],
  ["websocket only", { transports: ["websocket"] }],
  ["websocket with base64", { transports: ["websocket"], forceBase64: true }],
]) {
  describe(name, () => {
    it("connects, emits and gets answers", async () => {
      const socket = await connected("", options);
      assert.match(socket.id, /^[0-9a-f]{32}$/);
      const back = once(socket, "message-back");
      socket.emit("message", 1, "2", { 3: [true] });
      assert.deepEqual(await back, [1, "2", { 3: [true] }]);
      assert.deepEqual(await socket.emitWithAck("message-with-ack", "héllo"), "héllo");
    });

    it("carries binary both ways", async () => {
      const socket = await connected("", options);
      const bytes = Buffer.from([0, 1, 2, 255, 0x1e]);
      const back = once(socket, "message-back");
      socket.emit("message", bytes, { nested: [bytes] });
      const [first, second] = await back;
      assert.deepEqual(Buffer.from(first), bytes);
      assert.deepEqual(Buffer.from(second.nested[0]), bytes);
      const answer = await socket.emitWithAck("message-with-ack", bytes);
      assert.deepEqual(Buffer.from(answer), bytes);
    });

    it("answers the server's questions", async () => {
      const socket = await connected("", options);
      socket.on("question", (data, answer) => answer({ to: data }));
      const answered = once(socket, "answered");
      socket.emit("ask-me", "who");
      assert.deepEqual(await answered, [[{ to: "who" }]]);
    });

    it("sends many messages in order", async () => {
      const socket = await connected("", options);
      const got = [];
      const done = new Promise((resolve) => {
        socket.on("message-back", (i) => got.push(i) === 80 && resolve());
      });
      for (let i = 0; i < 80; ++i) socket.emit("message", i);
      await done;
      assert.deepEqual(got, Array.from({ length: 80 }, (_, i) => i));
    });
  });
}

describe("upgrade", () => {
  it("really ends on websocket", async () => {
    const socket = await connected();
    if (socket.io.engine.transport.name !== "websocket") await once(socket.io.engine, "upgrade");
    assert.equal(socket.io.engine.transport.name, "websocket");
    assert.equal(await socket.emitWithAck("message-with-ack", "after"), "after");
  });

  it("loses nothing on the way", async () => {
    const socket = client();
    const sent = [];
    const got = [];
    socket.on("message-back", (i) => got.push(i));
    for (let i = 0; i < 60; ++i) {
      socket.emit("message", i);
      sent.push(i);
      await sleep(1);
    }
    while (got.length < sent.length) await sleep(10);
    assert.deepEqual(got, sent);
  });
});

describe("namespaces", () => {
  it("tells why it refuses", async () => {
    const socket = client("/secure", { auth: { token: "wrong" } });
    const [error] = await once(socket, "connect_error");
    assert.equal(error.message, "not authorized");
    assert.deepEqual(error.data, { code: "bad_token" });
    socket.auth = { token: "secret" };
    const connect = once(socket, "connect");
    socket.connect();
    await connect;
  });

  it("refuses those it does not have", async () => {
    const [error] = await once(client("/nowhere"), "connect_error");
    assert.equal(error.message, "Invalid namespace");
  });

  it("share one connection", async () => {
    const main = await connected();
    const custom = main.io.socket("/custom");
    const [auth] = await once(custom, "auth");
    assert.deepEqual(auth, {});
    custom.disconnect();
    assert.equal(await main.emitWithAck("message-with-ack", "still"), "still");
  });
});

describe("rooms", () => {
  it("reach the others, or all", async () => {
    const [a, b, c] = await Promise.all([connected(), connected(), connected()]);
    const heard = [];
    for (const [name, socket] of Object.entries({ a, b, c })) {
      socket.on("broadcast", (data) => heard.push(`${name}:${data}`));
    }
    await Promise.all([a.emitWithAck("join", "r"), b.emitWithAck("join", "r")]);
    await a.emitWithAck("broadcast", "r", 1);
    await a.emitWithAck("broadcast", "r", 2, true);
    await b.emitWithAck("leave", "r");
    await a.emitWithAck("broadcast", "r", 3, true);
    await Promise.all([b, c].map((socket) => socket.emitWithAck("message-with-ack")));
    assert.deepEqual(heard.sort(), ["a:2", "a:3", "b:1", "b:2"]);
  });
});

describe("ends", () => {
  it("tells a client that it was sent away", async () => {
    const socket = await connected();
    const gone = once(socket, "disconnect");
    socket.emit("kick-me", false);
    assert.equal((await gone)[0], "io server disconnect");
  });

  it("hears when a client leaves", async () => {
    const socket = await connected();
    const before = server.disconnects.length;
    socket.disconnect();
    while (server.disconnects.length === before) await sleep(10);
    assert.equal(server.disconnects.at(-1), "client disconnect");
  });

  for (const transports of [["polling", "websocket"], ["polling"], ["websocket"]]) {
    it(`comes back after a restart (${transports})`, async () => {
      const own = await Server.start(CALM);
      const socket = io(own.http, { forceNew: true, transports, reconnectionDelay: 50, reconnectionDelayMax: 200 });
      clients.push(socket);
      await once(socket, "connect");
      const first = socket.id;
      const gone = once(socket, "disconnect");
      await own.stop("SIGKILL");
      await gone;
      const again = once(socket, "connect");
      const next = await Server.start({ ...CALM, port: own.port });
      await again;
      assert.notEqual(socket.id, first);
      assert.equal(await socket.emitWithAck("message-with-ack", "back"), "back");
      socket.disconnect();
      await next.stop();
    });
  }

  it("notices by heartbeat that the server hangs", async () => {
    const own = await Server.start({ ...CALM, "ping-interval": 200, "ping-timeout": 200 });
    const socket = io(own.http, { forceNew: true, reconnection: false, transports: ["websocket"] });
    clients.push(socket);
    await once(socket, "connect");
    const gone = once(socket, "disconnect");
    own.child.kill("SIGSTOP");
    assert.equal((await gone)[0], "ping timeout");
    await own.stop("SIGKILL");
  });
});
