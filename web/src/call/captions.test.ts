// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { Caption } from '../protocol/types';
import { applyCaption, captionLagSeconds, captionLines, CAPTIONS_KEPT, mergeCaptions } from './captions';

const caption = (change: Partial<Caption> = {}): Caption => ({
  id: 'a', rev: 1, speakerId: 'p', final: false, lang: 'en', text: 'hello', translations: {}, startMs: 0, endMs: 500,
  stageMs: {}, ...change,
});

describe('the list of captions', () => {
  it('replaces a caption in place while its revision grows', () => {
    let list = [caption(), caption({ id: 'b', text: 'other' })] as readonly Caption[];
    list = applyCaption(list, caption({ rev: 2, text: 'hello there' }));
    expect(list.map(({ id, text }) => [id, text])).toEqual([['a', 'hello there'], ['b', 'other']]);
  });

  it('ignores a revision that comes late', () => {
    const list = [caption({ rev: 3, text: 'new' })];
    expect(applyCaption(list, caption({ rev: 2, text: 'old' }))).toBe(list);
    expect(applyCaption(list, caption({ rev: 3, text: 'same' }))).toBe(list);
  });

  it('changes nothing after a caption is final', () => {
    const list = [caption({ rev: 2, final: true, text: 'said' })];
    expect(applyCaption(list, caption({ rev: 9, text: 'never' }))).toBe(list);
  });

  it('loses what is withdrawn: a caption that ends without words', () => {
    const list = [caption({ rev: 2, text: 'noise' }), caption({ id: 'b', text: 'other' })];
    expect(applyCaption(list, caption({ rev: 3, final: true, text: '' })).map(({ id }) => id)).toEqual(['b']);
    expect(applyCaption([], caption({ final: true, text: ' ' }))).toEqual([]);
    expect(applyCaption(list, caption({ rev: 1, final: true, text: '' }))).toBe(list);
  });

  it('keeps a bounded number', () => {
    let list: readonly Caption[] = [];
    for (let i = 0; i < CAPTIONS_KEPT + 20; ++i) list = applyCaption(list, caption({ id: `c${i}` }));
    expect(list).toHaveLength(CAPTIONS_KEPT);
    expect(list.at(-1)?.id).toBe(`c${CAPTIONS_KEPT + 19}`);
  });

  it('merges the history of a join without doubling what is on screen', () => {
    const seen = [caption({ rev: 2, final: true })];
    const merged = mergeCaptions(seen, [caption({ rev: 2, final: true }), caption({ id: 'b' })]);
    expect(merged.map(({ id }) => id)).toEqual(['a', 'b']);
  });
});

describe('the words of a caption', () => {
  it('shows the translation large and the original below', () => {
    const lines = captionLines(caption({ translations: { es: 'hola' } }), 'es');
    expect(lines).toEqual({ main: 'hola', original: 'hello' });
  });

  it('shows the original alone to who hears that language, or has no translation', () => {
    expect(captionLines(caption({ translations: { es: 'hola' } }), 'en')).toEqual({ main: 'hello', original: null });
    expect(captionLines(caption({ lang: 'en-us', translations: { en: 'x' } }), 'en')).toEqual({ main: 'hello', original: null });
    expect(captionLines(caption(), 'es')).toEqual({ main: 'hello', original: null });
  });

  it('tells the lag of recognition and translation, and none when the server did not measure it', () => {
    expect(captionLagSeconds(caption({ stageMs: { stt: 300, translation: 50, tts: 900 } }))).toBeCloseTo(0.35);
    expect(captionLagSeconds(caption())).toBeNull();
  });

  it('tells the whole lag from the end of the voice where the server measured it', () => {
    expect(captionLagSeconds(caption({ lagMs: 1250, stageMs: { stt: 300 } }))).toBeCloseTo(1.25);
  });
});
