// SPDX-License-Identifier: Apache-2.0
// The level of a local microphone, for the meter in the lobby and for «you are muted».
import { audioContext } from './audio-context';
import { rms } from './envelope';

export class Meter {
  private readonly source: MediaStreamAudioSourceNode;
  private readonly analyser: AnalyserNode;
  private readonly samples = new Float32Array(1024);
  private readonly timer: number;

  constructor(track: MediaStreamTrack, onLevel: (rms: number) => void, everyMs = 60) {
    const context = audioContext();
    this.source = context.createMediaStreamSource(new MediaStream([track]));
    this.analyser = context.createAnalyser();
    this.analyser.fftSize = this.samples.length;
    this.source.connect(this.analyser);
    void context.resume();
    this.timer = window.setInterval(() => {
      this.analyser.getFloatTimeDomainData(this.samples);
      onLevel(rms(this.samples));
    }, everyMs);
  }

  close(): void {
    window.clearInterval(this.timer);
    this.source.disconnect();
  }
}

/** -60..0 dBFS as 0..1: what a meter shows. */
export function meterPosition(level: number): number {
  if (level <= 0) return 0;
  return Math.min(1, Math.max(0, 1 + (20 * Math.log10(level)) / 60));
}
