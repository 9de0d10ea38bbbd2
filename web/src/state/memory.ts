// SPDX-License-Identifier: Apache-2.0
// What a tab remembers so that reloading the page joins the call again, and what an owner keeps to end a room.
import type { Language, Voice } from '../protocol/types';

export interface JoinIntent {
  code: string;
  name: string;
  speaks: Language;
  hears: Language;
  voice: Voice;
  passcode?: string;
  /** What the last join was given, so that the server can replace the ghost of a lost connection. */
  resume?: string;
}

const CALL_KEY = 'jb.call';
const OWNER_PREFIX = 'jb.owner.';

function attempt<T>(action: () => T, otherwise: T): T {
  try {
    return action();
  } catch {
    return otherwise;
  }
}

export function rememberCall(intent: JoinIntent): void {
  attempt(() => sessionStorage.setItem(CALL_KEY, JSON.stringify(intent)), undefined);
}

export function forgetCall(): void {
  attempt(() => sessionStorage.removeItem(CALL_KEY), undefined);
}

/** The call this tab was in, if it was in that room. */
export function recallCall(code: string): JoinIntent | null {
  const stored = attempt(() => JSON.parse(sessionStorage.getItem(CALL_KEY) ?? 'null') as unknown, null);
  if (typeof stored !== 'object' || stored === null) return null;
  const intent = stored as Partial<JoinIntent>;
  if (intent.code !== code || !intent.name || !intent.speaks || !intent.hears) return null;
  return { ...(intent as JoinIntent), voice: intent.voice === 'original' ? 'original' : 'translated' };
}

const SENT_PREFIX = 'jb.sent.';
const SENT_KEPT = 300;

/** The ids of the chat messages that this tab wrote in that room: a later join has another participant id. */
export function rememberSent(code: string, ids: readonly string[]): void {
  attempt(() => sessionStorage.setItem(SENT_PREFIX + code, JSON.stringify(ids.slice(-SENT_KEPT))), undefined);
}

export function recallSent(code: string): string[] {
  const stored = attempt(() => JSON.parse(sessionStorage.getItem(SENT_PREFIX + code) ?? '[]') as unknown, []);
  return Array.isArray(stored) ? stored.filter((id): id is string => typeof id === 'string') : [];
}

export function rememberOwnerToken(code: string, token: string): void {
  attempt(() => localStorage.setItem(OWNER_PREFIX + code, token), undefined);
}

export function recallOwnerToken(code: string): string | null {
  return attempt(() => localStorage.getItem(OWNER_PREFIX + code), null);
}

export function forgetOwnerToken(code: string): void {
  attempt(() => localStorage.removeItem(OWNER_PREFIX + code), undefined);
}
