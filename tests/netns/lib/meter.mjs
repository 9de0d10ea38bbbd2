// SPDX-License-Identifier: Apache-2.0
// How media fares in a page: every stream's getStats counters sampled inside the page, and what follows from them. The
// times are the browser's own, so that a slow answer to the test is never taken for a hole in the media.
import { sleep } from '../../e2e/lib/wait.mjs';

/** Runs in a page, after witness(): window.__meter. */
export function meter() {
  if (window.__meter || !window.__e2e) return;
  const KEEP = [
    'kind', 'ssrc', 'mid', 'packetsReceived', 'packetsLost', 'bytesReceived', 'concealedSamples', 'silentConcealedSamples', 'totalSamplesReceived',
    'fecPacketsReceived', 'nackCount', 'pliCount', 'framesDecoded', 'framesDropped', 'freezeCount', 'totalFreezesDuration', 'frameWidth',
    'frameHeight', 'packetsSent', 'bytesSent', 'framesEncoded', 'retransmittedPacketsSent', 'trackIdentifier',
  ];
  const samples = [];
  const take = async () => {
    const reports = await Promise.all(window.__e2e.peers().map((peer) => peer.getStats()));
    for (const report of reports) {
      for (const entry of report.values()) {
        if (entry.type !== 'inbound-rtp' && entry.type !== 'outbound-rtp') continue;
        const sample = { at: entry.timestamp, type: entry.type };
        for (const key of KEEP) if (entry[key] !== undefined) sample[key] = entry[key];
        samples.push(sample);
      }
    }
  };
  let timer = 0;
  window.__meter = {
    start: (everyMs = 50) => {
      samples.length = 0;
      let busy = false;
      window.clearInterval(timer);
      timer = window.setInterval(() => {
        if (busy) return;
        busy = true;
        void take().finally(() => { busy = false; });
      }, everyMs);
    },
    /** All samples since start(). */
    samples: () => samples,
    wallNow: () => performance.timeOrigin + performance.now(),
  };
}

export const startMeter = (person, everyMs = 50) => person.page.evaluate((every) => window.__meter.start(every), everyMs);
export const samplesOf = (person) => person.page.evaluate(() => window.__meter.samples());
const wallNow = (person) => person.page.evaluate(() => window.__meter.wallNow());

// Padding that measures the link (mediasoup-client's name for it): no picture.
const PROBATION_MID = 'probator';

/** The samples of each received stream of that kind, oldest first. */
export function streams(samples, kind, type = 'inbound-rtp') {
  const bySsrc = new Map();
  for (const sample of samples) {
    if (sample.type !== type || sample.kind !== kind || sample.mid === PROBATION_MID) continue;
    if (!bySsrc.has(sample.ssrc)) bySsrc.set(sample.ssrc, []);
    bySsrc.get(sample.ssrc).push(sample);
  }
  return [...bySsrc.values()];
}

const delta = (samples, key) => (samples.at(-1)[key] ?? 0) - (samples[0][key] ?? 0);

/** Of one stream's samples: the share of sound that was made up, the time that the picture stood, … */
export function summary(samples) {
  const seconds = (samples.at(-1).at - samples[0].at) / 1000;
  const share = (key, of) => (delta(samples, of) > 0 ? delta(samples, key) / delta(samples, of) : 0);
  const common = {
    seconds: round(seconds), packets: delta(samples, 'packetsReceived'), lost: delta(samples, 'packetsLost'),
    kbps: round(delta(samples, 'bytesReceived') * 8 / 1000 / seconds), longestGapMs: Math.round(longestGap(samples)), nacks: delta(samples, 'nackCount'),
  };
  if (samples[0].kind === 'audio') {
    return { ...common, concealedPercent: round(100 * share('concealedSamples', 'totalSamplesReceived')), fecPackets: delta(samples, 'fecPacketsReceived') };
  }
  return {
    ...common, fps: round(delta(samples, 'framesDecoded') / seconds), freezes: delta(samples, 'freezeCount'),
    frozenSecondsPerMinute: round(delta(samples, 'totalFreezesDuration') / seconds * 60),
    width: samples.at(-1).frameWidth ?? 0,
  };
}

const STAYS_MS = 2000; // a size that is held for so long was meant

/** When a video's picture got which width: [{ afterMs, width }], the first at 0. */
export function widthsOf(samples) {
  const out = [];
  for (const { at, frameWidth: width } of samples) {
    if (width !== undefined && width !== out.at(-1)?.width) out.push({ afterMs: Math.round(at - samples[0].at), width });
  }
  return out;
}

/** After how many ms a video had one of these widths and kept to them for a while; null: never. */
export function settledAfter(samples, widths) {
  let since = null;
  for (const { at, frameWidth } of samples) {
    if (!widths.includes(frameWidth)) since = null;
    else since ??= at;
    if (since !== null && at - since >= STAYS_MS) return Math.round(since - samples[0].at);
  }
  return null;
}

/** The most changes of a video's size in any 10 s, of those after `fromMs`. */
export function switchesIn10s(samples, fromMs) {
  const changes = widthsOf(samples).filter(({ afterMs }) => afterMs > fromMs).map(({ afterMs }) => afterMs);
  return Math.max(0, ...changes.map((first) => changes.filter((at) => at >= first && at < first + 10_000).length));
}

/** The freezes of a video, as the browser counts them: [{ afterMs, ms }], when each ended and how long it was. */
export function freezes(samples) {
  return samples.slice(1).flatMap((sample, i) => {
    const pair = [samples[i], sample];
    const count = delta(pair, 'freezeCount');
    const ms = Math.round(1000 * delta(pair, 'totalFreezesDuration') / count);
    return Array(count).fill({ afterMs: Math.round(sample.at - samples[0].at), ms });
  });
}

/** The longest time in which not one more packet came. Time in which nothing could be sampled counts to it. */
function longestGap(samples) {
  let since = samples[0].at, known = samples[0].packetsReceived, longest = 0;
  for (const sample of samples) {
    if (sample.packetsReceived === known) continue;
    longest = Math.max(longest, sample.at - since);
    since = sample.at;
    known = sample.packetsReceived;
  }
  return Math.max(longest, samples.at(-1).at - since);
}

/**
 * The longest hole in the sound each of the two hears, from `run` until `settleMs` later: of all streams together, since a
 * new join brings new ones. `down`: at the first, whose way it is; `up`: at the other.
 */
export async function holes(pair, run, settleMs) {
  await Promise.all(pair.map((person) => startMeter(person)));
  await sleep(300);
  await run();
  await sleep(settleMs);
  const [down, up] = await Promise.all(pair.map(async (person) => {
    const all = streams(await samplesOf(person), 'audio').flatMap((samples) =>
      samples.slice(1).flatMap((sample, index) => sample.packetsReceived > samples[index].packetsReceived ? [sample.at] : []));
    all.sort((a, b) => a - b);
    const end = await wallNow(person);
    return Math.round(Math.max(...all.slice(1).map((at, index) => at - all[index]), end - all.at(-1)));
  }));
  return { down, up };
}

const round = (value) => Math.round(value * 100) / 100;
