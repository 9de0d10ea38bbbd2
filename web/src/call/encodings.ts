// SPDX-License-Identifier: Apache-2.0
// What a picture is encoded into, so that the server can send each receiver what fits: docs/decisions names the reasons.
// Pure arithmetic over the W3C's encoding parameters.

export type VideoCodec = 'vp8' | 'vp9' | 'av1' | 'h264';

/** Every browser of today decodes it, and none needs hardware to encode three streams of it. */
export const DEFAULT_CODEC: VideoCodec = 'vp8';
const CODECS: readonly VideoCodec[] = ['vp8', 'vp9', 'av1', 'h264'];

export interface PictureSize {
  width: number;
  height: number;
}

/** What mediasoup-client passes on to the browser, and to the server. */
export interface Encoding {
  maxBitrate: number;
  scaleResolutionDownBy?: number;
  scalabilityMode?: string;
  maxFramerate?: number;
  priority?: RTCPriorityType;
}

/** Height in pixels that layer 0 of a landscape camera comes out with; each further layer is twice as high. */
export const LOWEST_LAYER_HEIGHT = 180;
/** Of the layers below the best one, in bit/s; the best one gets what the chosen quality allows. */
const LOWER_LAYER_BITRATES = [150_000, 500_000];

/**
 * How many sizes a picture is worth: 320×180 and less one, 640×360 two, from 960×540 three. The browser's own encoder
 * draws the same lines and would never start a layer beyond them, which a receiver would then wait for.
 */
export function layerCount({ width, height }: PictureSize): number {
  const longer = Math.max(width, height);
  if (longer >= 960) return 3;
  return longer >= 480 ? 2 : 1;
}

/** Streams of their own for each size, the smallest first; or one stream that has the sizes in it (SVC). */
export function cameraEncodings(codec: VideoCodec, picture: PictureSize, maxBitrate: number): Encoding[] {
  const layers = layerCount(picture);
  // K-SVC: a picture depends on the smaller one only at key frames, so that most frames of the others need not be sent.
  if (codec === 'vp9') return [{ maxBitrate, scalabilityMode: layers > 1 ? `L${layers}T3_KEY` : 'L1T3' }];
  if (codec === 'av1') return [{ maxBitrate, scalabilityMode: `L${layers}T3` }];
  return Array.from({ length: layers }, (_, layer) => ({
    scaleResolutionDownBy: 2 ** (layers - 1 - layer),
    maxBitrate: layer === layers - 1 ? maxBitrate : Math.min(maxBitrate, LOWER_LAYER_BITRATES[layer] ?? maxBitrate),
    scalabilityMode: 'L1T3',
  }));
}

/** A screen for who has little: as sharp as for the others, with few frames. */
const SCREEN_SLOW = { maxFramerate: 3, maxBitrate: 300_000 };

/**
 * A screen is read: every layer has all its pixels, and what gives way to a narrow link is smoothness. Where a codec
 * has temporal layers only (one stream), those give way instead.
 */
export function screenEncodings(codec: VideoCodec, maxBitrate: number): Encoding[] {
  const whole: Encoding = { maxBitrate, scalabilityMode: 'L1T3' };
  if (codec === 'vp9' || codec === 'av1') return [{ ...whole, priority: 'high' }];
  return [
    // The priority is of the track as a whole: it belongs in the first encoding only.
    { ...whole, ...SCREEN_SLOW, scaleResolutionDownBy: 1, priority: 'high' },
    { ...whole, scaleResolutionDownBy: 1 },
  ];
}

/** `?codec=vp9` in the address of a room: pictures are sent in that codec by this page. For trying things out. */
export function codecOfAddress(search: string): VideoCodec {
  const asked = new URLSearchParams(search).get('codec')?.toLowerCase();
  return CODECS.find((codec) => codec === asked) ?? DEFAULT_CODEC;
}
