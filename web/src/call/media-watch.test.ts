// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { pathCounters, PlayoutDelay, SilenceWatch } from './media-watch';

describe('a path that falls silent', () => {
  /** Looks every 250 ms; each number is the packets that came since the last look. Returns the looks that told. */
  const looks = (arrivals: number[], every = 250) => {
    const watch = new SilenceWatch();
    let packets = 0;
    return arrivals.flatMap((count, index) => {
      packets += count;
      return watch.feed(index * every, packets) ? [index] : [];
    });
  };
  const busy = (n: number) => Array.from({ length: n }, () => 10);
  const silent = (n: number) => Array.from({ length: n }, () => 0);

  it('is told once, within about a second', () => {
    expect(looks([...busy(20), ...silent(20)])).toEqual([22]);
  });

  it('is told again only after it was busy again', () => {
    expect(looks([...busy(20), ...silent(8), ...busy(20), ...silent(8)])).toEqual([22, 50]);
    expect(looks([...busy(20), ...silent(8), ...busy(4), ...silent(8)])).toEqual([22]);
  });

  it('is told where a report still comes now and then', () => {
    const now = (n: number) => Array.from({ length: n }, (_, index) => (index % 2 === 0 ? 1 : 0));
    expect(looks([...busy(20), ...now(20)])).toHaveLength(1);
  });

  it('is not told of feedback that comes ten times a second', () => {
    expect(looks(Array.from({ length: 100 }, (_, index) => (index % 3 === 0 ? 3 : 2)))).toEqual([]);
  });

  it('is not told of a path that never was busy', () => {
    expect(looks(silent(40))).toEqual([]);
    expect(looks(Array.from({ length: 40 }, (_, index) => (index % 4 === 0 ? 1 : 0)))).toEqual([]);
  });

  it('is not told after the page itself stood still', () => {
    const watch = new SilenceWatch();
    for (let at = 0; at <= 4000; at += 250) watch.feed(at, at);
    expect(watch.feed(16_000, 4000)).toBe(false);
    expect(watch.feed(16_250, 4000)).toBe(false);
    expect(watch.feed(17_250, 4000)).toBe(false);
  });

  it('is not told of a short hole', () => {
    expect(looks([...busy(20), ...silent(2), ...busy(5), ...silent(2), ...busy(5)])).toEqual([]);
  });
});

describe('when a stream is played', () => {
  const feed = (delay: PlayoutDelay, from: number, seconds: number, lost: number) => {
    let last: number | null = null;
    const start = from * 1000;
    for (let second = 0; second <= seconds; ++second) {
      total.missed += second === 0 ? 0 : lost;
      total.packets += second === 0 ? 0 : 100 - lost;
      last = delay.feed(start + second * 1000, total.packets, total.missed);
    }
    return last;
  };
  const total = { packets: 0, missed: 0 };

  it('is the browser’s matter while hardly anything is lost', () => {
    expect(feed(new PlayoutDelay(), 0, 20, 1)).toBeNull();
  });

  it('is later while much is lost, and for a while after', () => {
    const delay = new PlayoutDelay();
    expect(feed(delay, 0, 6, 10)).toBeGreaterThan(100);
    expect(feed(delay, 7, 10, 0)).toBeGreaterThan(100);
    expect(feed(delay, 18, 20, 0)).toBeNull();
  });

  it('does not change for the first packets', () => {
    expect(new PlayoutDelay().feed(0, 1, 50)).toBeNull();
  });
});

describe('the counters of a path', () => {
  it('are those of its transport and of what it receives', () => {
    expect(pathCounters([
      { type: 'transport', packetsReceived: 12 },
      { type: 'inbound-rtp', kind: 'video', ssrc: 5, packetsReceived: 7, packetsLost: -1, nackCount: 2 },
      { type: 'inbound-rtp', kind: 'audio', ssrc: 6, packetsReceived: 3, packetsLost: 4 },
      { type: 'outbound-rtp', packetsSent: 99 },
    ])).toEqual({
      packets: 12,
      streams: [{ ssrc: 5, kind: 'video', packets: 7, missed: 2 }, { ssrc: 6, kind: 'audio', packets: 3, missed: 4 }],
    });
  });
});
