// SPDX-License-Identifier: Apache-2.0
// Ducking: how loud the original voice of a speaker is while the translated voice plays. Pure arithmetic; the nodes are
// in mixer.ts.

/** RMS above which a track counts as speaking: -50 dBFS, well above the comfort noise of a decoder fed silence. */
export const SPEAKING_RMS = 10 ** (-50 / 20);
/** Pauses between words and clauses must not let the original jump up. */
export const HOLD_MS = 800;
/** Time constants of the gain change (63 %): down quickly so that the first word is clear, up gently. */
export const ATTACK_S = 0.06;
export const RELEASE_S = 0.35;

/** Whether a voice is sounding, with a hold after its last loud moment. */
export class VoiceGate {
  private lastLoudMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly threshold = SPEAKING_RMS,
    private readonly holdMs = HOLD_MS,
  ) {}

  update(rms: number, nowMs: number): boolean {
    if (rms >= this.threshold) this.lastLoudMs = nowMs;
    return nowMs - this.lastLoudMs <= this.holdMs;
  }
}

export interface Gains {
  original: number;
  translated: number;
}

/**
 * `mix` is the slider: 0 only the original, 1 only the translation. At the default of 0.85 the original is a murmur
 * (-26 dB) below the translated voice, and comes back to full when that pauses.
 */
export function gainsFor(mix: number, translatedIsSounding: boolean): Gains {
  const m = Math.min(1, Math.max(0, mix));
  const translated = Math.min(1, 2 * m);
  if (translatedIsSounding) return { original: (1 - m) ** 1.6, translated };
  // Near the right end the original fades out altogether, also in the pauses.
  const original = m <= 0.9 ? 1 : (1 - m) / 0.1;
  return { original: Math.max(0, Math.min(1, original)), translated };
}

export const DEFAULT_MIX = 0.85;

/** Root mean square of one block of samples in -1..1. */
export function rms(samples: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < samples.length; ++i) sum += (samples[i] as number) ** 2;
  return samples.length === 0 ? 0 : Math.sqrt(sum / samples.length);
}
