// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { DEFAULT_MIX, gainsFor, HOLD_MS, rms, SPEAKING_RMS, VoiceGate } from './envelope';

describe('the voice gate', () => {
  it('opens at once and holds over the pauses between words', () => {
    const gate = new VoiceGate();
    expect(gate.update(0, 0)).toBe(false);
    expect(gate.update(0.1, 40)).toBe(true);
    expect(gate.update(0, 40 + HOLD_MS)).toBe(true);
    expect(gate.update(0, 41 + HOLD_MS)).toBe(false);
  });

  it('stays closed on comfort noise', () => {
    const gate = new VoiceGate();
    for (let at = 0; at < 5000; at += 40) expect(gate.update(SPEAKING_RMS / 2, at)).toBe(false);
  });
});

describe('the gains of a mix', () => {
  it('ducks the original under a sounding translation and gives it back after', () => {
    expect(gainsFor(DEFAULT_MIX, true).original).toBeLessThan(0.06);
    expect(gainsFor(DEFAULT_MIX, true).translated).toBe(1);
    expect(gainsFor(DEFAULT_MIX, false).original).toBe(1);
  });

  it('leaves only one voice at either end', () => {
    expect(gainsFor(0, true)).toEqual({ original: 1, translated: 0 });
    expect(gainsFor(1, true)).toEqual({ original: 0, translated: 1 });
    expect(gainsFor(1, false).original).toBe(0);
  });

  it('gets quieter without steps as the slider moves right', () => {
    for (const sounding of [true, false]) {
      for (let mix = 0; mix < 1; mix += 0.05) {
        const here = gainsFor(mix, sounding), next = gainsFor(mix + 0.05, sounding);
        expect(next.original).toBeLessThanOrEqual(here.original);
        expect(next.translated).toBeGreaterThanOrEqual(here.translated);
      }
    }
  });

  it('takes values outside of the slider as its ends', () => {
    expect(gainsFor(-1, true)).toEqual(gainsFor(0, true));
    expect(gainsFor(7, false)).toEqual(gainsFor(1, false));
  });
});

it('computes the root mean square', () => {
  expect(rms([])).toBe(0);
  expect(rms([0.5, -0.5, 0.5, -0.5])).toBeCloseTo(0.5);
});
