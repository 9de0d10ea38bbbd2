// SPDX-License-Identifier: Apache-2.0
// A translated call between two headless participants, several times over: what the listener waits for.
//   node bench/call.mjs BINARY [calls]
// Speech is made by flite (voices slt, rms, awb in turn), spoken in English into one room per call; the listener
// hears Spanish. Prints each figure with how it was measured, and one JSON object on its last line.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const [binary, calls = '12'] = process.argv.slice(2);
const PER_CALL = 4;
const PAUSE_S = 2.5; // after each sentence: every clause is measured by itself
const sentences = [
  'The weather was cold but the sun was shining all day.',
  'We should talk about the plan for the next month.',
  'My brother works in a hospital near the river.',
  'The meeting has been moved to the afternoon.',
  'She bought three books and a map of the country.',
  'I think that we need more time to finish the work.',
  'Please send me the report before the end of the week.',
  'There is a small problem with the door of the office.',
  'The train to the city leaves at seven in the morning.',
  'He wants to learn how to cook a good dinner.',
  'The government will build a new school next year.',
];
const speakers = ['slt', 'rms', 'awb'];
const port = 21000 + 8 * (process.pid % 2000);
const work = mkdtempSync(path.join(os.tmpdir(), 'jb-bench-'));
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const url = `http://127.0.0.1:${port}`;

function speech(n) {
  const parts = Array.from({ length: PER_CALL }, (_, i) => {
    const file = path.join(work, `${n}-${i}.wav`);
    const sentence = sentences[(n * PER_CALL + i) % sentences.length];
    execFileSync('flite', ['-voice', speakers[(n + i) % speakers.length], '-t', sentence, '-o', file]);
    return file;
  });
  const out = path.join(work, `${n}.wav`);
  const inputs = parts.flatMap((file) => ['-i', file]);
  const pads = parts.map((_, i) => `[${i}]aresample=48000,apad=pad_dur=${PAUSE_S}[p${i}]`).join(';');
  const filter = `${pads};${parts.map((_, i) => `[p${i}]`).join('')}concat=n=${PER_CALL}:v=0:a=1,adelay=1500[out]`;
  execFileSync('ffmpeg', ['-loglevel', 'error', '-y', ...inputs, '-filter_complex', filter, '-map', '[out]', '-ac', '1', out]);
  return { out, seconds: Number(execFileSync('ffprobe', ['-v', 'error', '-show_entries', 'format=duration', '-of', 'csv=p=0', out])) };
}

const join = (args) => new Promise((resolve) => {
  const child = spawn(binary, ['join', '--url', url, ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  child.stdout.on('data', (chunk) => (text += chunk));
  child.on('exit', () => resolve(JSON.parse(text.trim().split('\n').at(-1) || '{}')));
});

// Quantile of a Prometheus histogram, linear within its bucket (25 ms wide up to 700 ms).
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
// Nearest rank.
const at = (list, q) => [...list].sort((a, b) => a - b)[Math.max(0, Math.ceil(q * list.length) - 1)] ?? null;
const exact = (list) => ({ count: list.length, p50: Math.round(at(list, 0.5)), p95: Math.round(at(list, 0.95)) });
function print(figure, { p50, p95, count }, how) {
  console.log(`${figure}: p50 ${p50} ms, p95 ${p95} ms${count === undefined ? '' : ` (${count} of them)`}`);
  console.log(`  how: ${how}`);
}

// Ports of its own, so that a server that runs here anyway is neither disturbed nor measured.
const settings = {
  'gateway.port': port, 'stt.port': port + 1, 'translation.port': port + 2, 'tts.port': port + 3,
  'media.port_min': port + 4, 'media.port_max': port + 7,
};
const service = spawn(binary, ['serve', ...Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`])],
  { stdio: 'ignore' });
try {
  for (let i = 0; i < 100; ++i) {
    const health = await fetch(`${url}/health`).then((r) => r.json()).catch(() => null);
    if (health?.status === 'healthy') break;
    await sleep(200);
  }
  const voices = [];
  const captions = [];
  for (let n = 0; n < Number(calls); ++n) {
    const { out, seconds } = speech(n);
    const room = await (await fetch(`${url}/api/v1/rooms`, { method: 'POST' })).json();
    const duration = String(Math.ceil(seconds) + 3);
    const [listener] = await Promise.all([
      join(['--room', room.code, '--name', 'B', '--speaks', 'es', '--hears', 'es', '--duration', duration]),
      sleep(500).then(() => join(['--room', room.code, '--name', 'A', '--speaks', 'en', '--hears', 'en', '--play', out, '--duration', duration])),
    ]);
    voices.push(...(listener.translationDelayMs?.all ?? []));
    captions.push(...(listener.captionDelayMs?.all ?? []));
  }
  await sleep(1200); // the server publishes its counters once in a while
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const server = (name, label) => {
    const ms = (q) => {
      const seconds = quantile(metrics, name, label, q);
      return seconds === null ? null : Math.round(seconds * 1000);
    };
    return { p50: ms(0.5), p95: ms(0.95) };
  };
  const result = {
    sentences: Number(calls) * PER_CALL,
    firstTranslatedPacketMs: exact(voices),
    finalCaptionMs: exact(captions),
    serverInterpretMs: server('jbcalling_interpret_seconds', ''),
    serverFinalCaptionMs: server('jbcalling_caption_seconds', 'kind="final"'),
    serverSttMs: server('jbcalling_stage_seconds', 'stage="stt"'),
  };
  const said = `${result.sentences} sentences in ${calls} calls, ${PAUSE_S} s of silence after each; sender, server and listener on this machine, loopback`;
  console.log(said);
  print('clause end → first translated packet', result.firstTranslatedPacketMs,
    'exact, at the listener: last frame of the original above -50 dBov → first frame of the translated track that is');
  print('clause end → final caption', result.finalCaptionMs,
    'exact, at the listener: the same end of the original → arrival of the caption event with `final` and its translation');
  print('the first, as the server counts it', result.serverInterpretMs,
    'jbcalling_interpret_seconds: end of the sound, without the detector\'s tail → frame given to the SFU; linear within 25 ms buckets');
  print('the second, as the server counts it', result.serverFinalCaptionMs,
    'jbcalling_caption_seconds{kind="final"}: the same end → caption given to signaling; linear within 25 ms buckets');
  print('of these, the recogniser', result.serverSttMs,
    'jbcalling_stage_seconds{stage="stt"}: the interpreter says the clause is over → final text; linear within 25 ms buckets');
  console.log(JSON.stringify(result));
} finally {
  service.kill('SIGINT');
  rmSync(work, { recursive: true, force: true });
}
