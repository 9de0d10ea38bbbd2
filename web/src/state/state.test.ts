// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it, vi } from 'vitest';
import type { ChatMessage, Participant } from '../protocol/types';
import {
  applyChat, changeProducers, claimChat, upsertParticipant, withNotice, withoutParticipant, withPaused, withProducer,
  type Notice,
} from './call-state';
import { createStore } from './store';

const person = (id: string, change: Partial<Participant> = {}): Participant => ({
  id, name: id, speaks: 'en', hears: 'en', handRaised: false, producers: [], ...change,
});

describe('the store', () => {
  it('tells listeners about changes, and only about changes', () => {
    const store = createStore({ a: 1, b: 'x' });
    const listener = vi.fn();
    const stop = store.subscribe(listener);
    store.set({ a: 1 });
    expect(listener).not.toHaveBeenCalled();
    store.set((state) => ({ a: state.a + 1 }));
    expect(store.get()).toEqual({ a: 2, b: 'x' });
    stop();
    store.set({ a: 3 });
    expect(listener).toHaveBeenCalledTimes(1);
  });
});

describe('the participants', () => {
  it('are updated in place and keep their order', () => {
    const list = [person('a'), person('b')];
    expect(upsertParticipant(list, person('a', { handRaised: true })).map(({ id, handRaised }) => [id, handRaised])).toEqual([
      ['a', true],
      ['b', false],
    ]);
    expect(upsertParticipant(list, person('c'))).toHaveLength(3);
    expect(withoutParticipant(list, 'nobody')).toBe(list);
  });

  it('hold each producer once', () => {
    const producer = { id: 'p', kind: 'audio', source: 'mic', paused: false } as const;
    let list: readonly Participant[] = [person('a')];
    list = changeProducers(list, 'a', withProducer(producer));
    list = changeProducers(list, 'a', withProducer(producer));
    list = changeProducers(list, 'a', withPaused('p', true));
    expect(list[0]?.producers).toEqual([{ ...producer, paused: true }]);
  });
});

describe('the chat', () => {
  const message = (change: Partial<ChatMessage> = {}): ChatMessage => ({
    id: '1', from: 'a', name: 'A', text: 'hi', lang: 'en', translations: {}, at: 10, ...change,
  });

  it('shows our own message once, whichever of event and ack comes first', () => {
    const event = message({ translations: { es: 'hola' } });
    expect(applyChat(applyChat([], event), message())).toEqual([event]);
    expect(applyChat(applyChat([], message()), event)).toEqual([event]);
  });

  it('is in the order of time', () => {
    const list = applyChat([message({ id: '2', at: 20 })], message());
    expect(list.map(({ id }) => id)).toEqual(['1', '2']);
  });

  it('stays ours after joining again, which gives us another id', () => {
    const list = [message({ id: '1', from: 'before' }), message({ id: '2', from: 'other' })];
    expect(claimChat(list, new Set(['1']), 'now').map(({ from }) => from)).toEqual(['now', 'other']);
    expect(claimChat(list, new Set(), 'now')).toBe(list);
  });
});

describe('the notices', () => {
  const notice = (id: number, tone: Notice['tone'], key = `k${id}`): Notice => ({ id, tone, key });
  const add = (list: readonly Notice[], ...more: Notice[]) => more.reduce(withNotice, list);

  it('keep what went wrong while people come and go', () => {
    const list = add([], notice(1, 'bad'), ...[2, 3, 4, 5, 6].map((id) => notice(id, 'info')));
    expect(list.map(({ id }) => id)).toEqual([1, 4, 5, 6]);
  });

  it('say the same thing once', () => {
    expect(add([], notice(1, 'bad', 'x'), notice(2, 'bad', 'x')).map(({ id }) => id)).toEqual([2]);
  });

  it('are bounded, whatever they are', () => {
    expect(add([], ...[1, 2, 3, 4, 5, 6].map((id) => notice(id, 'bad'))).map(({ id }) => id)).toEqual([3, 4, 5, 6]);
  });
});
