// SPDX-License-Identifier: Apache-2.0
// The same call without a browser: `jbcalling join` twice. Ann plays English, Benito hears Spanish, records what he
// hears and writes down his captions; both report in one JSON object.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Server } from './lib/server.mjs';
import { englishSpeech, pickSentences, seedOfToday } from './lib/speech.mjs';
import { sleep } from './lib/wait.mjs';
import { wordErrorRate } from './lib/words.mjs';

const MAX_WER = 0.35;   // as in call.test.mjs
const LOUD = 0.01;      // RMS: -40 dBFS, a voice
const SILENT = 0.003;   // RMS: -50 dBFS, the noise of Ann's room
const WINDOW_MS = 100;
const LEAD_S = 2;
const TAIL_S = 14;      // what the last sentence still needs, on a busy machine

const seed = seedOfToday();
const sentences = pickSentences(3, seed + 1);
const work = mkdtempSync(path.join(os.tmpdir(), 'jb-e2e-join-'));
const recording = path.join(work, 'heard.wav');
const captionLog = path.join(work, 'captions.jsonl');
const running = new Set();
let server, speech;

before(async () => {
  speech = englishSpeech(work, 'join', sentences, { lead: LEAD_S, gap: 2.5, tail: TAIL_S });
  server = await Server.start('join');
}, { timeout: 90_000 });

after(async () => {
  for (const child of running) child.kill('SIGKILL');
  await server?.stop();
  rmSync(work, { recursive: true, force: true });
}, { timeout: 30_000 });

/** Runs a headless participant to its end: { code, summary }. */
function join(...args) {
  return new Promise((resolve) => {
    const child = spawn(process.env.JB_BINARY, ['join', '--url', server.url, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    running.add(child);
    let out = '';
    child.stdout.on('data', (chunk) => (out += chunk));
    child.on('close', (code) => {
      running.delete(child);
      resolve({ code, summary: JSON.parse(out.trim().split('\n').at(-1) || 'null') });
    });
  });
}

/** The loudness (RMS, 0 to 1) of each window of a 16-bit mono WAV with a plain header. */
function levels(file) {
  const bytes = readFileSync(file);
  assert.equal(bytes.toString('latin1', 36, 40), 'data', 'a plain WAV header');
  const rate = bytes.readUInt32LE(24);
  const samples = new Int16Array(bytes.buffer, bytes.byteOffset + 44, (bytes.length - 44) >> 1);
  const size = (rate * WINDOW_MS) / 1000;
  return Array.from({ length: Math.floor(samples.length / size) }, (_, window) => {
    let sum = 0;
    for (let i = window * size; i < (window + 1) * size; ++i) sum += (samples[i] / 32768) ** 2;
    return Math.sqrt(sum / size);
  });
}

test('a translated call between two headless participants', { timeout: 180_000 }, async (t) => {
  let ann, benito;

  await t.test('both join, talk and listen, and end with exit status 0', async () => {
    const room = (await (await fetch(`${server.url}/api/v1/rooms`, { method: 'POST' })).json()).code;
    const seconds = Math.ceil(speech.speechEnd) + TAIL_S;
    const listener = join('--room', room, '--name', 'Benito', '--speaks', 'es', '--hears', 'es',
      '--record', recording, '--captions', captionLog, '--duration', String(seconds + 2));
    await sleep(1000);
    const speaker = join('--room', room, '--name', 'Ann', '--speaks', 'en', '--hears', 'en',
      '--play', speech.file, '--duration', String(seconds));
    [benito, ann] = await Promise.all([listener, speaker]);
    t.diagnostic(`listener: ${JSON.stringify(benito.summary)}`);
    assert.equal(ann.code, 0);
    assert.equal(benito.code, 0);
    assert.ok(ann.summary.joined && benito.summary.joined);
    assert.ok(ann.summary.packetsSent > 50 * speech.speechEnd * 0.9, 'a packet every 20 ms');
    assert.ok(benito.summary.packetsTranslated > 50, 'a translated voice came');
  });

  await t.test('the captions say what was said, translated', async () => {
    const captions = readFileSync(captionLog, 'utf8').trim().split('\n').map((line) => JSON.parse(line));
    const finals = captions.filter(({ final, text }) => final && text);
    assert.equal(benito.summary.captions, captions.length);
    assert.ok(captions.some(({ final }) => !final), 'captions grow while she speaks');
    assert.ok(finals.every(({ translations }) => translations.es), 'each with its Spanish');
    const expected = (await Promise.all(sentences.map((sentence) => server.translate(sentence, 'en', 'es')))).join(' ');
    const read = finals.map(({ translations }) => translations.es).join(' ');
    const wer = wordErrorRate(expected, read);
    t.diagnostic(`word error rate ${wer.toFixed(2)}: expected "${expected}", read "${read}"`);
    assert.ok(wer <= MAX_WER, `word error rate ${wer.toFixed(2)}`);
  });

  await t.test('the recording has her voice, and the translated one after her last word', () => {
    // Both clocks show the first translated sound: from there the recording's time is known.
    const joinedAt = benito.summary.translationOnsetsAtMs[0] - benito.summary.firstTranslatedAudioMs;
    const window = (atMs) => Math.round((atMs - joinedAt) / WINDOW_MS);
    const ends = ann.summary.speechEndsAtMs;
    const heard = levels(recording);
    const loud = (from, to) => heard.slice(from, to).filter((level) => level > LOUD).length;
    assert.ok(heard.slice(0, 10).every((level) => level < SILENT), 'silence before she joins');
    assert.ok(loud(0, window(ends[0])) > 10, 'her own voice');
    // The sound that is on its way when she ends (a frame and the jitter buffer) is left out.
    const after = loud(window(ends.at(-1)) + 2, heard.length);
    t.diagnostic(`${after * WINDOW_MS} ms of voice after the end of the speech`);
    assert.ok(after * WINDOW_MS > 1000, 'the translation of her last sentence');
  });

  await t.test('the latencies are reported', () => {
    const { firstCaptionMs, firstTranslatedAudioMs, translationDelayMs, captionDelayMs } = benito.summary;
    assert.ok(firstCaptionMs > 0 && firstTranslatedAudioMs > firstCaptionMs);
    for (const delay of [translationDelayMs, captionDelayMs]) {
      assert.ok(delay.count >= 1);
      assert.equal(delay.all.length, delay.count);
      // Not a verdict about speed: this machine may be busy.
      assert.ok(delay.p50 > 100 && delay.p50 < 8000, `a median of ${delay.p50} ms`);
    }
  });
});
