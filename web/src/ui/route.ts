// SPDX-License-Identifier: Apache-2.0
// Two addresses: / and /r/CODE.
import { useSyncExternalStore } from 'react';
import { parseRoomCode } from '../protocol/room-code';

const CHANGED = 'jb-navigate';

export function navigate(path: string): void {
  window.history.pushState(null, '', path);
  window.dispatchEvent(new Event(CHANGED));
}

function subscribe(listener: () => void): () => void {
  window.addEventListener('popstate', listener);
  window.addEventListener(CHANGED, listener);
  return () => {
    window.removeEventListener('popstate', listener);
    window.removeEventListener(CHANGED, listener);
  };
}

/** The room of the address, or null on the start page. */
export function useRoomCode(): string | null {
  const path = useSyncExternalStore(subscribe, () => window.location.pathname);
  return path.startsWith('/r/') ? parseRoomCode(decodeURIComponent(path)) : null;
}
