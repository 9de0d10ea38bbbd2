// SPDX-License-Identifier: Apache-2.0
// The list of captions: the same id is replaced in place while its revision grows, and never after it is final. One
// without words is withdrawn: nobody said it after all.
import type { Caption, Language } from '../protocol/types';

/** Enough for the panel; the whole talk is in the transcript that the server keeps. */
export const CAPTIONS_KEPT = 300;

export function applyCaption(list: readonly Caption[], caption: Caption): readonly Caption[] {
  const index = list.findIndex((known) => known.id === caption.id);
  const withdrawn = caption.text.trim() === '';
  if (index < 0) return withdrawn ? list : [...list, caption].slice(-CAPTIONS_KEPT);
  const known = list[index] as Caption;
  if (known.final || caption.rev <= known.rev) return list;
  if (withdrawn) return list.filter((other) => other !== known);
  const next = list.slice();
  next[index] = caption;
  return next;
}

/** The history that a join brings, merged with what is already on screen from before a lost connection. */
export function mergeCaptions(list: readonly Caption[], history: readonly Caption[]): readonly Caption[] {
  return history.reduce(applyCaption, list);
}

/** The text to show large, and the original below it when that is another one. */
export function captionLines(caption: Caption, hears: Language): { main: string; original: string | null } {
  const translated = sameLanguage(caption.lang, hears) ? undefined : caption.translations[hears];
  return translated ? { main: translated, original: caption.text } : { main: caption.text, original: null };
}

/** Seconds between the end of the words and the caption, as the server measured; else at least of its stages. */
export function captionLagSeconds(caption: Caption): number | null {
  if (caption.lagMs !== undefined) return caption.lagMs / 1000;
  const { stt, translation } = caption.stageMs;
  if (stt === undefined) return null;
  return (stt + (translation ?? 0)) / 1000;
}

export function sameLanguage(a: Language, b: Language): boolean {
  return a.split('-')[0]?.toLowerCase() === b.split('-')[0]?.toLowerCase();
}
