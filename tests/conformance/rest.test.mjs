// SPDX-License-Identifier: Apache-2.0
// docs/protocol.md section 2 against the real program, without its speech services: what each resource
// answers, and the code of everything it refuses.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { Gateway, person, until } from "./lib/gateway.mjs";
import { sleep } from "./lib/wire.mjs";

let server;
before(async () => (server = await Gateway.start("gateway")));
after(() => server.stop());

const UNKNOWN = "/api/v1/rooms/22222-22222-22222";

function assertError({ status, body }, expected, code) {
  assert.equal(status, expected, JSON.stringify(body));
  assert.equal(body.error.code, code);
  assert.match(body.error.message, /\w+ .*\w/);
}

describe("health", () => {
  it("is degraded without speech services, and calls go on", async () => {
    const { status, body } = await server.get("/health");
    assert.equal(status, 200);
    assert.deepEqual([body.status, body.mode, body.workers], ["degraded", "standalone", 1]);
    assert.equal(typeof body.uptime, "number");
    assert.ok(!Number.isNaN(Date.parse(body.timestamp)));
    for (const service of ["stt", "translation", "tts"]) {
      assert.equal(body.components[service].status, "unhealthy");
      for (const key of ["backend", "latency_ms"]) assert.ok(key in body.components[service], key);
    }
    assert.equal(body.components.redis.status, "not configured");
    for (const path of ["/livez", "/readyz"]) assert.equal((await server.get(path)).status, 200);
    assert.deepEqual((await server.get("/api/v1/languages")).body, { stt: [], translation: [], tts: [] });
  });

  it("is not ready with a speech service whose name does not resolve, and names it once in the log", async () => {
    const host = "x".repeat(64); // longer than a label may be: no name server is asked
    const lonely = await Gateway.start("gateway", { "stt.url": `http://${host}:8002` });
    const ready = await until("it is noticed", async () => {
      const answer = await lonely.get("/readyz");
      return answer.status === 503 && answer;
    });
    assert.equal(ready.body.reasons.length, 1, "the others are merely away");
    assert.match(ready.body.reasons[0], new RegExp(`^stt\\.url: .*${host}`));
    await sleep(1000); // two more looks at it
    const lines = lonely.log.split("\n").filter((line) => line.includes(host));
    assert.equal(lines.length, 1, lonely.log);
    assert.match(lines[0], /stt\.url/);
    assert.equal((await lonely.get("/health")).status, 200);
    await lonely.stop();
  });

  it("is not ready with a Redis that cannot be reached, and says so", async () => {
    const lonely = await Gateway.start("gateway", { "redis.url": "redis://127.0.0.1:1" });
    const ready = await lonely.get("/readyz");
    assert.equal(ready.status, 503);
    assert.match(ready.body.reasons.join(), /redis/);
    const { status, body } = await lonely.get("/health");
    assert.deepEqual([status, body.status, body.components.redis.status], [200, "degraded", "unhealthy"]);
    assert.match((await lonely.get("/metrics")).body, /^jbcalling_redis_up 0$/m);
    await lonely.stop();
  });
});

describe("rooms", () => {
  it("are made with defaults or as asked", async () => {
    const plain = await server.request("POST", "/api/v1/rooms");
    assert.equal(plain.status, 201);
    assert.match(plain.body.code, /^[0-9a-z]{5}(-[0-9a-z]{5}){2}$/);
    assert.deepEqual([plain.body.name, plain.body.hasPasscode], ["", false]);
    const { body } = await server.request("POST", "/api/v1/rooms", { name: " Team\n", passcode: "p", maxParticipants: 3 });
    assert.deepEqual([body.name, body.hasPasscode, body.maxParticipants], ["Team", true, 3]);
    assert.ok(!Number.isNaN(Date.parse(body.createdAt)));
    assert.equal(body.url, `${server.url}/r/${body.code}`);
    const { ownerToken, ...shown } = body;
    assert.ok(ownerToken.length >= 32);
    assert.deepEqual((await server.get(`/api/v1/rooms/${body.code}`)).body, { ...shown, participants: 0 });
  });

  it("have the address by which a proxy that ends TLS was asked", async () => {
    const { body } = await server.request("POST", "/api/v1/rooms", {}, { "X-Forwarded-Proto": "https" });
    assert.equal(body.url, `${server.url.replace("http:", "https:")}/r/${body.code}`);
  });

  for (const body of [
    "{", "[]", "null", "5", '"name"', '{"name":5}', '{"passcode":5}', '{"passcode":"' + "x".repeat(129) + '"}',
    '{"maxParticipants":1}', '{"maxParticipants":201}', '{"maxParticipants":2.5}', '{"maxParticipants":"3"}',
    "[".repeat(1000),
  ]) {
    it(`are not made from ${body.slice(0, 40)}`, async () => {
      assertError(await server.request("POST", "/api/v1/rooms", body), 400, "invalid_request");
    });
  }

  it("are not made from a body beyond the limit", async () => {
    assertError(await server.request("POST", "/api/v1/rooms", " ".repeat(20_000)), 413, "too_large");
  });

  it("are deleted by their owner only, once", async () => {
    const { code, ownerToken } = await server.makeRoom();
    const path = `/api/v1/rooms/${code}`;
    const remove = (authorization) => server.request("DELETE", path, undefined, authorization && { Authorization: authorization });
    assertError(await remove(), 401, "owner_token_required");
    assertError(await remove("Basic YTpi"), 401, "owner_token_required");
    assertError(await remove("Bearer other"), 403, "not_the_owner");
    assert.equal((await server.get(path)).status, 200);
    assert.equal((await remove(`bearer ${ownerToken}`)).status, 204);
    assertError(await remove(`Bearer ${ownerToken}`), 404, "room_not_found");
  });

  it("have a transcript in four formats", async () => {
    const { code } = await server.makeRoom();
    const path = `/api/v1/rooms/${code}/transcript`;
    assert.deepEqual((await server.get(path)).body, { captions: [] });
    for (const [format, type] of [["json", "application/json"], ["vtt", "text/vtt"], ["srt", "application/x-subrip"], ["txt", "text/plain"]]) {
      const answer = await server.get(`${path}?format=${format}&lang=es`);
      assert.equal(answer.status, 200);
      assert.ok(answer.headers.get("content-type").startsWith(type), format);
    }
    assertError(await server.get(`${path}?format=pdf`), 400, "invalid_request");
    assertError(await server.get(`${path}?lang=en_US`), 400, "unsupported_language");
    assertError(await server.get(`${UNKNOWN}/transcript`), 404, "room_not_found");
  });
});

