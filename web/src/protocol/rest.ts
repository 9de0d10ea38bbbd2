// SPDX-License-Identifier: Apache-2.0
// The REST calls that the pages make. Every failure is a Failure with a code that the interface has words for.
import { Failure } from './failure';
import type { CreatedRoom, Language, RoomInfo, ServerLanguages } from './types';

const TIMEOUT_MS = 10_000;

async function call<T>(method: string, path: string, body?: unknown, token?: string): Promise<T> {
  const headers: Record<string, string> = {};
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (token) headers['Authorization'] = `Bearer ${token}`;
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch {
    throw new Failure('server_unreachable', 'The server did not answer.');
  }
  const answer: unknown = await response.json().catch(() => null);
  if (!response.ok) {
    const error = (answer as { error?: { code?: string; message?: string } } | null)?.error;
    // A proxy in front of a gateway that is away answers 502..504 without our error body.
    throw new Failure(error?.code ?? 'server_unreachable', error?.message ?? `HTTP ${response.status}`);
  }
  return answer as T;
}

const roomPath = (code: string) => `/api/v1/rooms/${encodeURIComponent(code)}`;

export const rest = {
  languages: () => call<ServerLanguages>('GET', '/api/v1/languages'),
  room: (code: string) => call<RoomInfo>('GET', roomPath(code)),
  createRoom: (options: { name?: string; passcode?: string }) =>
    call<CreatedRoom>('POST', '/api/v1/rooms', options),
  deleteRoom: (code: string, ownerToken: string) =>
    call<unknown>('DELETE', roomPath(code), undefined, ownerToken),
  transcriptUrl: (code: string, format: 'txt' | 'vtt' | 'srt' | 'json', lang: Language) =>
    `${roomPath(code)}/transcript?format=${format}&lang=${encodeURIComponent(lang)}`,
};
