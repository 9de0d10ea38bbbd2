// SPDX-License-Identifier: Apache-2.0
// Engine.IO protocol 4, obligation by obligation, on real sockets. Specification:
// github.com/socketio/engine.io-protocol. What is about time runs with the settings of the public suite
// (pings every 300 ms, 200 ms to answer), the rest without haste.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { Server } from "./lib/server.mjs";
import { Endpoint, Raw, sleep } from "./lib/wire.mjs";

const INTERVAL = 300;
const TIMEOUT = 200;

let server;
let engine;
let hasty; // the same, with the suite's settings
before(async () => {
  server = await Server.start({ "ping-interval": 25000, "ping-timeout": 20000 });
  engine = new Endpoint(server, "/engine.io/");
  hasty = new Endpoint(await Server.start(), "/engine.io/");
});
after(() => Promise.all([server.stop(), hasty.server.stop()]));

describe("handshake", () => {
  const KEYS = ["maxPayload", "pingInterval", "pingTimeout", "sid", "upgrades"];

  it("opens a polling session", async () => {
    const { status, body } = await hasty.get();
    assert.equal(status, 200);
    assert.equal(body[0], "0");
    const open = JSON.parse(body.slice(1));
    assert.deepEqual(Object.keys(open).sort(), KEYS);
    assert.deepEqual(open.upgrades, ["websocket"]);
    assert.equal(open.pingInterval, INTERVAL);
    assert.equal(open.pingTimeout, TIMEOUT);
    assert.equal(open.maxPayload, 1000000);
    assert.ok(open.sid.length >= 20);
  });

  it("opens a WebSocket session", async () => {
    const frames = engine.webSocket();
    const open = JSON.parse((await frames.next()).slice(1));
    assert.deepEqual(Object.keys(open).sort(), KEYS);
    assert.deepEqual(open.upgrades, []);
    frames.end();
  });

  it("gives every session another sid", async () => {
    const sids = await Promise.all(Array.from({ length: 50 }, () => engine.openPolling()));
    assert.equal(new Set(sids).size, 50);
  });

  // E1
  for (const query of [
    { transport: "polling" },
    { EIO: "abc", transport: "polling" },
    { EIO: "3", transport: "polling" },
    { EIO: "4" },
    { EIO: "4", transport: "abc" },
    { EIO: "4", transport: "websocket" },
    { EIO: "4", transport: "polling", sid: "nobody" },
    { EIO: "4", transport: "polling", sid: "" },
  ]) {
    it(`refuses a GET with ${JSON.stringify(query)}`, async () => {
      assert.equal((await engine.request(engine.target(query))).status, 400);
    });
    const wsQuery = { ...query };
    if (wsQuery.transport === "polling") wsQuery.transport = "websocket";
    else if (wsQuery.transport === "websocket") continue;
    it(`refuses a WebSocket with ${JSON.stringify(wsQuery)}`, async () => {
      const { Frames } = await import("./lib/wire.mjs");
      const frames = new Frames(server.ws + engine.target(wsQuery));
      await frames.close();
      assert.equal(frames.status, 400);
    });
  }

  for (const method of ["POST", "PUT", "DELETE", "PATCH"]) {
    it(`refuses ${method} without a session`, async () => {
      assert.equal((await engine.request(engine.polling(), { method })).status, 400);
    });
  }
});

describe("messages over polling", () => {
  // E2
  for (const payload of ["4hello", "4test1\x1e4test2\x1e4test3", "4hello\x1ebAQIDBA==", "4", "4h\u00e9 \u{1F600}"]) {
    it(`echoes ${JSON.stringify(payload)}`, async () => {
      const sid = await engine.openPolling();
      const post = await engine.post(sid, payload);
      assert.deepEqual([post.status, post.body], [200, "ok"]);
      const poll = await engine.get(sid);
      assert.deepEqual([poll.status, poll.body], [200, payload]);
    });
  }

  it("takes binary as application/octet-stream too", async () => {
    const sid = await engine.openPolling();
    const type = { "Content-Type": "application/octet-stream" };
    assert.equal((await engine.post(sid, "bAQIDBA==", type)).status, 200);
    assert.equal((await engine.get(sid)).body, "bAQIDBA==");
  });

  it("answers a parked poll when there is something to say", async () => {
    const sid = await engine.openPolling();
    const poll = engine.get(sid);
    await sleep(50);
    await engine.post(sid, "4hello");
    assert.equal((await poll).body, "4hello");
  });

  // E4
  for (const payload of ["abc", "", "4a\x1e", "b*", "7"]) {
    it(`closes the session upon ${JSON.stringify(payload)}`, async () => {
      const sid = await engine.openPolling();
      assert.equal((await engine.post(sid, payload)).status, 400);
      assert.equal((await engine.get(sid)).status, 400);
    });
  }

  // E3
  it("closes the session upon a second poll at a time", async () => {
    const sid = await engine.openPolling();
    const first = engine.get(sid);
    await sleep(20);
    assert.equal((await engine.get(sid)).status, 400);
    const { status, body } = await first;
    assert.deepEqual([status, body], [200, "1"]);
    assert.equal((await engine.get(sid)).status, 400);
  });

  it("closes the session upon a second post at a time", async () => {
    const sid = await engine.openPolling();
    const first = await Raw.connect(server);
    const length = "Host: localhost\r\nContent-Length: 6\r\n";
    first.write(`POST ${engine.polling(sid)} HTTP/1.1\r\n${length}\r\n4he`);
    await sleep(30);
    assert.equal((await engine.post(sid, "4other")).status, 400);
    assert.equal((await engine.get(sid)).status, 400);
    first.end();
  });
});

