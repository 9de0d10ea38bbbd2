// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { QualityMeter, receivedFigures, roundTripMs, sentFigures, type Circumstances, type PictureQuality } from './quality';

const picture: PictureQuality = { width: 640, height: 360, fps: 24, codec: 'VP8', layer: 2, layers: 3 };
const calm: Circumstances = { rttMs: 40, picture, expected: true, limited: false, busy: false };

/** Looks every two seconds: packets and losses of each two seconds. */
function watch(steps: [packets: number, lost: number][], around: Partial<Circumstances> = {}) {
  const meter = new QualityMeter();
  let at = 0, packets = 0, lost = 0;
  let quality = meter.feed({ at, packets, lost, bytes: 0 }, { ...calm, ...around });
  for (const [more, missed] of steps) {
    at += 2000;
    packets += more;
    lost += missed;
    quality = meter.feed({ at, packets, lost, bytes: packets * 1000 }, { ...calm, ...around });
  }
  return quality;
}

describe('the bars of a connection', () => {
  it('are three while all is well, with the figures beside them', () => {
    expect(watch([[100, 0], [100, 0]])).toEqual({ bars: 3, cause: 'good', lossPercent: 0, kbps: 400, rttMs: 40, picture });
  });

  it.each([[0, 3, 'good'], [2, 3, 'good'], [5, 2, 'lossy'], [20, 1, 'lossy']] as const)(
    'with %i packets lost of a hundred are %i', (lost, bars, cause) =>
      expect(watch([[100 - lost, lost], [100 - lost, lost]])).toMatchObject({ bars, cause, lossPercent: lost }));

  it('forget a burst after six seconds', () => {
    expect(watch([[70, 30], [100, 0], [100, 0], [100, 0]])).toMatchObject({ bars: 3 });
    expect(watch([[70, 30], [100, 0]])).toMatchObject({ bars: 1 });
  });

  it('tell a narrow link from one that loses or is slow', () => {
    expect(watch([[100, 0]], { limited: true })).toMatchObject({ bars: 2, cause: 'limited' });
    expect(watch([[100, 0]], { limited: true, picture: null })).toMatchObject({ bars: 1, cause: 'limited' });
    expect(watch([[100, 0]], { rttMs: 700 })).toMatchObject({ bars: 2, cause: 'slow' });
    expect(watch([[100, 0]], { busy: true })).toMatchObject({ bars: 2, cause: 'busy' });
  });

  it('are none when nothing arrives that should, which one look does not tell', () => {
    expect(watch([[0, 0]])).toMatchObject({ bars: 3 });
    expect(watch([[0, 0], [0, 0]])).toMatchObject({ bars: 0, cause: 'silent' });
    expect(watch([[0, 0], [0, 0]], { expected: false })).toMatchObject({ bars: 3 });
  });

  it('begin anew when a stream ended and took its counts along', () => {
    expect(watch([[100, 50], [-100, -50], [100, 0]])).toMatchObject({ bars: 3, lossPercent: 0 });
  });
});

describe('what is read of the statistics', () => {
  const report = new Map<string, Record<string, unknown>>([
    ['t', { type: 'transport', selectedCandidatePairId: 'pair' }],
    ['pair', { type: 'candidate-pair', currentRoundTripTime: 0.034 }],
    ['c', { type: 'codec', mimeType: 'video/VP8' }],
    ['in', { type: 'inbound-rtp', trackIdentifier: 'one', packetsReceived: 5, packetsLost: 1, bytesReceived: 50, frameWidth: 320, frameHeight: 180,
      framesPerSecond: 12, codecId: 'c' }],
    ['low', { type: 'outbound-rtp', packetsSent: 3, bytesSent: 30, frameWidth: 320, frameHeight: 180, framesPerSecond: 24, codecId: 'c' }],
    ['high', { type: 'outbound-rtp', packetsSent: 0, bytesSent: 0, frameWidth: 1280, frameHeight: 720, framesPerSecond: 0,
      qualityLimitationReason: 'bandwidth' }],
    ['back', { type: 'remote-inbound-rtp', packetsLost: 2 }],
  ]);

  it('is each stream by its track, the time of the path, and all that is sent', () => {
    expect(receivedFigures(report, 7).get('one')).toEqual({
      at: 7, packets: 5, lost: 1, bytes: 50, width: 320, height: 180, fps: 12, codec: 'VP8', limitation: 'none' });
    expect(roundTripMs(report)).toBe(34);
    expect(sentFigures(report, 7)).toEqual({
      at: 7, packets: 3, lost: 2, bytes: 30, width: 320, height: 180, fps: 24, codec: 'VP8', limitation: 'bandwidth' });
  });

  it('is nothing where nothing is told', () => {
    expect(receivedFigures(new Map(), 0).size).toBe(0);
    expect(roundTripMs(new Map())).toBeNull();
  });
});
