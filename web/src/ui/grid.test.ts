// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { parseRoomCode } from '../protocol/room-code';
import { bestGrid } from './grid';
import { routeOf } from './route';

describe('the grid of tiles', () => {
  it.each([1, 2, 3, 4, 5, 7, 9, 16, 25])('fits %i tiles into any box', (count) => {
    for (const [width, height] of [[1280, 640], [360, 560], [900, 900], [360, 200]] as const) {
      const { columns, tileWidth, tileHeight } = bestGrid(count, width, height, 10);
      const rows = Math.ceil(count / columns);
      expect(columns * tileWidth + (columns - 1) * 10).toBeLessThanOrEqual(width + 1e-6);
      expect(rows * tileHeight + (rows - 1) * 10).toBeLessThanOrEqual(height + 1e-6);
    }
  });

  it('puts two people side by side on a screen and one above the other on a phone', () => {
    expect(bestGrid(2, 1280, 600).columns).toBe(2);
    expect(bestGrid(2, 360, 600).columns).toBe(1);
  });
});

describe('a room code', () => {
  it('is read from a code or a link, as people type it', () => {
    expect(parseRoomCode(' abcde-FGHIJ-klmno ')).toBe('abcde-fghij-klmno');
    expect(parseRoomCode('abcde fghij klmno')).toBe('abcde-fghij-klmno');
    expect(parseRoomCode('https://calls.example/r/abcde-fghij-klmno?x=1')).toBe('abcde-fghij-klmno');
  });

  it('is refused when it cannot be one', () => {
    for (const typed of ['', 'a', 'https://example.org/', '../../etc', 'käse-käse']) expect(parseRoomCode(typed), typed).toBeNull();
  });
});

describe('the address', () => {
  it('is the start page or a room', () => {
    expect(routeOf('/')).toEqual({ page: 'start' });
    expect(routeOf('/r/abcde-fghij-klmno')).toEqual({ page: 'room', code: 'abcde-fghij-klmno' });
  });

  it.each(['/r/%E0%A4', '/r/', '/r/a', '/r/k%C3%A4se'])('says that %s is no room', (path) => {
    expect(routeOf(path)).toEqual({ page: 'notRoom' });
  });
});
