// SPDX-License-Identifier: Apache-2.0
// The pictures of others in the store: the tracks that are received, and for a moment the last ones of cameras that are
// being received anew.
import type { CallStore } from '../state/call-state';

/** How long the last picture of somebody stays whose camera is being sent anew. */
const HELD_MS = 4000;

export class Pictures {
  constructor(private readonly store: CallStore) {}

  add(producerId: string, track: MediaStreamTrack): void {
    this.store.set((state) => ({ videoTracks: { ...state.videoTracks, [producerId]: track } }));
    const owner = this.ownerOfCamera(producerId);
    if (owner) this.letGo(owner);
  }

  remove(producerId: string): void {
    const { [producerId]: gone, ...videoTracks } = this.store.get().videoTracks;
    if (gone) this.store.set({ videoTracks });
  }

  /**
   * This producer is about to go. While media begins anew for everybody, the last picture of each stays where it was
   * until the next one comes; a camera that was switched off leaves nothing behind.
   */
  hold(producerId: string): void {
    const { link, videoTracks } = this.store.get();
    const track = videoTracks[producerId], owner = this.ownerOfCamera(producerId);
    if (link.phase !== 'repairing' || !track || !owner) return;
    this.store.set((state) => ({ heldPictures: { ...state.heldPictures, [owner]: track } }));
    window.setTimeout(() => this.letGo(owner, track), HELD_MS);
  }

  private letGo(participantId: string, track?: MediaStreamTrack): void {
    const { [participantId]: held, ...heldPictures } = this.store.get().heldPictures;
    if (held && (!track || held === track)) this.store.set({ heldPictures });
  }

  private ownerOfCamera(producerId: string): string | undefined {
    const { participants } = this.store.get();
    return participants.find(({ producers }) => producers.some(({ id, source }) => id === producerId && source === 'camera'))?.id;
  }
}