describe("the transcript of a room with a passcode", () => {
  const PASSCODE = "se same ñ";
  let room;
  let path;
  before(async () => {
    room = await server.makeRoom({ passcode: PASSCODE });
    path = `/api/v1/rooms/${room.code}/transcript`;
  });
  const read = (headers) => server.request("GET", path, undefined, headers);

  it("is refused without it, or with a wrong one", async () => {
    const { headers, ...answer } = await read();
    assertError(answer, 401, "passcode_required");
    assert.equal(headers.get("www-authenticate"), "Bearer");
    for (const wrong of [
      { Authorization: "Bearer other" }, { Authorization: `Basic ${room.ownerToken}` }, { "X-Room-Passcode": "other" },
      { Authorization: "Bearer ", "X-Room-Passcode": "" },
    ]) {
      assertError(await read(wrong), 401, "passcode_required");
    }
    assertError(await server.get(`${path}?format=pdf`), 401, "passcode_required");
  });

  it("is for its owner and who has the passcode", async () => {
    assert.equal((await read({ Authorization: `Bearer ${room.ownerToken}` })).status, 200);
    const { status, body } = await read({ "X-Room-Passcode": encodeURIComponent(PASSCODE) });
    assert.deepEqual([status, body], [200, { captions: [] }]);
  });

  it("is for its members while they are there", async () => {
    const [ann, stranger] = [await server.joined(room, { passcode: PASSCODE }), await server.joined(await server.makeRoom())];
    const of = (client) => read({ Authorization: `Bearer ${client.joined.self.token}` });
    assert.equal((await of(ann)).status, 200);
    assertError(await of(stranger), 401, "passcode_required");
    await ann.done("leave");
    assertError(await of(ann), 401, "passcode_required");
    [ann, stranger].forEach((client) => client.disconnect());
  });
});

