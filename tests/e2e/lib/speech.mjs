// SPDX-License-Identifier: Apache-2.0
// Speech for the fake microphones, made when the tests run: flite or espeak-ng, through Opus and a little noise, as the
// 48 kHz WAV that Chromium plays as its microphone.
import { execFileSync } from 'node:child_process';
import path from 'node:path';

// Words that a general English model knows; each run takes some of them.
const SENTENCES = [
  'good morning everyone and thank you for coming today',
  'we should talk about the plan for the next month',
  'my brother works in a hospital near the river',
  'please send me the report before the end of the week',
  'i would like a cup of coffee and a glass of water',
  'the children are playing in the garden behind the house',
  'she bought three books and a map of the country',
  'we have enough time to finish the work before friday',
  'the weather was cold but the sun was shining all day',
  'he wants to learn how to cook a good dinner',
  'there is a small problem with the door of the office',
  'my family lives in a small village near the mountains',
  'the teacher asked the students to open the window',
  'the government will build a new school next year',
  'i think that the second idea is better than the first',
];
const VOICES = ['slt', 'rms', 'awb'];

/** E2E_SEED, or another one each day. */
export function seedOfToday() {
  const now = new Date();
  return Number(process.env.E2E_SEED ?? Math.ceil((now - new Date(now.getFullYear(), 0, 1)) / 86_400_000));
}

/** `count` sentences, others for each seed. */
export function pickSentences(count, seed) {
  let state = seed >>> 0;
  const next = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  const pool = [...SENTENCES];
  return Array.from({ length: count }, () => pool.splice(Math.floor(next() * pool.length), 1)[0]);
}

const ffmpeg = (...args) => execFileSync('ffmpeg', ['-v', 'error', '-y', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });

function seconds(file) {
  const out = execFileSync('ffprobe', ['-v', 'error', '-show_entries', 'format=duration', '-of', 'csv=p=0', file]);
  return Number(out.toString());
}

/**
 * Sentences spoken one after the other: `lead` seconds of silence, `gap` between, `tail` after. Chromium plays the file
 * again and again from each opening of the microphone, so a long tail means: said once.
 * Returns { file, sentences, speechEnd }: when the last word ends, in seconds from the start.
 */
export function englishSpeech(directory, name, sentences, { lead, gap, tail }) {
  const pieces = sentences.map((sentence, index) => {
    const raw = path.join(directory, `${name}-${index}.wav`);
    execFileSync('flite', ['-voice', VOICES[index % VOICES.length], '-t', sentence, '-o', raw]);
    return raw;
  });
  const lengths = pieces.map(seconds);
  const filters = pieces.map((_, index) => {
    const after = index + 1 < pieces.length ? gap : 0;
    return `[${index}:a]aresample=48000,loudnorm=I=-20:TP=-3,aresample=48000,apad=pad_dur=${after}[s${index}]`;
  });
  const speech = path.join(directory, `${name}-clean.wav`);
  const joined = pieces.map((_, index) => `[s${index}]`).join('');
  ffmpeg(
    ...pieces.flatMap((piece) => ['-i', piece]),
    '-filter_complex', `${filters.join(';')};${joined}concat=n=${pieces.length}:v=0:a=1,adelay=${lead * 1000}:all=1[out]`,
    '-map', '[out]', '-ac', '1', '-ar', '48000', speech,
  );
  const file = path.join(directory, `${name}.wav`);
  throughOpusAndNoise(speech, file, tail);
  return { file, sentences, speechEnd: lead + lengths.reduce((sum, length) => sum + length, 0) + gap * (pieces.length - 1) };
}

/** Somebody who talks without a pause in a language that is not recognised; short, so that it is always heard. */
export function spanishChatter(directory) {
  const raw = path.join(directory, 'chatter-raw.wav');
  execFileSync('espeak-ng', ['-v', 'es', '-s', '150', '-w', raw,
    'El río baja despacio hacia el mar y la gente camina por la orilla mientras cae la tarde sobre la ciudad.']);
  const file = path.join(directory, 'microphone-spanish.wav');
  ffmpeg('-i', raw, '-af', 'aresample=48000,loudnorm=I=-22:TP=-3', '-ac', '1', '-ar', '48000', '-c:a', 'pcm_s16le', file);
  return file;
}

export function silence(directory) {
  const file = path.join(directory, 'microphone-silent.wav');
  ffmpeg('-f', 'lavfi', '-i', 'anullsrc=r=48000:cl=mono', '-t', '30', '-c:a', 'pcm_s16le', file);
  return file;
}

/** What a voice goes through on its way: a codec at 24 kbit/s, and a room that is not quite silent (about 40 dB below). */
function throughOpusAndNoise(input, output, tail) {
  const opus = `${output}.ogg`;
  ffmpeg('-i', input, '-c:a', 'libopus', '-b:a', '24k', '-application', 'voip', opus);
  ffmpeg(
    '-i', opus, '-f', 'lavfi', '-i', 'anoisesrc=color=pink:amplitude=0.0015:sample_rate=48000:seed=7',
    '-filter_complex', `[0:a]aresample=48000[v];[v][1:a]amix=inputs=2:duration=first:normalize=0,apad=pad_dur=${tail}[out]`,
    '-map', '[out]', '-ac', '1', '-ar', '48000', '-c:a', 'pcm_s16le', output,
  );
}