describe("messages over WebSocket", () => {
  it("echoes text and binary", async () => {
    const frames = await engine.openWebSocket();
    frames.send("4hello");
    assert.equal(await frames.message(), "4hello");
    frames.send(Uint8Array.from([1, 2, 3, 4]));
    assert.deepEqual(await frames.message(), Buffer.from([1, 2, 3, 4]));
    frames.end();
  });

  it("keeps the order of a thousand messages", async () => {
    const frames = await engine.openWebSocket();
    for (let i = 0; i < 1000; ++i) frames.send(`4${i}`);
    for (let i = 0; i < 1000; ++i) assert.equal(await frames.message(), `4${i}`);
    frames.end();
  });

  for (const frame of ["abc", "", "2", "b*"]) {
    it(`closes upon ${JSON.stringify(frame)}`, async () => {
      const frames = await engine.openWebSocket();
      frames.send(frame);
      await frames.close();
    });
  }
});

describe("heartbeat", () => {
  // E5
  it("pings a polling client with a bare 2", async () => {
    const sid = await hasty.openPolling();
    for (let i = 0; i < 3; ++i) {
      const start = Date.now();
      const { status, body } = await hasty.get(sid);
      assert.deepEqual([status, body], [200, "2"]);
      assert.ok(Math.abs(Date.now() - start - INTERVAL) < 250);
      assert.equal((await hasty.post(sid, "3")).status, 200);
    }
  });

  // E6
  it("closes a polling session exactly at interval plus timeout", async () => {
    const sid = await hasty.openPolling();
    await sleep(INTERVAL + TIMEOUT);
    assert.equal((await hasty.get(sid)).status, 400);
  });

  it("pings a WebSocket client", async () => {
    const frames = await hasty.openWebSocket();
    for (let i = 0; i < 3; ++i) {
      assert.equal(await frames.next(), "2");
      frames.send("3");
    }
    frames.end();
  });

  // E9
  it("closes a WebSocket that does not answer", async () => {
    const frames = await hasty.openWebSocket();
    const start = Date.now();
    await frames.close();
    assert.ok(Date.now() - start < INTERVAL + TIMEOUT + 500);
  });
});

describe("close", () => {
  // E7
  it("releases the parked poll with a no-op", async () => {
    const sid = await engine.openPolling();
    const poll = engine.get(sid);
    await sleep(20);
    const post = await engine.post(sid, "1");
    assert.deepEqual([post.status, post.body], [200, "ok"]);
    const { status, body } = await poll;
    assert.deepEqual([status, body], [200, "6"]);
    assert.equal((await engine.get(sid)).status, 400);
  });

  // E9
  it("closes a WebSocket upon 1", async () => {
    const frames = await engine.openWebSocket();
    frames.send("1");
    await frames.close();
  });

  it("survives a poll that is abandoned", async () => {
    const sid = await engine.openPolling();
    const abort = new AbortController();
    const poll = fetch(server.http + engine.polling(sid), { signal: abort.signal }).catch(() => {});
    await sleep(20);
    abort.abort();
    await poll;
    await sleep(20);
    await engine.post(sid, "4hello");
    assert.equal((await engine.get(sid)).body, "4hello");
  });
});

// E8
describe("upgrade", () => {
  async function probed() {
    const sid = await engine.openPolling();
    const frames = engine.webSocket(sid);
    await frames.open();
    frames.send("2probe");
    return { sid, frames };
  }

  it("goes from polling to WebSocket", async () => {
    const { sid, frames } = await probed();
    assert.equal(await frames.next(), "3probe");
    const { status, body } = await engine.get(sid);
    assert.deepEqual([status, body], [200, "6"]);
    frames.send("5");
    frames.send("4hello");
    assert.equal(await frames.message(), "4hello");
    frames.end();
  });

  it("releases the poll that is parked when the probe comes", async () => {
    const sid = await engine.openPolling();
    const poll = engine.get(sid);
    const frames = engine.webSocket(sid);
    await frames.open();
    frames.send("2probe");
    assert.equal((await poll).body, "6");
    assert.equal(await frames.next(), "3probe");
    frames.end();
  });

  it("refuses polls after the upgrade, even at once", async () => {
    const { sid, frames } = await probed();
    frames.send("5");
    assert.equal((await engine.get(sid)).status, 400);
    assert.equal((await engine.post(sid, "4x")).status, 400);
    frames.send("4hello");
    assert.equal(await frames.next(), "3probe");
    assert.equal(await frames.message(), "4hello");
    frames.end();
  });

  it("closes a second WebSocket of the session, and the first works on", async () => {
    const { sid, frames } = await probed();
    frames.send("5");
    const second = engine.webSocket(sid);
    await second.close();
    frames.send("4hello");
    assert.equal(await frames.next(), "3probe");
    assert.equal(await frames.message(), "4hello");
    frames.end();
  });

  it("keeps polling when the probe is abandoned", async () => {
    const { sid, frames } = await probed();
    await frames.next();
    frames.end();
    await sleep(20);
    await engine.post(sid, "4hello");
    assert.equal((await engine.get(sid)).body, "4hello");
    // and another try may succeed
    const again = engine.webSocket(sid);
    await again.open();
    again.send("2probe");
    assert.equal(await again.next(), "3probe");
    again.end();
  });

  it("closes a probe that says anything else", async () => {
    const sid = await engine.openPolling();
    const frames = engine.webSocket(sid);
    await frames.open();
    frames.send("4hello");
    await frames.close();
    assert.equal((await engine.post(sid, "4still here")).status, 200);
  });
});
