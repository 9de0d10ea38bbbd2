// SPDX-License-Identifier: Apache-2.0
// A translated call between two headless participants, several times over: what the listener waits for.
//   node bench/call.mjs BINARY [calls]
// Speech is made by flite (voices slt, rms, awb in turn), spoken in English into one room per call; the listener
// hears Spanish. Prints one JSON object on its last line.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const [binary, calls = '6'] = process.argv.slice(2);
const sentences = [
  'The weather was cold but the sun was shining all day.',
  'We should talk about the plan for the next month.',
  'My brother works in a hospital near the river.',
  'The meeting has been moved to the afternoon.',
  'She bought three books and a map of the country.',
  'I think that we need more time to finish the work.',
];
const voices = ['slt', 'rms', 'awb'];
const port = 3900 + (process.pid % 90);
const work = mkdtempSync(path.join(os.tmpdir(), 'jb-bench-'));
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const url = `http://127.0.0.1:${port}`;

function speech(n) {
  const parts = [0, 1, 2].map((i) => {
    const file = path.join(work, `${n}-${i}.wav`);
    execFileSync('flite', ['-voice', voices[(n + i) % 3], '-t', sentences[(n + 2 * i) % sentences.length], '-o', file]);
    return file;
  });
  const out = path.join(work, `${n}.wav`);
  const inputs = parts.flatMap((file) => ['-i', file]);
  // 2.5 s of silence after each sentence: every clause is measured by itself.
  const pads = parts.map((_, i) => `[${i}]aresample=48000,apad=pad_dur=2.5[p${i}]`).join(';');
  const filter = `${pads};${parts.map((_, i) => `[p${i}]`).join('')}concat=n=3:v=0:a=1,adelay=1500[out]`;
  execFileSync('ffmpeg', ['-loglevel', 'error', '-y', ...inputs, '-filter_complex', filter, '-map', '[out]', '-ac', '1', out]);
  return { out, seconds: Number(execFileSync('ffprobe', ['-v', 'error', '-show_entries', 'format=duration', '-of', 'csv=p=0', out])) };
}

const join = (args) => new Promise((resolve) => {
  const child = spawn(binary, ['join', '--url', url, ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  child.stdout.on('data', (chunk) => (text += chunk));
  child.on('exit', () => resolve(JSON.parse(text.trim().split('\n').at(-1) || '{}')));
});

// Quantile of a Prometheus histogram, linear within its bucket.
function quantile(metrics, name, label, q) {
  const rows = [...metrics.matchAll(new RegExp(`^${name}_bucket\\{([^}]*)\\} (\\S+)$`, 'gm'))]
    .filter(([, labels]) => !label || labels.includes(label))
    .map(([, labels, count]) => ({ le: Number(/le="([^"]+)"/.exec(labels)[1].replace('+Inf', 'Infinity')), count: Number(count) }))
    .sort((a, b) => a.le - b.le);
  const total = rows.at(-1)?.count ?? 0;
  let below = 0, floor = 0;
  for (const { le, count } of rows) {
    if (total && count >= q * total) return floor + (Math.min(le, 2 * (floor || le)) - floor) * ((q * total - below) / (count - below));
    below = count;
    floor = le;
  }
  return null;
}
const at = (list, q) => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(q * list.length))] ?? null;

const server = spawn(binary, ['serve', '--set', `gateway.port=${port}`, '--set', 'media.port_min=42000', '--set', 'media.port_max=42010'],
  { stdio: 'ignore' });
try {
  for (let i = 0; i < 100; ++i) {
    const health = await fetch(`${url}/health`).then((r) => r.json()).catch(() => null);
    if (health?.status === 'healthy') break;
    await sleep(200);
  }
  const delays = [];
  for (let n = 0; n < Number(calls); ++n) {
    const { out, seconds } = speech(n);
    const room = await (await fetch(`${url}/api/v1/rooms`, { method: 'POST' })).json();
    const duration = String(Math.ceil(seconds) + 3);
    const [listener] = await Promise.all([
      join(['--room', room.code, '--name', 'B', '--speaks', 'es', '--hears', 'es', '--duration', duration]),
      sleep(500).then(() => join(['--room', room.code, '--name', 'A', '--speaks', 'en', '--hears', 'en', '--play', out, '--duration', duration])),
    ]);
    delays.push(...(listener.translationDelayMs?.all ?? []));
  }
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const ms = (seconds) => (seconds === null ? null : Math.round(seconds * 1000));
  console.log(JSON.stringify({
    clauses: delays.length,
    firstTranslatedPacketMs: { p50: at(delays, 0.5), p95: at(delays, 0.95) },
    serverInterpretMs: { p50: ms(quantile(metrics, 'jbcalling_interpret_seconds', '', 0.5)), p95: ms(quantile(metrics, 'jbcalling_interpret_seconds', '', 0.95)) },
    finalCaptionMs: {
      p50: ms(quantile(metrics, 'jbcalling_caption_seconds', 'kind="final"', 0.5)),
      p95: ms(quantile(metrics, 'jbcalling_caption_seconds', 'kind="final"', 0.95)),
    },
  }));
} finally {
  server.kill('SIGTERM');
  rmSync(work, { recursive: true, force: true });
}
