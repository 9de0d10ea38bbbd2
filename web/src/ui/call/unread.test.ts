// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { ChatMessage } from '../../protocol/types';
import { allSeen } from './unread';

const message = (id: string): ChatMessage => ({ id, from: 'a', name: 'A', text: 'hi', lang: 'en', translations: {}, at: 1 });

describe('what was read of the chat', () => {
  it('is the same set while nothing new came, so that an open chat does not render for ever', () => {
    const chat = [message('1'), message('2')];
    const seen = allSeen(null, chat);
    expect([...(seen ?? [])]).toEqual(['1', '2']);
    expect(allSeen(seen, [...chat])).toBe(seen);
    expect(allSeen(seen, [...chat, message('3')])).toEqual(new Set(['1', '2', '3']));
  });
});
