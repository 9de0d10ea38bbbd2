// SPDX-License-Identifier: Apache-2.0
// How a call stays up: a pure state machine. It hears what happened to the socket, the room and the media path, and
// answers what to do. No timers and no network in here; call/session.ts carries the actions out.
//
//   connecting ──socketUp──► joining ──joined──► live ◄──────────────┐
//        ▲                      │                 │ mediaBroken       │ mediaRestored
//        └──────socketDown──────┴─────────────────┤                   │
//                                                 └──► repairing ─────┘   after MAX_ICE_RESTARTS: joining again

export type LinkPhase = 'connecting' | 'joining' | 'live' | 'repairing' | 'ended';

export interface LinkState {
  phase: LinkPhase;
  /** Whether this call was live before: then the interface says «reconnecting» and keeps everything on screen. */
  wasLive: boolean;
  iceRestarts: number;
  joinFailures: number;
  /** Why it ended; a failure code. */
  reason: string | null;
}

export type LinkEvent =
  | { type: 'socketUp' }
  | { type: 'socketDown' }
  | { type: 'joined' }
  | { type: 'joinFailed'; code: string }
  | { type: 'mediaBroken' }
  | { type: 'mediaRestored' }
  | { type: 'restartFailed' }
  | { type: 'roomClosed' }
  | { type: 'left' };

export type LinkAction = 'join' | 'joinLater' | 'restartIce' | 'release';

export const MAX_ICE_RESTARTS = 2;
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
  joinFailures: 0,
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
        ? { state: { ...state, phase: 'joining' }, actions: ['join'] }
        : { state, actions: [] };
    case 'socketDown':
      return { state: { ...state, phase: 'connecting', iceRestarts: 0 }, actions: [] };
    case 'joined':
      if (state.phase !== 'joining') return { state, actions: [] };
      return {
        state: { ...state, phase: 'live', wasLive: true, iceRestarts: 0, joinFailures: 0 },
        actions: [],
      };
    case 'joinFailed':
      if (state.phase !== 'joining') return { state, actions: [] };
      if (isFinalRefusal(event.code)) return end(state, event.code);
      return { state: { ...state, joinFailures: state.joinFailures + 1 }, actions: ['joinLater'] };
    case 'mediaBroken':
      return state.phase === 'live' || state.phase === 'repairing' ? repair(state) : { state, actions: [] };
    case 'restartFailed':
      return state.phase === 'repairing' ? rejoin(state) : { state, actions: [] };
    case 'mediaRestored':
      return state.phase === 'repairing'
        ? { state: { ...state, phase: 'live', iceRestarts: 0 }, actions: [] }
        : { state, actions: [] };
    case 'roomClosed':
      return end(state, 'room_closed');
    case 'left':
      return end(state, 'left');
  }
}

function repair(state: LinkState): LinkStep {
  if (state.iceRestarts >= MAX_ICE_RESTARTS) return rejoin(state);
  return {
    state: { ...state, phase: 'repairing', iceRestarts: state.iceRestarts + 1 },
    actions: ['restartIce'],
  };
}

function rejoin(state: LinkState): LinkStep {
  return { state: { ...state, phase: 'joining', iceRestarts: 0 }, actions: ['join'] };
}

function end(state: LinkState, reason: string): LinkStep {
  return { state: { ...state, phase: 'ended', reason }, actions: ['release'] };
}

/** How long to wait before joining is tried again, in milliseconds: 0.5 s doubling to 5 s. */
export function joinDelayMs(failures: number): number {
  return Math.min(5000, 500 * 2 ** Math.max(0, failures - 1));
}
