// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { layerFor, linesToCover, Viewing } from './viewing';

describe('the layer for a place', () => {
  it.each([[100, 0], [180, 0], [216, 0], [217, 1], [360, 1], [432, 1], [433, 2], [2000, 2]])(
    'of %i lines is %i of three', (lines, layer) => expect(layerFor(3, lines, null)).toBe(layer));

  it('is never beyond the layers there are', () => {
    expect(layerFor(2, 2000, null)).toBe(1);
    expect(layerFor(1, 2000, null)).toBe(0);
    expect(layerFor(2, 2000, 2)).toBe(1);
  });

  it('stays near a border, from whichever side it came', () => {
    for (const lines of [185, 200, 215]) {
      expect(layerFor(3, lines, 0)).toBe(0);
      expect(layerFor(3, lines, 1)).toBe(1);
    }
    expect(layerFor(3, 220, 0)).toBe(1);
    expect(layerFor(3, 175, 1)).toBe(0);
  });

  it('has to cover it: a narrow, high place takes its height', () => {
    expect(linesToCover({ width: 640, height: 360 })).toBe(360);
    expect(linesToCover({ width: 200, height: 400 })).toBe(400);
    expect(linesToCover({ width: 1600, height: 300 })).toBe(900);
  });
});

describe('what is asked of the server', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());
  const place = {}, other = {};
  const small = { width: 300, height: 170 }, large = { width: 1280, height: 720 };

  function setup(layers = 3) {
    const tell = vi.fn();
    const viewing = new Viewing(tell);
    return { tell, viewing, first: viewing.add('p', layers) };
  }

  it('is the picture at once, and its layer as soon as its place is known', () => {
    const { tell, viewing, first } = setup();
    expect(first).toEqual({ visible: true, spatialLayer: null });
    viewing.show('p', place, small);
    expect(tell.mock.calls).toEqual([['p', { visible: true, spatialLayer: 0 }]]);
  });

  it('is nothing of a picture that comes while the page is hidden', () => {
    const { viewing } = setup();
    viewing.setPageVisible(false);
    expect(viewing.add('q', 3)).toEqual({ visible: false, spatialLayer: null });
  });

  it('follows a size that lasts, and no step on the way to it', () => {
    const { tell, viewing } = setup();
    viewing.show('p', place, small);
    tell.mockClear();
    for (const height of [300, 500, 300, 500, 720]) {
      viewing.show('p', place, { width: (height * 16) / 9, height });
      vi.advanceTimersByTime(100);
    }
    expect(tell).not.toHaveBeenCalled();
    vi.advanceTimersByTime(400);
    expect(tell.mock.calls).toEqual([['p', { visible: true, spatialLayer: 2 }]]);
  });

  it('does not change for a look at another tab, ends after a longer one, and is back at once', () => {
    const { tell, viewing } = setup();
    viewing.show('p', place, large);
    tell.mockClear();
    viewing.setPageVisible(false);
    vi.advanceTimersByTime(1000);
    viewing.setPageVisible(true);
    vi.advanceTimersByTime(10_000);
    expect(tell).not.toHaveBeenCalled();
    viewing.setPageVisible(false);
    vi.advanceTimersByTime(1500);
    expect(tell.mock.calls).toEqual([['p', { visible: false, spatialLayer: 2 }]]);
    viewing.setPageVisible(true);
    expect(tell).toHaveBeenLastCalledWith('p', { visible: true, spatialLayer: 2 });
  });

  it('ends for a tile that was scrolled out of sight', () => {
    const { tell, viewing } = setup(1);
    viewing.show('p', place, small);
    viewing.show('p', place, null);
    vi.advanceTimersByTime(1499);
    expect(tell).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(tell.mock.calls).toEqual([['p', { visible: false, spatialLayer: null }]]);
  });

  it('goes by the largest place, and does not flicker when a tile moves from one to another', () => {
    const { tell, viewing } = setup();
    viewing.show('p', place, small);
    viewing.show('p', other, large);
    vi.advanceTimersByTime(400);
    expect(tell).toHaveBeenLastCalledWith('p', { visible: true, spatialLayer: 2 });
    tell.mockClear();
    viewing.show('p', other, null);
    viewing.show('p', other, large);
    vi.advanceTimersByTime(10_000);
    expect(tell).not.toHaveBeenCalled();
  });

  it('is known from the start for a picture whose place was there before, and over after it is gone', () => {
    const { tell, viewing } = setup();
    viewing.show('q', place, small);
    expect(viewing.add('q', 3)).toEqual({ visible: true, spatialLayer: 0 });
    viewing.show('q', place, large);
    viewing.remove('q');
    vi.advanceTimersByTime(10_000);
    expect(tell).not.toHaveBeenCalled();
  });
});
