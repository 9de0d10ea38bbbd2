// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { cameraEncodings, codecOfAddress, layerCount, screenEncodings } from './encodings';

const hd = { width: 1280, height: 720 };

describe('the layers of a camera', () => {
  it('are three streams in VP8, each twice as large as the one before', () => {
    expect(cameraEncodings('vp8', hd, 1_500_000)).toEqual([
      { scaleResolutionDownBy: 4, maxBitrate: 150_000, scalabilityMode: 'L1T3' },
      { scaleResolutionDownBy: 2, maxBitrate: 500_000, scalabilityMode: 'L1T3' },
      { scaleResolutionDownBy: 1, maxBitrate: 1_500_000, scalabilityMode: 'L1T3' },
    ]);
  });

  it.each([[1280, 720, 3], [960, 540, 3], [640, 360, 2], [640, 480, 2], [480, 270, 2], [320, 180, 1], [0, 0, 1]])(
    'of %i×%i number %3$i', (width, height, layers) => {
      expect(layerCount({ width, height })).toBe(layers);
      expect(cameraEncodings('vp8', { width, height }, 700_000)).toHaveLength(layers);
      expect(layerCount({ width: height, height: width }), 'held upright').toBe(layers);
    });

  it('leave the picture as it is at the top, and never get more than the quality allows', () => {
    for (const size of [hd, { width: 640, height: 360 }, { width: 320, height: 180 }]) {
      for (const maxBitrate of [200_000, 700_000, 1_500_000]) {
        const encodings = cameraEncodings('vp8', size, maxBitrate);
        expect(encodings.at(-1)).toMatchObject({ scaleResolutionDownBy: 1, maxBitrate });
        expect(Math.max(...encodings.map((encoding) => encoding.maxBitrate))).toBe(maxBitrate);
      }
    }
  });

  it('are in one stream in VP9 and AV1', () => {
    expect(cameraEncodings('vp9', hd, 1_500_000)).toEqual([{ maxBitrate: 1_500_000, scalabilityMode: 'L3T3_KEY' }]);
    expect(cameraEncodings('av1', hd, 1_500_000)).toEqual([{ maxBitrate: 1_500_000, scalabilityMode: 'L3T3' }]);
    expect(cameraEncodings('vp9', { width: 320, height: 180 }, 200_000)).toEqual([{ maxBitrate: 200_000, scalabilityMode: 'L1T3' }]);
  });
});

describe('a shared screen', () => {
  it.each(['vp8', 'vp9', 'av1', 'h264'] as const)('keeps all its pixels in every layer of %s', (codec) => {
    const encodings = screenEncodings(codec, 2_500_000);
    expect(encodings.every(({ scaleResolutionDownBy = 1 }) => scaleResolutionDownBy === 1)).toBe(true);
    // It is of the whole track; with one in each encoding Chromium sent nothing.
    expect(encodings.map(({ priority }) => priority)).toEqual(['high', ...encodings.slice(1).map(() => undefined)]);
    expect(encodings.at(-1)).toMatchObject({ maxBitrate: 2_500_000 });
  });

  it('gives up smoothness first', () => {
    const [slow, whole] = screenEncodings('vp8', 2_500_000);
    expect(slow).toMatchObject({ maxFramerate: 3, maxBitrate: 300_000 });
    expect(whole).not.toHaveProperty('maxFramerate');
  });
});

describe('the codec in the address', () => {
  it.each([['?codec=vp9', 'vp9'], ['?codec=AV1', 'av1'], ['?x=1&codec=h264', 'h264'], ['', 'vp8'], ['?codec=', 'vp8'],
    ['?codec=mpeg1', 'vp8']])('%s is %s', (search, codec) => expect(codecOfAddress(search)).toBe(codec));
});
