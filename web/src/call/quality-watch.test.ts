// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Participant, Producer } from '../protocol/types';
import type { StreamFigures } from './quality';
import { QualityWatch, SELF, type LayersOf, type Measured, type Qualities } from './quality-watch';

const mic: Producer = { id: 'mic', kind: 'audio', source: 'mic', paused: false };
const camera: Producer = { id: 'camera', kind: 'video', source: 'camera', paused: false };
const bob = (...producers: Producer[]): Participant => ({
  id: 'bob', name: 'Bob', speaks: 'en', hears: 'en', handRaised: false, producers,
});

function setup(producers: Producer[], layers: LayersOf | null, sent: Partial<StreamFigures> | null = null) {
  let looks = 0, last: Qualities = {};
  const stream = (change: Partial<StreamFigures> = {}): StreamFigures => ({
    at: looks * 2000, packets: looks * 100, lost: 0, bytes: 0, width: 320, height: 180, fps: 24.4, codec: 'VP8', limitation: 'none', ...change,
  });
  const target: Measured = {
    figures: async () => {
      ++looks;
      const received = new Map(producers.map(({ id }) => [id, stream()]));
      return { received, sent: sent && stream(sent), receivedRttMs: 30, sentRttMs: 50 };
    },
    layersOf: () => layers,
  };
  const state = { target: target as Measured | null };
  const watch = new QualityWatch(() => state.target, () => [bob(...producers)], (qualities) => (last = qualities));
  return { watch, state, looks: () => looks, last: () => last };
}

describe('how people’s connections fare', () => {
  const page = { visibilityState: 'visible' };
  beforeEach(() => {
    vi.useFakeTimers();
    page.visibilityState = 'visible';
    vi.stubGlobal('document', page);
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });
  const full: LayersOf = { current: 0, wished: 0, count: 3, visible: true };

  it('is well when a small picture was asked for and comes', async () => {
    const { last } = setup([mic, camera], full);
    await vi.advanceTimersByTimeAsync(8000);
    expect(last()['bob']).toMatchObject({ bars: 3, picture: { width: 320, height: 180, fps: 24, codec: 'VP8', layer: 1, layers: 3 } });
  });

  it('is limited when a smaller one comes than was asked for, once that lasts', async () => {
    const { last } = setup([mic, camera], { ...full, wished: 2 });
    await vi.advanceTimersByTimeAsync(2000);
    expect(last()['bob']).toMatchObject({ cause: 'good' });
    await vi.advanceTimersByTimeAsync(2000);
    expect(last()['bob']).toMatchObject({ cause: 'limited', bars: 2 });
  });

  it('is not limited by what is not looked at, or has no layers', async () => {
    const hidden = setup([mic, camera], { ...full, wished: 2, visible: false });
    const plain = setup([mic, camera], { current: null, wished: null, count: 1, visible: true });
    await vi.advanceTimersByTimeAsync(8000);
    expect(hidden.last()['bob']).toMatchObject({ cause: 'good', picture: null });
    expect(plain.last()['bob']).toMatchObject({ cause: 'good', picture: { layer: null } });
  });

  it('is not judged of who sends nothing', async () => {
    const { last } = setup([{ ...mic, paused: true }], null);
    await vi.advanceTimersByTimeAsync(8000);
    expect(last()).toEqual({});
  });

  it('is told of oneself as well', async () => {
    const { last } = setup([], null, { limitation: 'cpu' });
    await vi.advanceTimersByTimeAsync(4000);
    expect(last()[SELF]).toMatchObject({ cause: 'busy', rttMs: 50 });
  });

  it('is not looked at in a hidden tab, without a connection, or after the call', async () => {
    const { watch, state, looks } = setup([mic], null);
    page.visibilityState = 'hidden';
    await vi.advanceTimersByTimeAsync(6000);
    page.visibilityState = 'visible';
    state.target = null;
    await vi.advanceTimersByTimeAsync(6000);
    expect(looks()).toBe(0);
    watch.close();
    await vi.advanceTimersByTimeAsync(6000);
    expect(looks()).toBe(0);
  });
});
