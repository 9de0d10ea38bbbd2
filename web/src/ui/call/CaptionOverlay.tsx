// SPDX-License-Identifier: Apache-2.0
// The last words, over the picture: at most two captions, each for a few seconds after it last changed.
import { useEffect, useRef, useState } from 'react';
import { captionLines } from '../../call/captions';
import type { Caption } from '../../protocol/types';
import type { CallStore } from '../../state/call-state';
import { useStore } from '../../state/store';
import { speakerName } from './speaker';

const SHOWN_MS = 7000;
const AT_ONCE = 2;

export function CaptionOverlay({ store }: { store: CallStore }) {
  const { captions, hears } = useStore(store, (state) => ({ captions: state.captions, hears: state.hears }));
  const recent = useRecent(captions);
  const announced = [...captions].reverse().find((caption) => caption.final);
  return (
    <>
      <div className="overlay" aria-hidden="true">
        {recent.map((caption, index) => {
          const { main, original } = captionLines(caption, hears);
          const same = recent[index - 1]?.speakerId === caption.speakerId;
          return (
            <div key={caption.id} className={`overlay-caption ${caption.final ? '' : 'partial'} ${same ? 'same-speaker' : ''}`}>
              <span className="overlay-name">{speakerName(store.get(), caption)}</span>
              <p lang={original ? hears : caption.lang}>{main}</p>
              {original && <small lang={caption.lang}>{original}</small>}
            </div>
          );
        })}
      </div>
      <div className="sr-only" aria-live="polite">
        {announced && recent.includes(announced) &&
          `${speakerName(store.get(), announced)}: ${captionLines(announced, hears).main}`}
      </div>
    </>
  );
}

function useRecent(captions: readonly Caption[]): Caption[] {
  const changed = useRef(new Map<string, { rev: number; at: number }>());
  const first = useRef(true);
  const [, rerender] = useState(0);
  const now = performance.now();
  for (const caption of captions.slice(-8)) {
    const known = changed.current.get(caption.id);
    // The history that came with the join is old, whenever it is seen.
    if (known?.rev !== caption.rev) {
      changed.current.set(caption.id, { rev: caption.rev, at: first.current && caption.final ? -SHOWN_MS : now });
    }
  }
  first.current = false;
  const age = (caption: Caption) => now - (changed.current.get(caption.id)?.at ?? -SHOWN_MS);
  const recent = captions.slice(-8).filter((caption) => age(caption) < SHOWN_MS).slice(-AT_ONCE);
  const next = recent.length > 0 ? SHOWN_MS - Math.max(...recent.map(age)) : null;
  useEffect(() => {
    if (next === null) return;
    const timer = window.setTimeout(() => rerender((n) => n + 1), next + 20);
    return () => window.clearTimeout(timer);
  }, [next]);
  return recent;
}
