// SPDX-License-Identifier: Apache-2.0
// docs/protocol.md section 1: what the program says, and how it ends, when it cannot do what it is asked.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";

import { freePort, Gateway, person, run, until } from "./lib/gateway.mjs";

let folder;
let server;
before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "jb-program-"));
  server = await Gateway.start("gateway");
});
after(async () => {
  await server.nothingLeft();
  await server.stop();
  await rm(folder, { recursive: true });
});

const lastLine = (text) => text.trimEnd().split("\n").at(-1);

// Ends at once with a line that names what is wrong.
async function assertRefuses(args, pattern, env) {
  const { code, out, err } = await run(args, env);
  assert.notEqual(code, 0, out);
  assert.match(lastLine(err), pattern);
  assert.ok(lastLine(err).startsWith("jbcalling: "), err);
}

describe("a start that cannot work", () => {
  const gateway = (settings) => ["gateway", ...Gateway.flags({ ...server.settings, ...settings })];

  it("names the port that is taken", async () => {
    const port = server.settings["gateway.port"];
    const media = server.settings["media.port_min"];
    await assertRefuses(gateway({ "media.port_min": media + 10 }), new RegExp(`:${port} is taken`));
    await assertRefuses(gateway({ "gateway.port": await freePort() }), new RegExp(`:${media} is taken`));
    const others = { "gateway.port": await freePort(), "media.port_min": media + 10, "stt.port": port };
    await assertRefuses(["serve", ...gateway(others).slice(1)], new RegExp(`stt\\.port: .*:${port} is taken`));
  });

  it("names the file that cannot be used", async () => {
    const free = { "gateway.port": await freePort(), "media.port_min": server.settings["media.port_min"] + 10 };
    const tls = { "gateway.tls_cert": "/none.pem", "gateway.tls_key": "/none.pem" };
    await assertRefuses(gateway({ ...free, ...tls }), /\/none\.pem/);
    await assertRefuses(gateway({ ...free, "gateway.web_dir": folder }), /gateway\.web_dir.*jb-program/);
    await assertRefuses(["config", "--config", "/none.toml"], /\/none\.toml: cannot be read/);
    await assertRefuses(["config", "--config", folder], /cannot be read/);
  });

  it("names the key that is unknown or wrong, wherever it comes from", async () => {
    const file = path.join(folder, "a.toml");
    await writeFile(file, "[gateway]\nport = 70000\n");
    await assertRefuses(["serve", "--config", file], /a\.toml:2: gateway\.port: number out of range/);
    await writeFile(file, "[gatway]\n");
    await assertRefuses(["gateway", "--config", file], /a\.toml:1: gatway: unknown key/);
    await assertRefuses(["stt", "--set", "stt.prot=1"], /--set: stt\.prot: unknown key/);
    await assertRefuses(["tts"], /JBCALLING_TTS_PORT: tts\.port: expected a whole number/, { JBCALLING_TTS_PORT: "x" });
    await assertRefuses(["tts"], /JBCALLING_TTS_PROT: unknown key/, { JBCALLING_TTS_PROT: "1" });
    await assertRefuses(["fly"], /fly: there is no such command/);
  });
});

describe("config", () => {
  it("prints what is in effect, secrets masked", async () => {
    const file = path.join(folder, "b.toml");
    await writeFile(file, '[gateway]\nport = 3001\nhost = "127.0.0.1"\n[turn]\nsecret = "hunter2"\n');
    const env = { JBCALLING_GATEWAY_PORT: "3002", JBCALLING_LOG_LEVEL: "warn" };
    const { code, out } = await run(["config", "--config", file, "--set", "log.level=debug"], env);
    assert.equal(code, 0);
    for (const line of ["port = 3002", 'host = "127.0.0.1"', 'level = "debug"', 'secret = "***"']) {
      assert.ok(out.includes(`\n${line}\n`), line);
    }
    assert.ok(!out.includes("hunter2"));
  });

  it("takes an empty file", async () => {
    const file = path.join(folder, "empty.toml");
    await writeFile(file, "");
    assert.equal((await run(["config", "--config", file])).code, 0);
  });
});

