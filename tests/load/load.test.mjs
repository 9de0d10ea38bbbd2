// SPDX-License-Identifier: Apache-2.0
// `jbcalling load` against the gateway, as processes over loopback: that its counts add up, that people may come and go
// for a while, and that a call does not notice hostile input beside it. Timing is hardly judged here: the machine may be
// busy and the build sanitized. docs/load.md has the figures, and how to have the long and the fast variants.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createWriteStream, readFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after, before, test } from 'node:test';

const { JB_BINARY: binary, JB_HOSTILE: hostile, JB_ARTIFACTS: artifacts } = process.env;
const SOAK_SECONDS = Number(process.env.JB_SOAK_SECONDS ?? 25);
// What a sanitized server takes in with a tenth of a core; a release takes twenty times as much (docs/load.md).
const HOSTILE_RATE = Number(process.env.JB_HOSTILE_RATE ?? 5_000);
const HOSTILE_SECONDS = 5;
const SETTLED = 0.5;          // memory may still grow in the first half
const GROWTH_KB = 6_000;      // what allocators and sanitizers do by themselves
const MOST_LOSS_PERCENT = 1;
const MOST_DELAY_US = 50_000; // median; above what a busy machine and a sanitizer add, below what a person hears
const serverLog = path.join(artifacts, 'load-server.log');
// Freed memory is soon used again, or a sanitizer's quarantine looks like a leak.
const env = { ...process.env, ASAN_OPTIONS: 'quarantine_size_mb=4:detect_leaks=1', TSAN_OPTIONS: 'halt_on_error=1' };
let server, url;

async function freePort() {
  const socket = net.createServer();
  await new Promise((resolve, reject) => socket.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = socket.address();
  await new Promise((resolve) => socket.close(resolve));
  return port;
}

/** Runs a program to its end: { code, out, err }. */
function run(program, args) {
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const result = { out: '', err: '' };
  child.stdout.on('data', (data) => (result.out += data));
  child.stderr.on('data', (data) => (result.err += data));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ ...result, code }));
  });
}

async function load(...args) {
  const { code, out, err } = await run(binary, ['load', '--url', url, '--server-pid', String(server.pid), ...args]);
  assert.equal(err, '', 'nothing on standard error');
  const report = JSON.parse(out);
  return { code, report };
}

