// SPDX-License-Identifier: Apache-2.0
// What one participant hears of another, from the samples that their page keeps.
import { until } from './wait.mjs';

export const LOUD = 0.01;      // RMS: -40 dBFS, a voice
export const SILENT = 0.002;   // RMS: -54 dBFS, nobody

export const isLoud = ({ rms }) => rms > LOUD;
export const loudTimes = (samples) => samples.filter(isLoud).map(({ at }) => at);

/** What `person` received of `name` since then: samples of the voice itself and of its translation. */
export async function voicesOf(name, person, since) {
  const levels = await person.levelsSince(since);
  const id = (await person.other(name)).id;
  const of = (role) => levels.filter((sample) => sample.participantId === id && sample.role === role);
  return { original: of('original'), translated: of('translated') };
}

/** Until neither `name` nor the translation has been heard for `quiet` ms, and all captions of theirs are final. */
export async function hasFinished(name, person, { quiet = 4000, within = 60_000 } = {}) {
  await until(`${person.name} hears that ${name} has finished`, async () => {
    const now = await person.now();
    const { original, translated } = await voicesOf(name, person, now - quiet);
    const { captions } = await person.state();
    const id = (await person.other(name)).id;
    const open = captions.some((caption) => caption.speakerId === id && !caption.final);
    // Samples are missing while a page is starved: then nothing is known.
    const enough = original.length > quiet / 160 && translated.length > quiet / 160;
    return enough && !open && ![...original, ...translated].some(isLoud);
  }, { within, every: 500 });
}

/** The value below which `share` of them are. */
export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

/**
 * A stream between two moments, from the samples of lib/witness.mjs: packets per second, the share that was lost or
 * concealed, and the longest time in which its count was seen standing still.
 */
export function flow(samples, from, to) {
  const within = samples.filter(({ at }) => at >= from && at <= to);
  const first = within[0], last = within.at(-1);
  if (within.length < 2) return { seconds: 0, perSecond: 0, lost: 1, concealed: 1, longestGap: Infinity, gapAt: from, blindest: Infinity };
  const seconds = (last.at - first.at) / 1000;
  const packets = last.packets - first.packets;
  let stillSince = first, longestGap = 0, gapAt = first.at, blindest = 0;
  within.forEach((now, index) => {
    if (index > 0) blindest = Math.max(blindest, now.at - within[index - 1].at);
    if (now.packets !== stillSince.packets) stillSince = now;
    if (now.at - stillSince.at <= longestGap) return;
    longestGap = now.at - stillSince.at;
    gapAt = stillSince.at;
  });
  return {
    seconds,
    perSecond: packets / seconds,
    lost: (last.packetsLost - first.packetsLost) / Math.max(1, packets),
    concealed: (last.concealedSamples - first.concealedSamples) / Math.max(1, last.totalSamplesReceived - first.totalSamplesReceived),
    longestGap,
    gapAt,
    blindest,
  };
}
