// SPDX-License-Identifier: Apache-2.0
// The keyboard of a call: M, V, C, Escape, and Space held to talk.
import { useEffect } from 'react';
import type { CallSession } from '../../call/session';

interface Actions {
  toggleCaptions: () => void;
  escape: () => void;
}

/** Inputs that take no letters: a key pressed there is meant for the call. */
const WITHOUT_LETTERS = new Set(['checkbox', 'radio', 'range', 'button', 'submit', 'reset', 'color', 'file', 'image']);

interface Field {
  tagName?: string;
  type?: string;
  isContentEditable?: boolean;
}

export function isTyping(target: EventTarget | null): boolean {
  const { tagName, type, isContentEditable } = (target ?? {}) as Field;
  if (isContentEditable || tagName === 'TEXTAREA' || tagName === 'SELECT') return true;
  return tagName === 'INPUT' && !WITHOUT_LETTERS.has(type ?? 'text');
}

/** Somebody who walks the page by keyboard presses buttons with Space; after a mouse click Space is for talking. */
function usesSpaceItself(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches('button, summary, a, [role=tab], [type=checkbox]') && target.matches(':focus-visible');
}

export function useKeys(session: CallSession, actions: Actions): void {
  useEffect(() => {
    const down = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === 'Escape') return actions.escape();
      if (isTyping(event.target)) return;
      if (event.code === 'Space') {
        if (usesSpaceItself(event.target)) return;
        event.preventDefault();
        if (!event.repeat) session.setPushToTalk(true);
        return;
      }
      if (event.repeat) return;
      const { microphoneOn, cameraWanted } = session.store.get();
      switch (event.key.toLowerCase()) {
        case 'm': return session.setMicrophone(!microphoneOn);
        case 'v': return session.setCamera(!cameraWanted);
        case 'c': return actions.toggleCaptions();
      }
    };
    const up = (event: KeyboardEvent) => {
      if (event.code !== 'Space') return;
      // A button focused by mouse would be clicked by the release of Space.
      if (session.store.get().pushToTalk) event.preventDefault();
      session.setPushToTalk(false);
    };
    const lost = () => session.setPushToTalk(false);
    window.addEventListener('keydown', down);
    window.addEventListener('keyup', up);
    window.addEventListener('blur', lost);
    return () => {
      window.removeEventListener('keydown', down);
      window.removeEventListener('keyup', up);
      window.removeEventListener('blur', lost);
    };
  }, [session, actions]);
}
