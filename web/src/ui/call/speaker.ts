// SPDX-License-Identifier: Apache-2.0
import type { Caption } from '../../protocol/types';
import type { CallState } from '../../state/call-state';

/** Who said it; people who have left are known by the name the caption carries. */
export function speakerName(state: CallState, caption: Caption): string {
  if (caption.speakerId === state.selfId) return state.name;
  const participant = state.participants.find(({ id }) => id === caption.speakerId);
  return participant?.name ?? caption.speakerName ?? '…';
}