describe("paths and methods", () => {
  it("that are not there have an error too", async () => {
    assertError(await server.get("/api/v2/rooms"), 404, "not_found");
    assertError(await server.get("/no.txt"), 404, "not_found");
    const { headers, ...answer } = await server.request("PUT", "/api/v1/rooms");
    assertError(answer, 405, "method_not_allowed");
    assert.equal(headers.get("allow"), "POST");
  });

  it("are counted by route and code", async () => {
    await server.get(UNKNOWN);
    const { body } = await server.get("/metrics");
    assert.match(body, /^jbcalling_http_requests_total\{code="404",route="GET \/api\/v1\/rooms\/\*"\} [1-9]/m);
  });

  it("are counted under a name of ours, whatever was asked for", async () => {
    const client = await server.client();
    client.disconnect();
    await server.get("/socket.io/?EIO=3&transport=polling");
    for (const path of ["/", "/no-such.txt", "/api/v1/none"]) await server.get(path);
    await server.request("PUT", "/");
    const { body } = await server.get("/metrics");
    const counted = [...body.matchAll(/^jbcalling_http_requests_total\{code="(\d+)",route="([^"]+)"\}/gm)];
    const has = (code, route) => assert.ok(counted.some(([, c, r]) => c === code && r === route), `${code} ${route}\n${body}`);
    for (const [code, route] of [["101", "/socket.io/"], ["400", "/socket.io/"], ["404", "other"], ["405", "other"]]) has(code, route);
    assert.ok(counted.some(([, , route]) => route === "static"));
    assert.ok(counted.every(([, , route]) => /^(static|other|\/socket\.io\/|(GET|POST|DELETE) \/[a-z0-9/.*]*)$/.test(route)), body);
    assert.match(body, /^jbcalling_redis_up 1$/m, "none is configured: none is missing");
  });
});

describe("without speech services", () => {
  it("people of any language may join", async () => {
    const client = await server.joined(await server.makeRoom(), person("Vy", "vi", "qqq"));
    assert.deepEqual([client.joined.services.stt, client.joined.services.tts], ["down", "down"]);
    client.disconnect();
  });

  it("STUN servers reach clients without a secret, TURN servers with credentials", async () => {
    for (const [settings, expected] of [
      [{ "turn.urls": "stun:s.example.org" }, { urls: ["stun:s.example.org"] }],
      [{ "turn.urls": "turn:t.example.org", "turn.secret": "s" }, { urls: ["turn:t.example.org"], username: 1, credential: 1 }],
    ]) {
      const other = await Gateway.start("gateway", settings);
      const client = await other.joined(await other.makeRoom());
      const [ice] = client.joined.iceServers;
      assert.deepEqual(ice?.urls, expected.urls);
      assert.deepEqual(Object.keys(ice), Object.keys(expected));
      client.disconnect();
      await other.stop();
    }
  });
});

// Last: this address is slowed down from here on.
describe("rates", () => {
  async function slowed(request) {
    for (let i = 0; i < 200; ++i) {
      const answer = await request();
      if (answer.status === 429) return { ...answer, after: i };
    }
    throw new Error("never slowed down");
  }

  it("slow down who guesses codes, and nobody behind the same address who has the right one", async () => {
    const { code } = await server.makeRoom();
    const answer = await slowed(() => server.get(UNKNOWN));
    assertError(answer, 429, "too_many_requests");
    assert.ok(Number(answer.headers.get("retry-after")) > 0);
    assert.equal((await server.get(`/api/v1/rooms/${code}`)).status, 200);
  });

  it("slow down who guesses over Socket.IO", async () => {
    const [open, locked] = [await server.makeRoom(), await server.makeRoom({ passcode: "sesame" })];
    const client = await server.client();
    const join = async (data) => (await client.ask("join", { ...person("Eve"), ...data })).error?.code;
    for (let i = 0; i < 10; ++i) assert.equal(await join({ room: "22222-22222-22222" }), "room_not_found");
    // Missing or locked: a guesser is not told which.
    assert.equal(await join({ room: "22222-22222-22222" }), "too_many_requests");
    assert.equal(await join({ room: locked.code, passcode: "open" }), "too_many_requests");
    assert.equal(await join({ room: locked.code, passcode: "sesame" }), undefined);
    await client.done("leave");
    assert.equal(await join({ room: open.code }), undefined);
    client.disconnect();
  });

  it("slow down who guesses a passcode to read a transcript, the right one included", async () => {
    const { code, ownerToken } = await server.makeRoom({ passcode: "sesame" });
    const read = (headers) => server.request("GET", `/api/v1/rooms/${code}/transcript`, undefined, headers);
    for (let i = 0; i < 20; ++i) {
      assert.ok([401, 429].includes((await read({ "X-Room-Passcode": `guess ${i}` })).status));
    }
    assertError(await read({ "X-Room-Passcode": "sesame" }), 429, "too_many_requests");
    assert.equal((await read({ Authorization: `Bearer ${ownerToken}` })).status, 200);
  });

  it("slow down who guesses a room's passcode, in that room only", async () => {
    const other = await Gateway.start("gateway"); // whose clients have guessed nothing yet
    const rooms = [await other.makeRoom({ passcode: "sesame" }), await other.makeRoom({ passcode: "sesame" })];
    const client = await other.client();
    const join = async ({ code }, passcode) =>
      (await client.ask("join", { ...person("Eve"), room: code, passcode })).error?.code;
    const codes = [];
    for (let i = 0; i < 20; ++i) codes.push(await join(rooms[0], `guess ${i}`));
    assert.deepEqual(codes.slice(0, 10), Array(10).fill("wrong_passcode"));
    assert.equal(codes.at(-1), "too_many_requests");
    assert.equal(await join(rooms[0], "sesame"), "too_many_requests");
    assert.equal(await join(rooms[1], "sesame"), undefined);
    client.disconnect();
    await other.stop();
  });

  it("slow down who makes many rooms, and wrong requests cost nothing", async () => {
    for (let i = 0; i < 100; ++i) await server.request("POST", "/api/v1/rooms", "[]");
    const answer = await slowed(() => server.request("POST", "/api/v1/rooms"));
    assertError(answer, 429, "too_many_requests");
    assert.ok(Number(answer.headers.get("retry-after")) > 0);
    assert.ok(answer.after > 40, `${answer.after} rooms`);
  });
});
