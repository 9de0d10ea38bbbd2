// SPDX-License-Identifier: Apache-2.0
// How a call stays up: a pure state machine. It hears what happened to the socket, the room and the media path, and
// answers what to do. No timers and no network in here; call/session.ts carries the actions out.
//
//   connecting ──socketUp──► joining ──joined──► live ◄──────────────┐
//        ▲                      │                 │ mediaBroken       │ mediaRestored
//        └──────socketDown──────┴─────────────────┤                   │
//                                                 └──► repairing ─────┘   after MAX_ICE_RESTARTS: joining again
//
// A transport that the server ended (its worker died) is made anew within the same join: `transportLost`.

export type LinkPhase = 'connecting' | 'joining' | 'live' | 'repairing' | 'ended';

export interface LinkState {
  phase: LinkPhase;
  /** Whether this call was live before: then the interface says «reconnecting» and keeps everything on screen. */
  wasLive: boolean;
  iceRestarts: number;
  /** Transports that the server ended since media last got through. */
  transportsLost: number;
  /** Media got through on the present join. */
  mediaUp: boolean;
  /** Joins in a row whose media never got through. */
  mediaFailures: number;
  /** Attempts in a row to reach the server, and to join, that failed; and what the last join was told. */
  socketFailures: number;
  joinFailures: number;
  refusal: string | null;
  /** Why it ended; a failure code. */
  reason: string | null;
}

export type LinkEvent =
  | { type: 'socketUp' }
  | { type: 'socketDown' }
  | { type: 'attemptFailed' }
  | { type: 'joined' }
  | { type: 'joinFailed'; code: string }
  | { type: 'mediaBroken' }
  | { type: 'mediaRestored' }
  | { type: 'transportLost' }
  | { type: 'restartFailed' }
  | { type: 'woke' }
  | { type: 'roomClosed' }
  | { type: 'left' };

export type LinkAction = 'join' | 'joinLater' | 'restartIce' | 'reopen' | 'check' | 'release';

export const MAX_ICE_RESTARTS = 2;
/** Two are lost with one worker. A server that loses them again and again is to be asked anew for everything. */
const MAX_TRANSPORTS_LOST = 4;
/** Answers that trying again cannot change. */
const FINAL_REFUSALS = new Set([
  'room_not_found',
  'room_full',
  'wrong_passcode',
  'passcode_required',
  'unsupported_language',
  'invalid_request',
  'unsupported_browser',
]);

export const initialLink: LinkState = {
  phase: 'connecting',
  wasLive: false,
  iceRestarts: 0,
  transportsLost: 0,
  mediaUp: false,
  mediaFailures: 0,
  socketFailures: 0,
  joinFailures: 0,
  refusal: null,
  reason: null,
};

export interface LinkStep {
  state: LinkState;
  actions: LinkAction[];
}

export function isFinalRefusal(code: string): boolean {
  return FINAL_REFUSALS.has(code);
}

