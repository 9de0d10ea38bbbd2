// SPDX-License-Identifier: Apache-2.0
// The REST calls that the pages make. Every failure is a Failure with a code that the interface has words for.
import { Failure } from './failure';
import type { CreatedRoom, Language, RoomInfo, ServerLanguages } from './types';

const TIMEOUT_MS = 10_000;

/** What opens the transcript of a room with a passcode: of its owner or a member, or the passcode itself. */
export interface Access {
  token?: string | undefined;
  passcode?: string | undefined;
}

async function send(method: string, path: string, access: Access = {}, body?: unknown): Promise<Response> {
  const headers: Record<string, string> = {};
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (access.token) headers['Authorization'] = `Bearer ${access.token}`;
  if (access.passcode) headers['X-Room-Passcode'] = encodeURIComponent(access.passcode);
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
  if (response.ok) return response;
  const answer: unknown = await response.json().catch(() => null);
  const error = (answer as { error?: { code?: string; message?: string } } | null)?.error;
  // A proxy in front of a gateway that is away answers 502..504 without our error body.
  throw new Failure(error?.code ?? 'server_unreachable', error?.message ?? `HTTP ${response.status}`);
}

async function call<T>(method: string, path: string, body?: unknown, token?: string): Promise<T> {
  const response = await send(method, path, { token }, body);
  return (await response.json().catch(() => null)) as T;
}

const roomPath = (code: string) => `/api/v1/rooms/${encodeURIComponent(code)}`;

export const rest = {
  languages: () => call<ServerLanguages>('GET', '/api/v1/languages'),
  room: (code: string) => call<RoomInfo>('GET', roomPath(code)),
  createRoom: (options: { name?: string; passcode?: string }) =>
    call<CreatedRoom>('POST', '/api/v1/rooms', options),
  deleteRoom: (code: string, ownerToken: string) =>
    call<unknown>('DELETE', roomPath(code), undefined, ownerToken),
  transcript: async (code: string, lang: Language, access: Access): Promise<Blob> => {
    const response = await send('GET', `${roomPath(code)}/transcript?format=txt&lang=${encodeURIComponent(lang)}`, access);
    return response.blob();
  },
};
