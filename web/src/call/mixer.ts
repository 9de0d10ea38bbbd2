// SPDX-License-Identifier: Apache-2.0
// What is heard: every remote voice through a gain of its own, the original of a speaker turned down while the
// translated voice of the same speaker sounds. WebAudio and not element volumes, because iOS ignores those.
import { audioContext } from './audio-context';
import { ATTACK_S, gainsFor, RELEASE_S, rms, VoiceGate } from './envelope';

export type VoiceRole = 'original' | 'translated' | 'other';

interface Voice {
  producerId: string;
  participantId: string;
  role: VoiceRole;
  element: HTMLAudioElement;
  source: MediaStreamAudioSourceNode;
  analyser: AnalyserNode;
  gain: GainNode;
  gate: VoiceGate;
  target: number;
  level: number;
  sounding: boolean;
}

export interface LevelSample {
  /** performance.now() of the page. */
  at: number;
  producerId: string;
  participantId: string;
  role: VoiceRole;
  rms: number;
  gain: number;
}

const TICK_MS = 40;
const HISTORY_EVERY_TICKS = 2;
const HISTORY_KEPT = 6000;

export class AudioMixer {
  private readonly voices = new Map<string, Voice>();
  private readonly samples = new Float32Array(2048);
  private readonly history: LevelSample[] = [];
  private readonly timer: number;
  private ticks = 0;
  private mix: number;
  private lastSounding = '';

  /** `onSounding` hears which participants' translated voices sound, `onBlocked` whether the browser holds sound back. */
  constructor(
    mix: number,
    private readonly onSounding: (participantIds: string[]) => void,
    private readonly onBlocked: (blocked: boolean) => void,
  ) {
    this.mix = mix;
    this.timer = window.setInterval(() => this.tick(), TICK_MS);
    audioContext().addEventListener('statechange', this.reportState);
    void audioContext().resume();
  }

  add(producerId: string, participantId: string, role: VoiceRole, track: MediaStreamTrack): void {
    this.remove(producerId);
    const context = audioContext();
    const stream = new MediaStream([track]);
    // Chromium decodes a remote track for WebAudio only while a media element plays it; muted is enough.
    const element = new Audio();
    element.muted = true;
    element.srcObject = stream;
    void element.play().catch(() => undefined);
    const source = context.createMediaStreamSource(stream);
    const analyser = context.createAnalyser();
    analyser.fftSize = this.samples.length;
    const gain = context.createGain();
    const target = this.targetOf(role, false);
    gain.gain.value = target;
    source.connect(analyser);
    source.connect(gain).connect(context.destination);
    const gate = new VoiceGate();
    this.voices.set(producerId, {
      producerId, participantId, role, element, source, analyser, gain, gate, target, level: 0, sounding: false,
    });
    this.reportState();
  }

  remove(producerId: string): void {
    const voice = this.voices.get(producerId);
    if (!voice) return;
    this.voices.delete(producerId);
    voice.source.disconnect();
    voice.gain.disconnect();
    voice.element.pause();
    voice.element.srcObject = null;
  }

  setMix(mix: number): void {
    this.mix = mix;
    this.tick();
  }

  close(): void {
    window.clearInterval(this.timer);
    audioContext().removeEventListener('statechange', this.reportState);
    for (const id of [...this.voices.keys()]) this.remove(id);
  }

  /** For the test hook: the present gain and level of each voice. */
  snapshot(): LevelSample[] {
    const at = performance.now();
    return [...this.voices.values()].map((voice) => sampleOf(voice, at));
  }

  /** For the test hook: about ten samples a second of each voice since then. */
  levelsSince(at: number): LevelSample[] {
    return this.history.filter((sample) => sample.at >= at);
  }

  private readonly reportState = () => {
    this.onBlocked(this.voices.size > 0 && audioContext().state !== 'running');
  };

  private targetOf(role: VoiceRole, translatedIsSounding: boolean): number {
    if (role === 'other') return 1;
    const gains = gainsFor(this.mix, translatedIsSounding);
    return role === 'translated' ? gains.translated : gains.original;
  }

  private tick(): void {
    const now = performance.now();
    const sounding = new Set<string>();
    const translated = new Set<string>();
    for (const voice of this.voices.values()) {
      voice.analyser.getFloatTimeDomainData(this.samples);
      voice.level = rms(this.samples);
      voice.sounding = voice.gate.update(voice.level, now);
      if (voice.role !== 'translated') continue;
      translated.add(voice.participantId);
      if (voice.sounding) sounding.add(voice.participantId);
    }
    for (const voice of this.voices.values()) this.aim(voice, translated, sounding);
    if (++this.ticks % HISTORY_EVERY_TICKS === 0) this.record(now);
    this.report([...sounding].sort());
  }

  private aim(voice: Voice, translated: Set<string>, sounding: Set<string>): void {
    // Somebody who is not translated for us is heard in full, whatever the slider says.
    const target =
      voice.role === 'original' && !translated.has(voice.participantId)
        ? 1
        : this.targetOf(voice.role, sounding.has(voice.participantId));
    if (Math.abs(target - voice.target) < 1e-4) return;
    const time = target < voice.target ? ATTACK_S : RELEASE_S;
    voice.target = target;
    voice.gain.gain.setTargetAtTime(target, audioContext().currentTime, time);
  }

  private record(at: number): void {
    for (const voice of this.voices.values()) this.history.push(sampleOf(voice, at));
    if (this.history.length > HISTORY_KEPT) this.history.splice(0, this.history.length - HISTORY_KEPT);
  }

  private report(sounding: string[]): void {
    const key = sounding.join();
    if (key === this.lastSounding) return;
    this.lastSounding = key;
    this.onSounding(sounding);
  }
}

function sampleOf(voice: Voice, at: number): LevelSample {
  const { producerId, participantId, role, level } = voice;
  return { at, producerId, participantId, role, rms: level, gain: voice.gain.gain.value };
}
