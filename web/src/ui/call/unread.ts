// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from 'react';
import type { CallStore } from '../../state/call-state';
import { useStore } from '../../state/store';

/** How many messages of others came since the chat was last open. */
export function useUnread(store: CallStore, open: boolean): number {
  const { chat, selfId } = useStore(store, (state) => ({ chat: state.chat, selfId: state.selfId }));
  const [seen, setSeen] = useState<ReadonlySet<string> | null>(null);
  useEffect(() => {
    // What was said before we came counts as read.
    if (open || (seen === null && selfId !== null)) setSeen(new Set(chat.map((message) => message.id)));
  }, [open, chat, selfId, seen]);
  if (open || seen === null) return 0;
  return chat.filter((message) => !seen.has(message.id) && message.from !== selfId).length;
}
