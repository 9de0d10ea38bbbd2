// SPDX-License-Identifier: Apache-2.0
// window.__jb: what the browser tests read. Read-only copies of what is on screen and of the browser's statistics;
// nothing can be changed through it. Described in web/README.md.
import type { CallSession } from './session';

export function installHook(session: CallSession | null): void {
  const hook = session && {
    version: 1,
    /** Everything plain of the call state; tracks are left out. */
    state: () => {
      const { videoTracks, heldPictures, camera, screen, ...plain } = session.store.get();
      return structuredClone({
        ...plain,
        cameraOn: camera !== null,
        screenOn: screen !== null,
        videoProducers: Object.keys(videoTracks),
      });
    },
    /** Present level and gain of every voice that is heard. */
    voices: () => session.mixer.snapshot(),
    /** The same since a performance.now(), about twelve samples a second and voice. */
    levelsSince: (at: number) => session.mixer.levelsSince(at),
    /** Packets, frames and audio energy by producer, received and sent. */
    stats: () => session.stats(),
  };
  Object.defineProperty(window, '__jb', { value: hook && Object.freeze(hook), configurable: true });
}
