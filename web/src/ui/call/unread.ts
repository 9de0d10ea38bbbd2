// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from 'react';
import type { ChatMessage } from '../../protocol/types';
import type { CallStore } from '../../state/call-state';
import { useStore } from '../../state/store';

type Seen = ReadonlySet<string> | null;

/** The same set when there is nothing new in it: a new one would render again, and again. */
export function allSeen(seen: Seen, chat: readonly ChatMessage[]): Seen {
  return seen && chat.every(({ id }) => seen.has(id)) ? seen : new Set(chat.map(({ id }) => id));
}

/** How many messages of others came since the chat was last open. */
export function useUnread(store: CallStore, open: boolean): number {
  const { chat, selfId } = useStore(store, (state) => ({ chat: state.chat, selfId: state.selfId }));
  const [seen, setSeen] = useState<Seen>(null);
  useEffect(() => {
    if (selfId === null) return;
    // What was said before we came counts as read.
    setSeen((now) => (open || now === null ? allSeen(now, chat) : now));
  }, [open, chat, selfId]);
  if (open || seen === null) return 0;
  return chat.filter((message) => !seen.has(message.id) && message.from !== selfId).length;
}
