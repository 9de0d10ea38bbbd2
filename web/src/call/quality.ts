// SPDX-License-Identifier: Apache-2.0
// How the connection of each person fares, in words that people use: three bars, one cause, and the figures for who wants
// them. Pure arithmetic over the counters of getStats.

export type QualityCause = 'good' | 'lossy' | 'slow' | 'limited' | 'busy' | 'silent';

export interface PictureQuality {
  width: number;
  height: number;
  fps: number;
  codec: string;
  /** Counted from 1, of how many; null where there is nothing to choose. */
  layer: number | null;
  layers: number;
}

export interface Quality {
  /** 3 good, 0 nothing arrives. */
  bars: 0 | 1 | 2 | 3;
  cause: QualityCause;
  lossPercent: number;
  rttMs: number | null;
  kbps: number;
  picture: PictureQuality | null;
}

/** Counters of one person's streams together, at one moment. */
export interface Counters {
  at: number;
  packets: number;
  lost: number;
  bytes: number;
}

export interface Circumstances {
  rttMs: number | null;
  picture: PictureQuality | null;
  /** Something should arrive: a microphone or camera that is on, and shown. */
  expected: boolean;
  /** The server sends less than what the place on the page is worth, or the browser sends less than it could. */
  limited: boolean;
  /** This computer cannot encode as much as it should. */
  busy: boolean;
}

/** Long enough that a burst of loss does not make the bars dance, short enough to be believed. */
const WINDOW_MS = 6000;
const LOSSY_PERCENT = 3;
const VERY_LOSSY_PERCENT = 10;
/** From here people interrupt each other (ITU-T G.114: 150 ms one way is unnoticed, 400 ms a hindrance). */
const SLOW_RTT_MS = 500;

export class QualityMeter {
  private readonly samples: Counters[] = [];

  feed(now: Counters, around: Circumstances): Quality {
    const before = this.samples.at(-1);
    // Streams that ended took their counts along.
    if (before && (now.packets < before.packets || now.lost < before.lost)) this.samples.length = 0;
    this.samples.push(now);
    while (this.samples.length > 2 && now.at - (this.samples[1] as Counters).at >= WINDOW_MS) this.samples.shift();
    const first = this.samples[0] as Counters;
    const came = now.packets - first.packets, lost = Math.max(0, now.lost - first.lost);
    const seconds = (now.at - first.at) / 1000;
    const lossPercent = came + lost > 0 ? (100 * lost) / (came + lost) : 0;
    const kbps = seconds > 0 ? ((now.bytes - first.bytes) * 8) / 1000 / seconds : 0;
    // One look says nothing about silence.
    const silent = around.expected && this.samples.length > 2 && came === 0;
    return { ...verdict(lossPercent, silent, around), lossPercent, kbps, rttMs: around.rttMs, picture: around.picture };
  }
}

/** The worst thing first: it is what a person can do something about. */
function verdict(lossPercent: number, silent: boolean, around: Circumstances): Pick<Quality, 'bars' | 'cause'> {
  if (silent) return { bars: 0, cause: 'silent' };
  if (lossPercent >= VERY_LOSSY_PERCENT) return { bars: 1, cause: 'lossy' };
  if (around.limited) return { bars: around.picture ? 2 : 1, cause: 'limited' };
  if (lossPercent >= LOSSY_PERCENT) return { bars: 2, cause: 'lossy' };
  if ((around.rttMs ?? 0) >= SLOW_RTT_MS) return { bars: 2, cause: 'slow' };
  if (around.busy) return { bars: 2, cause: 'busy' };
  return { bars: 3, cause: 'good' };
}

/** What is read of one RTP stream. */
export interface StreamFigures extends Counters {
  width: number;
  height: number;
  fps: number;
  codec: string;
  /** Of what we send: why the browser sends less. */
  limitation: string;
}

type Entry = Record<string, unknown>;
const number = (entry: Entry | undefined, key: string) => (typeof entry?.[key] === 'number' ? (entry[key] as number) : 0);

/** Received streams of a transport, by the id of their track. */
export function receivedFigures(report: ReadonlyMap<string, Entry>, at: number): Map<string, StreamFigures> {
  const found = new Map<string, StreamFigures>();
  for (const entry of report.values()) {
    if (entry['type'] !== 'inbound-rtp' || typeof entry['trackIdentifier'] !== 'string') continue;
    found.set(entry['trackIdentifier'], {
      at, packets: number(entry, 'packetsReceived'), lost: number(entry, 'packetsLost'), bytes: number(entry, 'bytesReceived'),
      width: number(entry, 'frameWidth'), height: number(entry, 'frameHeight'), fps: number(entry, 'framesPerSecond'),
      codec: codecOf(report, entry), limitation: 'none',
    });
  }
  return found;
}

/** All that is sent over a transport, together; the picture is the largest layer that is sent. */
export function sentFigures(report: ReadonlyMap<string, Entry>, at: number): StreamFigures {
  const sum: StreamFigures = { at, packets: 0, lost: 0, bytes: 0, width: 0, height: 0, fps: 0, codec: '', limitation: 'none' };
  for (const entry of report.values()) {
    if (entry['type'] === 'remote-inbound-rtp') sum.lost += Math.max(0, number(entry, 'packetsLost'));
    if (entry['type'] !== 'outbound-rtp') continue;
    sum.packets += number(entry, 'packetsSent');
    sum.bytes += number(entry, 'bytesSent');
    const reason = entry['qualityLimitationReason'];
    if (reason === 'bandwidth' || (reason === 'cpu' && sum.limitation === 'none')) sum.limitation = reason;
    if (number(entry, 'framesPerSecond') === 0 || number(entry, 'frameHeight') <= sum.height) continue;
    sum.width = number(entry, 'frameWidth');
    sum.height = number(entry, 'frameHeight');
    sum.fps = number(entry, 'framesPerSecond');
    sum.codec = codecOf(report, entry);
  }
  return sum;
}

export function roundTripMs(report: ReadonlyMap<string, Entry>): number | null {
  for (const entry of report.values()) {
    if (entry['type'] !== 'transport') continue;
    const pair = report.get(String(entry['selectedCandidatePairId']));
    if (typeof pair?.['currentRoundTripTime'] === 'number') return pair['currentRoundTripTime'] * 1000;
  }
  return null;
}

function codecOf(report: ReadonlyMap<string, Entry>, entry: Entry): string {
  return String(report.get(String(entry['codecId']))?.['mimeType'] ?? '').replace(/^\w+\//, '');
}
