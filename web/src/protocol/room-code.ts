// SPDX-License-Identifier: Apache-2.0
/** What a person typed or pasted (a code, or a whole link) as a room code; null when it cannot be one. */
export function parseRoomCode(typed: string): string | null {
  const text = typed.trim();
  const link = /\/r\/([^/?#\s]+)/.exec(text);
  const code = (link?.[1] ?? text).toLowerCase().replace(/[\s_]+/g, '-');
  return /^[a-z0-9][a-z0-9-]{2,63}$/.test(code) ? code : null;
}

export const roomPath = (code: string) => `/r/${code}`;
export const roomLink = (code: string) => new URL(roomPath(code), window.location.origin).href;
