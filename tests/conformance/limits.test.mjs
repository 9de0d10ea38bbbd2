// SPDX-License-Identifier: Apache-2.0
// What strangers may not do to the server: sizes, rates, slow readers, odd HTTP.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { Server } from "./lib/server.mjs";
import { Endpoint, Raw, sleep } from "./lib/wire.mjs";

const MAX_PAYLOAD = 65536;

let server;
let engine;
let socketio;
before(async () => {
  server = await Server.start({
    "ping-interval": 25000,
    "ping-timeout": 20000,
    "connect-timeout": 10000,
    "max-payload": MAX_PAYLOAD,
  });
  engine = new Endpoint(server, "/engine.io/");
  socketio = new Endpoint(server, "/socket.io/");
});
after(() => server.stop());

async function connected() {
  const frames = await socketio.openWebSocket();
  frames.send("40");
  await frames.message();
  await frames.message();
  return frames;
}

describe("sizes", () => {
  it("takes a body of exactly maxPayload", async () => {
    const sid = await engine.openPolling();
    const body = "4" + "x".repeat(MAX_PAYLOAD - 1);
    assert.equal((await engine.post(sid, body)).status, 200);
    assert.equal((await engine.get(sid)).body, body);
  });

  it("answers 413 to a larger one before reading it", async () => {
    const sid = await engine.openPolling();
    const raw = await Raw.connect(server);
    const head = `POST ${engine.polling(sid)} HTTP/1.1\r\nHost: localhost\r\n`;
    raw.write(`${head}Content-Length: ${MAX_PAYLOAD + 1}\r\n\r\n`);
    await raw.until(/^HTTP\/1.1 413 /);
    raw.end();
  });

  it("bounds a chunked body too", async () => {
    const sid = await engine.openPolling();
    const raw = await Raw.connect(server);
    const head = `POST ${engine.polling(sid)} HTTP/1.1\r\nHost: localhost\r\n`;
    raw.write(`${head}Transfer-Encoding: chunked\r\n\r\n`);
    const chunk = "x".repeat(16384);
    for (let i = 0; i < 6; ++i) raw.write(`4000\r\n${chunk}\r\n`);
    await raw.until(/^HTTP\/1.1 413 /);
    raw.end();
  });

  it("closes a WebSocket upon a larger message", async () => {
    const frames = await engine.openWebSocket();
    frames.send("4" + "x".repeat(MAX_PAYLOAD));
    assert.equal(await frames.close(), 1009);
  });

  it("bounds the packets of one body", async () => {
    const sid = await engine.openPolling();
    const body = Array.from({ length: 2000 }, () => "4").join("\x1e");
    assert.equal((await engine.post(sid, body)).status, 400);
  });
});

describe("rates", () => {
  it("slows down a client that floods, and loses nothing", async () => {
    const frames = await connected();
    const start = Date.now();
    for (let i = 0; i < 250; ++i) frames.send(`42["message",${i}]`);
    for (let i = 0; i < 250; ++i) assert.equal(await frames.message(), `42["message-back",${i}]`);
    const seconds = (Date.now() - start) / 1000;
    assert.ok(seconds > 2.9, `${seconds} s`); // 100 at once, then 50 a second
    frames.end();
  });

  it("closes a client that floods on", async () => {
    const frames = await connected();
    for (let i = 0; i < 2000; ++i) frames.send('42["message"]');
    await frames.close();
  });
});

describe("slow readers", () => {
  const burst = '42["flood",{"count":8,"size":65536}]'; // half a MiB at once, which is no offence

  it("are cut off, and memory stays", async () => {
    const memory = await server.memory();
    const stalled = await Promise.all(Array.from({ length: 5 }, connected));
    const quick = await connected();
    let received = 0;
    quick.socket.on("message", () => ++received);
    stalled.forEach((frames) => frames.socket.pause());
    const slow = () => server.disconnects.filter((reason) => reason === "slow client").length;
    // The kernel takes some MiB for each before anything is left waiting.
    for (let i = 0; i < 150 && slow() < stalled.length; ++i) {
      for (const frames of [...stalled, quick]) frames.send(burst);
      await sleep(100);
    }
    assert.equal(slow(), stalled.length);
    const grown = (await server.memory()) - memory;
    assert.ok(grown < 64 << 20, `${grown >> 20} MiB more`);
    quick.unread();
    quick.send('42["message","still here"]');
    let frame;
    do frame = await quick.message();
    while (!frame.startsWith('42["message-back"'));
    assert.ok(received > 8);
    for (const frames of [...stalled, quick]) frames.end();
  });

  it("over polling as well", async () => {
    const sid = await socketio.openPolling();
    await socketio.post(sid, '40\x1e42["flood",{"count":20,"size":65536}]');
    // The first poll may still get a part; then the session is gone.
    await socketio.get(sid);
    assert.equal((await socketio.get(sid)).status, 400);
  });

  it("may be given a megabyte at once", async () => {
    const sid = await socketio.openPolling();
    await socketio.post(sid, '40\x1e42["flood",{"count":15,"size":65536}]');
    let bytes = 0;
    while (bytes < 15 * 65536) {
      const { status, body } = await socketio.get(sid);
      assert.equal(status, 200);
      bytes += body.length;
    }
  });
});

describe("HTTP", () => {
  it("answers a hundred pipelined requests in order", async () => {
    const raw = await Raw.connect(server);
    const request = `GET ${engine.polling()} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
    raw.write(request.repeat(100));
    const sids = () => new Set(raw.text.match(/"sid":"[0-9a-f]+"/g));
    for (let i = 0; i < 100 && sids().size < 100; ++i) await sleep(20);
    assert.equal(sids().size, 100);
    raw.end();
  });

  it("allows other origins only as configured", async () => {
    const { headers } = await engine.request(engine.polling(), { headers: { Origin: "https://a.example" } });
    assert.equal(headers.get("access-control-allow-origin"), "*"); // this server's configuration
  });

  it("answers a preflight", async () => {
    const { status, headers } = await engine.request(engine.polling(), {
      method: "OPTIONS",
      headers: { Origin: "https://a.example", "Access-Control-Request-Method": "POST" },
    });
    assert.equal(status, 204);
    assert.match(headers.get("access-control-allow-methods"), /POST/);
  });

  it("keeps answers out of caches", async () => {
    const { headers } = await engine.get();
    assert.equal(headers.get("cache-control"), "no-store");
  });
});