describe("join", () => {
  const join = (room, ...more) => run(["join", "--url", server.url, "--room", room, "--duration", "1.5", ...more]);

  it("says in its summary why it did not get in", async () => {
    const { code } = await server.makeRoom({ passcode: "sesame" });
    for (const [room, more, error] of [
      ["22222-22222-22222", [], "room_not_found"],
      [code, [], "wrong_passcode"],
      [code, ["--passcode", "sesame", "--hears", "e"], "unsupported_language"],
    ]) {
      const ended = await join(room, ...more);
      const summary = JSON.parse(ended.out);
      assert.deepEqual([ended.code, summary.joined, summary.error.code], [1, false, error]);
    }
    const nowhere = await run(["join", "--url", `http://127.0.0.1:${await freePort()}`, "--room", code]);
    assert.equal(nowhere.code, 1);
    assert.equal(JSON.parse(nowhere.out).joined, false);
  });

  it("refuses files it cannot use before it joins", async () => {
    const { code } = await server.makeRoom();
    for (const flag of ["--play", "--record", "--captions", "--video-file"]) {
      const ended = await join(code, flag, "/none/a.file");
      assert.deepEqual([flag, ended.code, ended.out], [flag, 2, ""]);
      assert.match(ended.err, /\/none\/a\.file/);
    }
  });

  it("ends well only when media flowed", async () => {
    const { code } = await server.makeRoom();
    const silent = await join(code);
    assert.deepEqual([silent.code, JSON.parse(silent.out).joined], [1, true]);
    const { code: status, out } = await join(code, "--video");
    const summary = JSON.parse(out);
    assert.equal(status, 0, out);
    assert.ok(summary.packetsSent > 0);
    for (const key of ["packetsReceived", "captions"]) assert.equal(summary[key], 0, key);
    for (const key of ["firstCaptionMs", "firstTranslatedAudioMs"]) assert.equal(summary[key], null, key);
  });
});

describe("SIGTERM", () => {
  it("opens no more rooms, and ends the program well once the calls are over", async () => {
    const draining = await Gateway.start("gateway");
    const [room, empty] = [await draining.makeRoom(), await draining.makeRoom()];
    const ann = await draining.joined(room);
    draining.child.kill("SIGTERM");
    await until("it is not ready", async () => (await draining.get("/readyz")).status === 503);
    assert.deepEqual((await draining.get("/readyz")).body.reasons, ["draining"]);
    const refused = await draining.request("POST", "/api/v1/rooms");
    assert.deepEqual([refused.status, refused.body.error.code], [503, "draining"]);
    assert.ok(Number(refused.headers.get("retry-after")) > 0);
    assert.match((await draining.get("/metrics")).body, /^jbcalling_draining 1$/m);
    const bea = await draining.joined(room);
    const answer = await ann.ask("join", { ...person("Ann"), room: empty.code });
    assert.equal(answer.error.code, "already_joined");
    await ann.done("leave");
    assert.equal((await ann.ask("join", { ...person("Ann"), room: empty.code })).error.code, "draining");
    await ann.done("join", { ...person("Ann"), room: room.code });
    ann.disconnect();
    await bea.done("leave");
    assert.equal(await draining.ended(), 0);
  });

  it("waits no longer once it comes again, and not at all when nobody is in a call", async () => {
    const draining = await Gateway.start("gateway");
    const ann = await draining.joined(await draining.makeRoom());
    draining.child.kill("SIGTERM");
    await until("it is not ready", async () => (await draining.get("/readyz")).status === 503);
    draining.child.kill("SIGTERM");
    assert.equal(await draining.ended(), 0);
    ann.disconnect();
    const idle = await Gateway.start("gateway");
    idle.child.kill("SIGTERM");
    assert.equal(await idle.ended(), 0);
  });
});
