// SPDX-License-Identifier: Apache-2.0
// Socket.IO protocol 5, frame by frame. Specification: github.com/socketio/socket.io-protocol.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { Server } from "./lib/server.mjs";
import { Endpoint, sleep } from "./lib/wire.mjs";

let server;
let endpoint;
before(async () => {
  server = await Server.start({ "ping-interval": 300, "ping-timeout": 20000, "connect-timeout": 10000 });
  endpoint = new Endpoint(server, "/socket.io/");
});
after(() => server.stop());

// A WebSocket that is in "/" and has read its "auth" event.
async function connected() {
  const frames = await endpoint.openWebSocket();
  frames.send("40");
  assert.match(await frames.message(), /^40\{"sid":"[0-9a-f]{32}"\}$/);
  assert.equal(await frames.message(), '42["auth",{}]');
  return frames;
}

describe("connect", () => {
  for (const [packet, prefix, auth] of [
    ["40", "40", '42["auth",{}]'],
    ['40{"token":"123"}', "40", '42["auth",{"token":"123"}]'],
    ["40/custom,", "40/custom,", '42/custom,["auth",{}]'],
    ["40/custom", "40/custom,", '42/custom,["auth",{}]'],
    ['40/custom,{"token":"abc"}', "40/custom,", '42/custom,["auth",{"token":"abc"}]'],
  ]) {
    it(`accepts ${packet}`, async () => {
      const frames = await endpoint.openWebSocket();
      frames.send(packet);
      const reply = await frames.message();
      assert.ok(reply.startsWith(prefix));
      assert.deepEqual(Object.keys(JSON.parse(reply.slice(prefix.length))), ["sid"]);
      assert.equal(await frames.message(), auth);
      frames.end();
    });
  }

  it("refuses an unknown namespace, byte for byte", async () => {
    const frames = await endpoint.openWebSocket();
    frames.send("40/random");
    assert.equal(await frames.message(), '44/random,{"message":"Invalid namespace"}');
    frames.end();
  });

  it("refuses what the application refuses, with its data", async () => {
    const frames = await endpoint.openWebSocket();
    frames.send('40/secure,{"token":"wrong"}');
    const expected = '44/secure,{"message":"not authorized","data":{"code":"bad_token"}}';
    assert.equal(await frames.message(), expected);
    frames.send('40/secure,{"token":"secret"}');
    assert.ok((await frames.message()).startsWith("40/secure,"));
    frames.end();
  });

  it("does not use the Engine.IO sid for the socket", async () => {
    const frames = endpoint.webSocket();
    const { sid } = JSON.parse((await frames.next()).slice(1));
    frames.send("40");
    assert.notEqual(JSON.parse((await frames.message()).slice(2)).sid, sid);
    frames.end();
  });

  it("closes a session that does not connect", async () => {
    const own = await Server.start({ "ping-interval": 25000, "ping-timeout": 20000, "connect-timeout": 1000 });
    const frames = await new Endpoint(own, "/socket.io/").openWebSocket();
    const start = Date.now();
    await frames.close();
    assert.ok(Date.now() - start > 900);
    await own.stop();
  });

  it("works over polling", async () => {
    const sid = await endpoint.openPolling();
    await endpoint.post(sid, '40\x1e42["message","hello"]');
    let text = "";
    while (!text.includes("message-back")) text += (await endpoint.get(sid)).body + "\x1e";
    const packets = text.split("\x1e").filter((packet) => packet && packet !== "2");
    assert.match(packets[0], /^40\{"sid":/);
    assert.deepEqual(packets.slice(1), ['42["auth",{}]', '42["message-back","hello"]']);
  });
});

describe("disconnect", () => {
  it("leaves the Engine.IO session alive", async () => {
    const frames = await connected();
    frames.send("41");
    assert.equal(await frames.next(), "2");
    frames.end();
  });

  it("leaves the other namespace alone", async () => {
    const frames = await connected();
    frames.send("40/custom");
    await frames.message();
    await frames.message();
    frames.send("41/custom");
    frames.send('42["message","to the main namespace"]');
    assert.equal(await frames.message(), '42["message-back","to the main namespace"]');
    frames.end();
  });

  it("tells a client that is sent away", async () => {
    const frames = await connected();
    frames.send('42["kick-me",false]');
    assert.equal(await frames.message(), "41");
    assert.equal(await frames.next(), "2");
    frames.end();
  });

  it("closes the session of a client that is thrown out", async () => {
    const frames = await connected();
    frames.send('42["kick-me",true]');
    assert.equal(await frames.message(), "41");
    await frames.close();
  });
});

describe("events", () => {
  for (const [packet, answer] of [
    ['42["message",1,"2",{"3":[true]}]', '42["message-back",1,"2",{"3":[true]}]'],
    ['42["message"]', '42["message-back"]'],
    ['42456["message-with-ack",1,"2",{"3":[false]}]', '43456[1,"2",{"3":[false]}]'],
    ['420["message-with-ack"]', "430[]"],
    ['450-["message","a"]', '42["message-back","a"]'],
  ]) {
    it(`answers ${packet}`, async () => {
      const frames = await connected();
      frames.send(packet);
      assert.equal(await frames.message(), answer);
      frames.end();
    });
  }

  const two = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}';
  for (const [packet, answer] of [
    [`452-["message",${two}]`, `452-["message-back",${two}]`],
    [`452-789["message-with-ack",${two}]`, `462-789[${two}]`],
  ]) {
    it(`answers ${packet} with its two attachments`, async () => {
      const frames = await connected();
      frames.send(packet);
      frames.send(Uint8Array.from([1, 2, 3]));
      frames.send(Uint8Array.from([4, 5, 6]));
      assert.equal(await frames.message(), answer);
      assert.deepEqual(await frames.message(), Buffer.from([1, 2, 3]));
      assert.deepEqual(await frames.message(), Buffer.from([4, 5, 6]));
      frames.end();
    });
  }
});

describe("nonsense closes the connection:", () => {
  const deep = `42["message",${"[".repeat(100)}${"]".repeat(100)}]`;
  for (const packet of [
    "4abc",
    "4",
    "42{}",
    "42[]",
    "42[{}]",
    '42abc["message-with-ack",1]',
    '42["disconnect"]',
    '42["connect_error"]',
    '42/custom,["not joined"]',
    "40", // a second time
    '44{"message":"x"}',
    '4511-["message"]',
    '451-["message",{"_placeholder":true,"num":1}]',
    '451-["message",{"_placeholder":true,"num":-1}]',
    deep,
  ]) {
    it(packet.length > 60 ? `${packet.slice(0, 60)}…` : packet, async () => {
      const frames = await connected();
      frames.send(packet);
      await frames.close();
    });
  }

  it("text where an attachment is due", async () => {
    const frames = await connected();
    frames.send('451-["message",{"_placeholder":true,"num":0}]');
    frames.send('42["message"]');
    await frames.close();
  });

  it("an attachment out of nowhere", async () => {
    const frames = await connected();
    frames.send(Uint8Array.from([1]));
    await frames.close();
  });

  it("an event before CONNECT", async () => {
    const frames = await endpoint.openWebSocket();
    frames.send('42["message"]');
    await frames.close();
  });

  it("and the server lives on", async () => {
    assert.ok(server.running);
    await sleep(10);
    (await connected()).end();
  });
});
