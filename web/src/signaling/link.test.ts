// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import {
  initialLink, joinDelayMs, linkSentences, MAX_ICE_RESTARTS, step, type LinkAction, type LinkEvent, type LinkState,
} from './link';

function run(events: LinkEvent[], from: LinkState = initialLink): { state: LinkState; actions: LinkAction[] } {
  const actions: LinkAction[] = [];
  let state = from;
  for (const event of events) {
    const next = step(state, event);
    state = next.state;
    actions.push(...next.actions);
  }
  return { state, actions };
}

const live = run([{ type: 'socketUp' }, { type: 'joined' }, { type: 'mediaRestored' }]).state;

describe('the link of a call', () => {
  it('joins when the socket comes up', () => {
    const { state, actions } = run([{ type: 'socketUp' }, { type: 'joined' }]);
    expect(actions).toEqual(['join']);
    expect(state.phase).toBe('live');
    expect(state.wasLive).toBe(true);
  });

  it('joins again after a lost network, and stays known as having been live', () => {
    const lost = run([{ type: 'socketDown' }], live);
    expect(lost.state).toMatchObject({ phase: 'connecting', wasLive: true });
    const back = run([{ type: 'socketUp' }, { type: 'joined' }], lost.state);
    expect(back.actions).toEqual(['join']);
    expect(back.state.phase).toBe('live');
  });

  it('restarts ICE when only the media path broke', () => {
    const broken = run([{ type: 'mediaBroken' }], live);
    expect(broken.actions).toEqual(['restartIce']);
    expect(broken.state.phase).toBe('repairing');
    expect(run([{ type: 'mediaRestored' }], broken.state).state).toEqual(live);
  });

  it('joins afresh when restarting ICE does not help', () => {
    const events = Array.from({ length: MAX_ICE_RESTARTS + 1 }, () => ({ type: 'mediaBroken' }) as const);
    const { state, actions } = run(events, live);
    expect(actions).toEqual([...Array(MAX_ICE_RESTARTS).fill('restartIce'), 'join']);
    expect(state.phase).toBe('joining');
  });

  it('joins afresh at once when the server knows the transport no more', () => {
    const { actions } = run([{ type: 'mediaBroken' }, { type: 'restartFailed' }], live);
    expect(actions).toEqual(['restartIce', 'join']);
  });

  it('makes transports anew that the server has ended, within the same join', () => {
    const lost = run([{ type: 'transportLost' }, { type: 'transportLost' }], live);
    expect(lost.actions).toEqual(['reopen', 'reopen']);
    expect(lost.state.phase).toBe('repairing');
    expect(run([{ type: 'mediaRestored' }], lost.state).state).toEqual(live);
    expect(run([{ type: 'restartFailed' }], lost.state).actions).toEqual(['join']);
  });

  it('joins afresh when the server ends one transport after the other', () => {
    const { actions } = run(Array(5).fill({ type: 'transportLost' }), live);
    expect(actions).toEqual(['reopen', 'reopen', 'reopen', 'reopen', 'join']);
  });

  it('looks after itself when the page wakes, and only in a call', () => {
    expect(run([{ type: 'woke' }], live)).toEqual({ state: live, actions: ['check'] });
    expect(run([{ type: 'socketDown' }, { type: 'woke' }], live).actions).toEqual([]);
  });

  it('tries again after a failure that may pass, and longer each time', () => {
    const first = run([{ type: 'socketUp' }, { type: 'joinFailed', code: 'timeout' }]);
    expect(first.actions).toEqual(['join', 'joinLater']);
    expect(first.state.phase).toBe('joining');
    expect([1, 2, 3, 4, 5, 9].map(joinDelayMs)).toEqual([500, 1000, 2000, 4000, 5000, 5000]);
  });

  it.each(['room_not_found', 'room_full', 'wrong_passcode'])('gives up on %s and says why', (code) => {
    const { state, actions } = run([{ type: 'socketUp' }, { type: 'joinFailed', code }]);
    expect(state).toMatchObject({ phase: 'ended', reason: code });
    expect(actions).toEqual(['join', 'release']);
  });

  it('ends once and hears nothing after', () => {
    const { state, actions } = run(
      [{ type: 'left' }, { type: 'socketUp' }, { type: 'roomClosed' }, { type: 'mediaBroken' }],
      live,
    );
    expect(actions).toEqual(['release']);
    expect(state.reason).toBe('left');
  });

  it('ignores what belongs to an earlier phase', () => {
    const lost = run([{ type: 'socketDown' }], live).state;
    for (const event of [{ type: 'mediaBroken' }, { type: 'mediaRestored' }, { type: 'joined' }] as const) {
      expect(step(lost, event)).toEqual({ state: lost, actions: [] });
    }
  });

  it('does not end a call because a server that has just started knows no languages yet', () => {
    const back = run([{ type: 'socketDown' }, { type: 'socketUp' }, { type: 'joinFailed', code: 'unsupported_language' }], live);
    expect(back.actions).toEqual(['join', 'joinLater']);
    expect(back.state.phase).toBe('joining');
    const first = run([{ type: 'socketUp' }, { type: 'joinFailed', code: 'unsupported_language' }]);
    expect(first.state).toMatchObject({ phase: 'ended', reason: 'unsupported_language' });
  });
});

describe('what is said about the link', () => {
  const after = (events: LinkEvent[], from?: LinkState) => linkSentences(run(events, from).state);
  const up: LinkEvent = { type: 'socketUp' };
  const failed: LinkEvent = { type: 'attemptFailed' };
  const neverThere: LinkEvent[] = [{ type: 'joined' }, { type: 'mediaBroken' }, { type: 'mediaBroken' }];

  it('is nothing while all is well', () => expect(linkSentences(live)).toEqual([]));

  it('is that the network blocks calls, after two joins without media', () => {
    expect(after([up, ...neverThere])).toEqual(['call.reconnecting']);
    const blocked = run([up, ...neverThere, ...neverThere]).state;
    expect(linkSentences(blocked)[0]).toBe('call.blocked');
    expect(linkSentences(run([{ type: 'joined' }], blocked).state)).toEqual(['call.blocked']);
    expect(linkSentences(run([{ type: 'joined' }, { type: 'mediaRestored' }], blocked).state)).toEqual([]);
  });

  it('is not that the network blocks calls when media had come through before', () => {
    const rejoined = run([...Array(3).fill({ type: 'mediaBroken' }), { type: 'joined' }, { type: 'mediaBroken' }], live);
    expect(linkSentences(rejoined.state)).toEqual(['call.repairing']);
  });

  it('is that the server does not answer, when it cannot be reached', () => {
    expect(after([failed])).toEqual(['call.connecting']);
    expect(after([failed, failed])).toEqual(['failure.server_unreachable']);
    expect(after([{ type: 'socketDown' }, failed, failed], live)).toEqual(['call.reconnecting', 'failure.server_unreachable']);
    expect(after([failed, failed, up])).toEqual(['call.connecting']);
  });

  it.each(['draining', 'media_unavailable'])('is %s as soon as the server says it, and joining is tried on', (code) => {
    const { state, actions } = run([up, { type: 'joinFailed', code }]);
    expect(linkSentences(state)).toEqual([`failure.${code}`]);
    expect(actions).toEqual(['join', 'joinLater']);
  });

  it('is why joining fails, when it keeps failing', () => {
    const refused = (code: string): LinkEvent[] => [up, ...Array(2).fill({ type: 'joinFailed', code })];
    expect(after(refused('timeout'))).toEqual(['failure.server_unreachable']);
    expect(after(refused('too_many_requests'))).toEqual(['failure.too_many_requests']);
  });
});