export function step(state: LinkState, event: LinkEvent): LinkStep {
  if (state.phase === 'ended') return { state, actions: [] };
  switch (event.type) {
    case 'socketUp':
      return state.phase === 'connecting'
        ? { state: { ...state, phase: 'joining', socketFailures: 0 }, actions: ['join'] }
        : { state, actions: [] };
    case 'socketDown':
      return { state: { ...state, phase: 'connecting', iceRestarts: 0 }, actions: [] };
    case 'attemptFailed':
      if (state.phase !== 'connecting') return { state, actions: [] };
      return { state: { ...state, socketFailures: state.socketFailures + 1 }, actions: [] };
    case 'joined':
      if (state.phase !== 'joining') return { state, actions: [] };
      return {
        state: { ...state, phase: 'live', wasLive: true, iceRestarts: 0, transportsLost: 0, joinFailures: 0, refusal: null, mediaUp: false },
        actions: [],
      };
    case 'joinFailed':
      if (state.phase !== 'joining') return { state, actions: [] };
      if (isFinalRefusal(event.code) && !mayPass(state, event.code)) return end(state, event.code);
      return {
        state: { ...state, joinFailures: state.joinFailures + 1, refusal: event.code },
        actions: ['joinLater'],
      };
    case 'mediaBroken':
      return state.phase === 'live' || state.phase === 'repairing' ? repair(state) : { state, actions: [] };
    case 'transportLost':
      if (state.phase !== 'live' && state.phase !== 'repairing') return { state, actions: [] };
      if (state.transportsLost >= MAX_TRANSPORTS_LOST) return rejoin(state);
      return { state: { ...state, phase: 'repairing', transportsLost: state.transportsLost + 1 }, actions: ['reopen'] };
    case 'woke':
      // Nothing may be wrong: that is found out without a word.
      return { state, actions: state.phase === 'live' || state.phase === 'repairing' ? ['check'] : [] };
    case 'restartFailed':
      return state.phase === 'repairing' ? rejoin(state) : { state, actions: [] };
    case 'mediaRestored':
      return state.phase === 'repairing' || state.phase === 'live'
        ? { state: { ...state, phase: 'live', iceRestarts: 0, transportsLost: 0, mediaUp: true, mediaFailures: 0 }, actions: [] }
        : { state, actions: [] };
    case 'roomClosed':
      return end(state, 'room_closed');
    case 'left':
      return end(state, 'left');
  }
}

/** Right after its start a server does not know its languages yet: no reason to throw somebody out of a call. */
function mayPass(state: LinkState, code: string): boolean {
  return state.wasLive && code === 'unsupported_language';
}

function repair(state: LinkState): LinkStep {
  // A path that never was there is hardly found by looking for it again and again.
  const limit = state.mediaUp ? MAX_ICE_RESTARTS : 1;
  if (state.iceRestarts >= limit) {
    return rejoin({ ...state, mediaFailures: state.mediaUp ? 0 : state.mediaFailures + 1 });
  }
  return {
    state: { ...state, phase: 'repairing', iceRestarts: state.iceRestarts + 1 },
    actions: ['restartIce'],
  };
}

function rejoin(state: LinkState): LinkStep {
  return { state: { ...state, phase: 'joining', iceRestarts: 0, transportsLost: 0 }, actions: ['join'] };
}

function end(state: LinkState, reason: string): LinkStep {
  return { state: { ...state, phase: 'ended', reason }, actions: ['release'] };
}

/** After that many joins without media it is the network that does not let calls through. */
const BLOCKED_AFTER = 2;
/** After that many failures in a row «connecting» is not the whole truth any more. */
const UNREACHABLE_AFTER = 2;
/** Failures of joining that are no answer of the server's. */
const NO_ANSWER = new Set(['timeout', 'not_connected', 'unexpected', 'already_joined']);

/** Answers in which the server says plainly what is the matter: nobody has to wait for a second one. */
const TOLD_AT_ONCE = new Set(['draining', 'media_unavailable']);

/** What is to be said about the link, as keys of the language table, the most important first. */
export function linkSentences(link: LinkState): string[] {
  const sentences: string[] = [];
  const away = link.phase === 'connecting' || link.phase === 'joining';
  if (link.mediaFailures >= BLOCKED_AFTER && !link.mediaUp) sentences.push('call.blocked');
  if (link.phase === 'repairing') sentences.push('call.repairing');
  if (!away) return sentences;
  const failing =
    link.phase === 'connecting'
      ? link.socketFailures >= UNREACHABLE_AFTER && 'server_unreachable'
      : (link.joinFailures >= UNREACHABLE_AFTER || TOLD_AT_ONCE.has(link.refusal ?? '')) && (NO_ANSWER.has(link.refusal ?? 'timeout') ? 'server_unreachable' : link.refusal);
  // What was live stays on screen: it is also said that it is being brought back.
  if (!failing || link.wasLive) sentences.push(link.wasLive ? 'call.reconnecting' : 'call.connecting');
  if (failing) sentences.push(`failure.${failing}`);
  return sentences;
}

/** How long to wait before joining is tried again, in milliseconds: 0.5 s doubling to 5 s. */
export function joinDelayMs(failures: number): number {
  return Math.min(5000, 500 * 2 ** Math.max(0, failures - 1));
}
