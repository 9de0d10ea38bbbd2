// SPDX-License-Identifier: Apache-2.0
// What the counters of a connection tell sooner than its states do: that a path which carried packets all the time has
// fallen silent, and that a stream loses so much that it should be played a little later. No timers and no WebRTC in here;
// connection.ts feeds it.

/** A path counts as busy while its packets come at most this far apart: feedback comes every 100 ms, sound every 20 ms. */
const BUSY_GAP_MS = 450;
/** Only a path that was busy this long can fall silent: of others silence says nothing. */
const BUSY_FOR_MS = 2000;
/**
 * So long with hardly a packet, and something is broken. Browsers find out after 2.5 s. Where only our own packets are lost, a
 * report or a request for a key frame still comes now and then.
 */
const SILENT_MS = 600;
const QUIET_PACKETS = 2;
const SILENT_LOOKED_FOR_MS = 3000;
/** Looked at less often than this, the page itself stood still: nothing can be said about the time in between. */
const LOOKED_AWAY_MS = 600;

export class SilenceWatch {
  private looks: { at: number; packets: number }[] = [];
  private heardAt = 0;
  private busySince = 0;
  /** When it was last known to be busy; nothing is told twice of one silence. */
  private busyAt = -Infinity;

  /** The packets received so far; true once when the path has fallen silent. */
  feed(at: number, packets: number): boolean {
    const last = this.looks.at(-1);
    this.looks.push({ at, packets });
    if (!last || at - last.at > LOOKED_AWAY_MS) {
      this.looks = [{ at, packets }];
      this.heardAt = this.busySince = at;
      this.busyAt = -Infinity;
      return false;
    }
    if (packets !== last.packets) {
      if (at - this.heardAt > BUSY_GAP_MS) this.busySince = at;
      this.heardAt = at;
      if (at - this.busySince >= BUSY_FOR_MS && !this.quiet(at)) this.busyAt = at;
    }
    if (at - this.busyAt > SILENT_LOOKED_FOR_MS || !this.quiet(at)) return false;
    this.busyAt = -Infinity;
    return true;
  }

  /** Next to nothing came lately. */
  private quiet(at: number): boolean {
    while ((this.looks[1]?.at ?? at) <= at - SILENT_MS) this.looks.shift();
    const [first] = this.looks, last = this.looks.at(-1);
    return first !== undefined && last !== undefined && first.at <= at - SILENT_MS && last.packets - first.packets <= QUIET_PACKETS;
  }
}

/**
 * What is lost can be sent again twice in that time: a picture at 15 a second shows that the one before lacks a packet after
 * 67 ms, browsers ask again after 100, and each time it takes a round trip.
 */
const LOSSY_PLAYOUT_MS = 280;
const LOSSY_SHARE = 0.03;
const CLEAN_SHARE = 0.01;
/** Long enough that a single burst is no lossy network. */
const WINDOW_MS = 5000;
const CLEAN_FOR_MS = 15_000;

/** How late a stream is to be played: null, as the browser likes, until much of it is lost and has to be sent again. */
export class PlayoutDelay {
  private readonly window: { at: number; packets: number; missed: number }[] = [];
  private lossyAt = -Infinity;
  private delay: number | null = null;

  /** Packets received so far, and those missed or asked for again. */
  feed(at: number, packets: number, missed: number): number | null {
    this.window.push({ at, packets, missed });
    while (this.window.length > 1 && at - (this.window[0] as { at: number }).at > WINDOW_MS) this.window.shift();
    const first = this.window[0] as { at: number; packets: number; missed: number };
    if (at - first.at < WINDOW_MS / 2) return this.delay;
    const came = Math.max(0, packets - first.packets), lost = Math.max(0, missed - first.missed);
    const share = came + lost > 0 ? lost / (came + lost) : 0;
    if (share > CLEAN_SHARE) this.lossyAt = at;
    if (share >= LOSSY_SHARE) this.delay = LOSSY_PLAYOUT_MS;
    else if (at - this.lossyAt > CLEAN_FOR_MS) this.delay = null;
    return this.delay;
  }
}

/** What is read of a transport's statistics: the packets of all kinds that came, and per received stream its losses. */
export interface PathCounters {
  packets: number;
  streams: { ssrc: number; kind: string; packets: number; missed: number }[];
}

export function pathCounters(report: Iterable<Record<string, unknown>>): PathCounters {
  const counters: PathCounters = { packets: 0, streams: [] };
  for (const entry of report) {
    const number = (key: string) => (typeof entry[key] === 'number' ? (entry[key] as number) : 0);
    if (entry['type'] === 'transport') counters.packets += number('packetsReceived');
    if (entry['type'] !== 'inbound-rtp') continue;
    // A packet that came late counts as asked for only, one that never came perhaps twice: it is lossy either way.
    const missed = Math.max(number('packetsLost'), number('nackCount'));
    counters.streams.push({ ssrc: number('ssrc'), kind: String(entry['kind']), packets: number('packetsReceived'), missed });
  }
  return counters;
}