before(async () => {
  const port = await freePort();
  const media = 42_000 + Math.floor(Math.random() * 18_000);
  const settings = {
    'gateway.port': port, 'gateway.host': '127.0.0.1', 'gateway.workers': 2, 'media.listen': '127.0.0.1',
    'media.port_min': media, 'media.port_max': media + 20,
  };
  server = spawn(binary, ['gateway', ...Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`])],
    { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const log = createWriteStream(serverLog);
  server.stdout.pipe(log, { end: false });
  server.stderr.pipe(log, { end: false });
  server.ended = new Promise((resolve) => server.once('exit', (code, signal) => resolve(signal ?? code)));
  url = `http://127.0.0.1:${port}`;
  for (let i = 0; !(await fetch(`${url}/livez`).then((r) => r.ok, () => false)); ++i) {
    assert.ok(i < 300 && server.exitCode === null, 'the gateway starts');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}, { timeout: 60_000 });

after(() => server?.kill('SIGKILL'));

test('load', { timeout: (SOAK_SECONDS + 240) * 1000 }, async (t) => {
  for (const [kind, fewest] of [['audio', 400], ['video', 1000], ['simulcast', 250]]) {
    await t.test(`every packet of ${kind} arrives, whole and in order, and is counted once`, async () => {
      const { code, report } = await load('--kind', kind, '--participants', '4', '--publishers', '2', '--duration', '2');
      t.diagnostic(JSON.stringify({ ...report, server: undefined }));
      assert.equal(code, 0);
      assert.equal(report.joined, 4);
      assert.equal(report.consumers, 6);
      assert.ok(report.packetsReceived > fewest, `${report.packetsReceived} packets`);
      if (kind !== 'simulcast') assert.equal(report.packetsReceived, report.packetsExpected);
      for (const name of ['misordered', 'corrupted', 'foreign', 'stuckStreams', 'silentConsumers', 'failed']) {
        assert.equal(report[name], 0, name);
      }
      assert.ok(report.inspectedShare > 0.03 && report.forwardDelayUs.count > fewest / 2);
      assert.ok(report.server.userUsPerPacket > 0 && report.server.peakRssKb > 1000);
    });
  }

  await t.test('it goes to no other machine', async () => {
    for (const target of ['http://192.0.2.1:3000', 'http://example.org']) {
      const { code, out, err } = await run(binary, ['load', '--url', target]);
      assert.equal(code, 2);
      assert.equal(out, '');
      assert.match(err, /not_local/);
    }
  });

  await t.test('a room that is not there is exit status 1 with the reason', async () => {
    const { code, report } = await load('--room', 'NOSUC-HROOM-ATALL', '--duration', '1');
    assert.equal(code, 1);
    assert.equal(report.error.code, 'room_not_found');
  });

  await t.test(`people come and go for ${SOAK_SECONDS} s: no stream is stuck, memory stays`, async () => {
    const { code, report } = await load('--kind', 'simulcast', '--with-audio', '--rooms', '2', '--participants', '5', '--publishers', '3',
      '--churn', '4', '--seed', '7', '--duration', String(SOAK_SECONDS));
    const rss = report.server.rssKb;
    const settled = rss.slice(Math.floor(rss.length * SETTLED));
    t.diagnostic(JSON.stringify({ ...report, server: { ...report.server, rssKb: [rss[0], settled[0], settled.at(-1)] } }));
    assert.equal(code, 0);
    assert.ok(report.churn.leaves > SOAK_SECONDS / 10 && report.churn.layers > SOAK_SECONDS / 10);
    for (const name of ['misordered', 'corrupted', 'foreign', 'stuckStreams', 'failed']) assert.equal(report[name], 0, name);
    assert.ok(Math.max(...settled) - settled[0] < GROWTH_KB, `memory grew from ${settled[0]} to ${Math.max(...settled)} kB`);
  });

  await t.test('hostile input beside a call changes nothing in it, and is not answered with more than it was', async () => {
    const { code: room } = await (await fetch(`${url}/api/v1/rooms`, { method: 'POST' })).json();
    const callFor = (seconds) => load('--room', room, '--kind', 'video', '--with-audio', '--participants', '4', '--publishers', '2', '--duration', String(seconds));
    const { report: alone } = await callFor(HOSTILE_SECONDS);
    const call = callFor(HOSTILE_SECONDS + 3);
    await new Promise((resolve) => setTimeout(resolve, 2000));
    const attack = await run(hostile, [url, room, String(HOSTILE_RATE), String(HOSTILE_SECONDS)]);
    const { code, report: beside } = await call;
    assert.equal(attack.code, 0, attack.err);
    t.diagnostic(attack.out.trim());
    for (const [name, { lossPercent, forwardDelayUs, server: { userSeconds, systemSeconds } }] of Object.entries({ alone, beside })) {
      t.diagnostic(`the call ${name}: ${JSON.stringify({ lossPercent, forwardDelayUs, serverSeconds: userSeconds + systemSeconds })}`);
    }
    const hostility = JSON.parse(attack.out);
    assert.equal(hostility.amplified, false);
    assert.equal(Object.keys(hostility.byKind).length, 14, 'every kind of it');
    assert.ok(hostility.sent > HOSTILE_RATE * HOSTILE_SECONDS / 4, `${hostility.sent} datagrams`);
    assert.equal(code, 0);
    assert.ok(beside.lossPercent < MOST_LOSS_PERCENT, `${beside.packetsMissing} of ${beside.packetsExpected} packets are missing`);
    assert.ok(beside.forwardDelayUs.p50 < MOST_DELAY_US, `${beside.forwardDelayUs.p50} µs`);
    assert.equal(beside.misordered + beside.corrupted + beside.stuckStreams + beside.silentConsumers, 0);
  });

  await t.test('the server ends in good order, and no sanitizer complained', async () => {
    server.kill('SIGINT');
    assert.equal(await server.ended, 0);
    assert.doesNotMatch(readFileSync(serverLog, 'utf8'), /(ERROR|WARNING): \w+Sanitizer|runtime error/);
  });
});
