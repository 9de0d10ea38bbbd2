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

export type Route = { page: 'start' } | { page: 'room'; code: string } | { page: 'notRoom' };

export function routeOf(path: string): Route {
  if (!path.startsWith('/r/')) return { page: 'start' };
  let decoded: string;
  try {
    decoded = decodeURIComponent(path);
  } catch {
    return { page: 'notRoom' };
  }
  const code = parseRoomCode(decoded);
  return code ? { page: 'room', code } : { page: 'notRoom' };
}

export function useRoute(): Route {
  return routeOf(useSyncExternalStore(subscribe, () => window.location.pathname));
}
