// SPDX-License-Identifier: Apache-2.0
// The tracks of this participant. They outlive connections; whoever opened one here stops it here.

export class LocalMedia {
  microphone: MediaStreamTrack | null = null;
  camera: MediaStreamTrack | null = null;
  screen: MediaStreamTrack | null = null;
  screenAudio: MediaStreamTrack | null = null;

  stop(...which: ('microphone' | 'camera' | 'screen' | 'screenAudio')[]): void {
    for (const name of which) {
      this[name]?.stop();
      this[name] = null;
    }
  }

  stopAll(): void {
    this.stop('microphone', 'camera', 'screen', 'screenAudio');
  }
}
