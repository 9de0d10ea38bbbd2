// SPDX-License-Identifier: Apache-2.0
// One large meeting on one media worker, and the same spanning two: what the crossing costs, and what it takes off the
// busiest thread. docs/benchmarks.md.
//   node bench/workers.mjs BINARY [--people 24] [--rounds 3] [--seconds 5] [--ports 20000]
// Progress goes to stderr, Markdown to stdout. The generator shares the cores with the server, so that what is compared
// is processor time, which that does not change much, and not what fits.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import { parseArgs } from 'node:util';
import { listServers, RunningServer } from './sfu/servers.mjs';
import { spread, table, withSpread } from './sfu/statistics.mjs';

const SAMPLE_EVERY_MS = 50;
// Joins in seconds, so that the load of the first worker is seen to grow before all are there.
const JOINS_PER_SECOND = 6;
const BESIDES_MS = 60_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    people: { type: 'string', default: '24' }, rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' }, ports: { type: 'string', default: '20000' },
  },
});
const [binary] = positionals;
const people = Number(values.people);
const seconds = Number(values.seconds);
const port = Number(values.ports);
const cores = os.availableParallelism();
if (!binary || cores < 2) {
  console.log(binary ? 'Not measured: two workers need two cores.' : 'usage: workers.mjs BINARY [--people 24] [--rounds 3] [--seconds 5] [--ports 20000]');
  process.exit(binary ? 0 : 2);
}

// ns of processor time by thread name, from the scheduler's account; threads of one name are added.
function threadTimes(pid) {
  const times = {};
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const read = (file) => readFileSync(`/proc/${pid}/task/${thread}/${file}`, 'utf8');
    try {
      const name = read('comm').trim();
      times[name] = (times[name] ?? 0) + Number(read('schedstat').split(' ')[0]);
    } catch {
      // it has ended
    }
  }
  return times;
}

/** Samples the threads of a process until stop(). */
function watchThreads(pid) {
  const samples = [];
  const sample = () => samples.push({ at: Number(process.hrtime.bigint()) / 1e6, times: threadTimes(pid) });
  sample();
  const timer = setInterval(sample, SAMPLE_EVERY_MS);
  return { samples, stop: () => { clearInterval(timer); sample(); } };
}

// Shares of a core by thread, between the samples next to two moments.
function shares(samples, [from, to]) {
  const near = (ms) => samples.reduce((best, s) => (Math.abs(s.at - ms) < Math.abs(best.at - ms) ? s : best));
  const [a, b] = [near(from), near(to)];
  return Object.fromEntries(Object.entries(b.times).map(([name, ns]) => [name, (ns - (a.times[name] ?? 0)) / 1e6 / (b.at - a.at)]));
}

function load(server) {
  const options = {
    url: server.url, kind: 'video', payload: 1200, bitrate: 500_000, rooms: 1, participants: people, publishers: people,
    duration: seconds, ramp: JOINS_PER_SECOND,
  };
  return new Promise((resolve, reject) => {
    const args = Object.entries(options).flatMap(([key, value]) => [`--${key}`, String(value)]);
    const child = spawn(binary, ['load', ...args], { stdio: ['ignore', 'pipe', 'inherit'], timeout: 1000 * seconds + BESIDES_MS });
    let out = '';
    child.stdout.on('data', (chunk) => (out += chunk));
    child.on('close', () => {
      try {
        resolve(JSON.parse(out.trim().split('\n').at(-1)));
      } catch {
        reject(new Error('the generator gave no report'));
      }
    });
  });
}

async function counters(server) {
  const text = await fetch(`${server.url}/metrics`).then((r) => r.text());
  const of = (name) => Number(new RegExp(`^${name}(?:{[^}]*})? (\\S+)$`, 'm').exec(text)?.[1] ?? 0);
  return { piped: of('jbcalling_piped_total'), dropped: of('jbcalling_pipe_dropped_total') };
}

const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);

// How many people are on each worker, while all are there.
function watchPlaces(server) {
  let most = [];
  const look = async () => {
    const health = await fetch(`${server.url}/health`).then((r) => r.json()).catch(() => null);
    const places = (health?.mediaWorkers ?? []).map((worker) => worker.participants);
    if (sum(places) > sum(most)) most = places;
  };
  const timer = setInterval(look, 500);
  return { stop: () => { clearInterval(timer); return most; } };
}

async function measure(ours, workers) {
  // Full at 1 %: whoever comes is put on the other worker as soon as that is worth the crossing.
  const set = { 'gateway.workers': workers, 'gateway.worker_full': workers > 1 ? 1 : 100 };
  const extra = Object.entries(set).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
  const server = await RunningServer.start(ours, { port, mediaPorts: [port + 20, port + 99], extra });
  const threads = watchThreads(server.pid);
  const places = watchPlaces(server);
  try {
    const report = await load(server);
    threads.stop();
    if (report.error) throw new Error(`${report.error.code}: ${report.error.message}`);
    const used = shares(threads.samples, report.windowMs);
    const media = Object.keys(used).filter((name) => name.startsWith('media-')).map((name) => used[name]);
    return {
      workers,
      placed: places.stop().join(' + '),
      perPacketUs: (1e6 * sum(media)) / report.packetsPerSecond,
      busiestPercent: 100 * Math.max(...media),
      mediaPercent: 100 * sum(media),
      packetsPerSecond: report.packetsPerSecond,
      lossPercent: report.lossPercent,
      p50Us: report.forwardDelayUs.p50,
      p99Us: report.forwardDelayUs.p99,
      generatorPercent: report.client.cpuPercent,
      ...(await counters(server)),
    };
  } finally {
    threads.stop();
    places.stop();
    await server.stop();
  }
}

const { servers: [ours] } = listServers({ binary, cpu: `0-${cores - 1}`, names: [] });
const rows = [];
for (let round = 0; round < Number(values.rounds); ++round) {
  for (const workers of [1, 2]) {
    const row = await measure(ours, workers);
    rows.push(row);
    console.error(`  ${workers} worker(s), turn ${round + 1}: ${JSON.stringify(row)}`);
  }
}

const columns = [
  ['people placed', (r) => [...new Set(r.map((row) => row.placed))].join(', ')],
  ['busiest worker, % of a core', 'busiestPercent'],
  ['all workers, % of a core', 'mediaPercent'],
  ['µs per packet received', 'perPacketUs'],
  ['packets/s received', 'packetsPerSecond'],
  ['loss %', 'lossPercent'],
  ['delay p50 µs', 'p50Us'],
  ['delay p99 µs', 'p99Us'],
  ['piped', 'piped'],
  ['dropped by a full pipe', 'dropped'],
  ['generator, % of a core', 'generatorPercent'],
];
const cell = (of, runs) => (typeof of === 'function' ? of(runs) : withSpread(spread(runs.map((row) => row[of]))));
console.log(`A meeting of ${people}, all of whom send video of 500 kbit/s; ${values.rounds} turns of ${seconds} s; ${cores} cores, shared with the generator.\n`);
console.log(table(['', ...columns.map(([name]) => name)], [1, 2].map((workers) => {
  const runs = rows.filter((row) => row.workers === workers);
  return [`${workers} worker${workers > 1 ? 's' : ''}`, ...columns.map(([, of]) => cell(of, runs))];
})));
