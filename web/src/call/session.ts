// SPDX-License-Identifier: Apache-2.0
// One call from «join» to «leave»: the signaling client, the media connection of the present join, the mixer, and the
// store that the pages read. Reconnecting follows the state machine of signaling/link.ts.
import { Failure } from '../protocol/failure';
import type { JoinReply, Language, Participant, Producer, SentSource, Voice } from '../protocol/types';
import { SignalingClient, type EventHandlers } from '../signaling/client';
import { joinDelayMs, step, type LinkEvent } from '../signaling/link';
import {
  applyChat, changeProducers, createCallStore, initialCallState, upsertParticipant, withoutParticipant,
  withoutProducer, withPaused, withProducer, type CallStore, type NoticeTone,
} from '../state/call-state';
import { forgetCall, rememberCall, type JoinIntent } from '../state/memory';
import { preferences } from '../state/preferences';
import { applyCaption, mergeCaptions } from './captions';
import { MediaConnection } from './connection';
import { cameraBitrate, openCamera, openMicrophone, openScreen, SCREEN_BITRATE } from './devices';
import { SPEAKING_RMS } from './envelope';
import { LocalMedia } from './local-media';
import { Meter } from './meter';
import { AudioMixer } from './mixer';

const NOTICE_MS = 6000;
const REACTION_MS = 4500;
const MIX_SETTLE_MS = 600;

export class CallSession {
  readonly store: CallStore;
  readonly mixer: AudioMixer;
  private readonly signaling: SignalingClient;
  private readonly local: LocalMedia;
  private connection: MediaConnection | null = null;
  private meter: Meter | null = null;
  private intent: JoinIntent;
  private joinNumber = 0;
  /** The server has us in the room on the present socket. */
  private inRoom = false;
  private joinTimer = 0;
  private mixTimer = 0;
  private nextId = 1;
  private ended = false;

  /** Takes over the tracks of the lobby. */
  constructor(intent: JoinIntent, tracks: { microphone: MediaStreamTrack | null; camera: MediaStreamTrack | null }) {
    this.intent = intent;
    const { mix, microphoneOn } = preferences.get();
    this.store = createCallStore(initialCallState(intent.name, intent.speaks, intent.hears, mix));
    this.local = new LocalMedia();
    this.local.microphone = tracks.microphone;
    this.local.camera = tracks.camera;
    this.store.set({
      camera: tracks.camera,
      hasMicrophone: tracks.microphone !== null,
      microphoneOn: microphoneOn && tracks.microphone !== null,
    });
    this.mixer = new AudioMixer(
      mix,
      (sounding) => this.store.set({ sounding }),
      (audioBlocked) => this.store.set({ audioBlocked }),
    );
    this.signaling = new SignalingClient(
      {
        up: () => this.hear({ type: 'socketUp' }),
        down: () => {
          this.inRoom = false;
          this.hear({ type: 'socketDown' });
        },
        attemptFailed: () => this.hear({ type: 'attemptFailed' }),
      },
      this.eventHandlers(),
    );
    this.watchMicrophone();
    this.watchCamera();
    window.addEventListener('online', this.onOnline);
    window.addEventListener('pagehide', this.onPageHide);
    this.signaling.connect();
  }

  // ---- staying connected

  private readonly onOnline = () => this.signaling.connectNow();
  private readonly onPageHide = () => this.signaling.close();

  private hear(event: LinkEvent): void {
    const { state, actions } = step(this.store.get().link, event);
    this.store.set({ link: state });
    for (const action of actions) {
      if (action === 'join') void this.join();
      if (action === 'joinLater') {
        window.clearTimeout(this.joinTimer);
        this.joinTimer = window.setTimeout(() => void this.join(), joinDelayMs(state.joinFailures));
      }
      if (action === 'restartIce') {
        this.connection?.restartIce().catch(() => this.hear({ type: 'restartFailed' }));
      }
      if (action === 'release') this.release();
    }
  }

  private async join(): Promise<void> {
    window.clearTimeout(this.joinTimer);
    const number = ++this.joinNumber;
    const current = () => number === this.joinNumber && !this.ended;
    try {
      const { code, ...rest } = this.intent;
      // A second join on the same socket (the media path broke, not the socket) is a new participant.
      if (this.inRoom) await this.signaling.request('leave', {}).catch(() => undefined);
      const reply = await this.signaling.request('join', { room: code, ...rest });
      if (!current()) return;
      this.inRoom = true;
      if (reply.self.token) this.intent = { ...this.intent, resume: reply.self.token };
      // Only now does the old media go: until here people were still seen and heard if the path allowed.
      this.connection?.close();
      this.connection = null;
      this.enter(reply);
      const connection = await MediaConnection.open(this.signaling, reply, this.connectionHandlers());
      if (!current()) return connection.close();
      this.connection = connection;
      this.hear({ type: 'joined' });
      rememberCall(this.intent);
      this.consumeAll();
      await this.publishAll(connection);
    } catch (error) {
      if (!current()) return;
      this.hear({ type: 'joinFailed', code: Failure.of(error).code });
    }
  }

  private enter(reply: JoinReply): void {
    const others = reply.participants.filter((participant) => participant.id !== reply.self.id);
    for (const id of Object.keys(this.store.get().videoTracks)) this.onTrackGone(id);
    for (const { producerId } of this.mixer.snapshot()) this.mixer.remove(producerId);
    this.store.set((state) => ({
      selfId: reply.self.id,
      room: reply.room,
      participants: others,
      captions: mergeCaptions(state.captions, reply.captions ?? []),
      chat: (reply.chat ?? []).reduce(applyChat, state.chat),
      services: reply.services ?? state.services,
    }));
    if (this.store.get().handRaised) void this.request('setState', { handRaised: true });
  }

  private connectionHandlers() {
    return {
      onTrack: (producerId: string, track: MediaStreamTrack) => this.onTrack(producerId, track),
      onTrackGone: (producerId: string) => this.onTrackGone(producerId),
      onBroken: () => this.hear({ type: 'mediaBroken' }),
      onHealthy: () => this.hear({ type: 'mediaRestored' }),
    };
  }

  private async publishAll(connection: MediaConnection): Promise<void> {
    for (const [source, track] of this.localTracks()) {
      if (connection !== this.connection) return;
      await this.publish(source, track);
    }
  }

  private localTracks(): [SentSource, MediaStreamTrack][] {
    const { microphone, camera, screen, screenAudio } = this.local;
    const all: [SentSource, MediaStreamTrack | null][] = [
      ['mic', microphone], ['camera', camera], ['screen', screen], ['screenAudio', screenAudio],
    ];
    return all.filter((entry): entry is [SentSource, MediaStreamTrack] => entry[1] !== null);
  }

  private async publish(source: SentSource, track: MediaStreamTrack): Promise<void> {
    const connection = this.connection;
    if (!connection) return;
    try {
      const bitrate = source === 'screen' ? SCREEN_BITRATE : cameraBitrate(preferences.get().videoQuality);
      const { microphoneOn, pushToTalk } = this.store.get();
      await connection.publish(source, track, bitrate, source === 'mic' && !microphoneOn && !pushToTalk);
      if (source === 'mic') await this.applyMute();
    } catch (error) {
      if (connection === this.connection) this.complain(error);
    }
  }

  // ---- what the server tells

  private eventHandlers(): EventHandlers {
    const { store } = this;
    const producers = (id: string, change: (producers: Producer[]) => Producer[]) =>
      store.set((state) => ({ participants: changeProducers(state.participants, id, change) }));
    return {
      participantJoined: (participant) => this.onParticipant(participant),
      participantUpdated: (participant) => this.onParticipant(participant),
      participantLeft: ({ id }) => this.onParticipantLeft(id),
      producerAdded: ({ participantId, producer }) => {
        if (participantId === store.get().selfId) return;
        producers(participantId, withProducer(producer));
        this.consume(producer);
      },
      producerRemoved: ({ participantId, producerId }) => {
        producers(participantId, withoutProducer(producerId));
        this.connection?.drop(producerId);
      },
      producerPaused: ({ participantId, producerId }) => producers(participantId, withPaused(producerId, true)),
      producerResumed: ({ participantId, producerId }) => producers(participantId, withPaused(producerId, false)),
      consumerClosed: ({ consumerId }) => this.connection?.dropConsumer(consumerId),
      consumerPaused: () => undefined,
      consumerResumed: () => undefined,
      consumerLayersChanged: () => undefined,
      activeSpeaker: ({ participantId }) => store.set({ activeSpeakerId: participantId }),
      caption: (caption) => store.set((state) => ({ captions: applyCaption(state.captions, caption) })),
      chatMessage: (message) => store.set((state) => ({ chat: applyChat(state.chat, message) })),
      reaction: ({ participantId, emoji }) => this.showReaction(participantId, emoji),
      serviceState: (services) => store.set({ services }),
      roomClosed: () => this.hear({ type: 'roomClosed' }),
    };
  }

  private onParticipant(participant: Participant): void {
    const { selfId, participants } = this.store.get();
    if (participant.id === selfId) return;
    const known = participants.find((other) => other.id === participant.id);
    this.store.set({ participants: upsertParticipant(participants, participant) });
    if (!known) this.notify('info', 'notice.joined', { name: participant.name });
    if (!known?.handRaised && participant.handRaised) this.notify('info', 'notice.hand', { name: participant.name });
    for (const producer of known?.producers ?? []) {
      if (!participant.producers.some((other) => other.id === producer.id)) this.connection?.drop(producer.id);
    }
    for (const producer of participant.producers) this.consume(producer);
  }

  private onParticipantLeft(id: string): void {
    const { participants } = this.store.get();
    const leaving = participants.find((participant) => participant.id === id);
    if (!leaving) return;
    for (const producer of leaving.producers) this.connection?.drop(producer.id);
    this.store.set({ participants: withoutParticipant(participants, id) });
    this.notify('info', 'notice.left', { name: leaving.name });
  }

  private consumeAll(): void {
    for (const participant of this.store.get().participants) participant.producers.forEach((p) => this.consume(p));
  }

  private consume(producer: Producer): void {
    const connection = this.connection;
    // Until the connection is there its producers wait in the store; consumeAll() takes them up.
    connection?.consume(producer).catch((error: unknown) => {
      // Gone in the meantime, or this browser cannot decode it: the tile shows a name instead of a picture.
      console.warn('consume', producer.source, Failure.of(error).code, Failure.of(error).message);
    });
  }

  private ownerOf(producerId: string): { participant: Participant; producer: Producer } | null {
    for (const participant of this.store.get().participants) {
      const producer = participant.producers.find((candidate) => candidate.id === producerId);
      if (producer) return { participant, producer };
    }
    return null;
  }

  private onTrack(producerId: string, track: MediaStreamTrack): void {
    if (track.kind === 'video') {
      this.store.set((state) => ({ videoTracks: { ...state.videoTracks, [producerId]: track } }));
      return;
    }
    const owner = this.ownerOf(producerId);
    if (!owner) return;
    const { source } = owner.producer;
    const role = source === 'translation' ? 'translated' : source === 'mic' ? 'original' : 'other';
    this.mixer.add(producerId, owner.participant.id, role, track);
  }

  private onTrackGone(producerId: string): void {
    this.mixer.remove(producerId);
    const { [producerId]: gone, ...videoTracks } = this.store.get().videoTracks;
    if (gone) this.store.set({ videoTracks });
  }

  // ---- what the person does

  async setMicrophone(on: boolean): Promise<void> {
    if (on && !this.local.microphone) {
      try {
        this.local.microphone = await openMicrophone(preferences.get());
      } catch (error) {
        return this.complain(error);
      }
      this.watchMicrophone();
      this.store.set({ microphoneOn: true, hasMicrophone: true });
      preferences.set({ microphoneOn: true });
      return this.publish('mic', this.local.microphone);
    }
    this.store.set({ microphoneOn: on, pushToTalk: false });
    preferences.set({ microphoneOn: on });
    await this.applyMute();
  }

  /** Space held: heard while it is held, muted again after. */
  async setPushToTalk(held: boolean): Promise<void> {
    const { microphoneOn, pushToTalk, hasMicrophone } = this.store.get();
    if (microphoneOn || !hasMicrophone || pushToTalk === held) return;
    this.store.set({ pushToTalk: held });
    await this.applyMute();
  }

  private async applyMute(): Promise<void> {
    const { microphoneOn, pushToTalk } = this.store.get();
    this.store.set({ speakingWhileMuted: false });
    // A lost connection is told by the banner; the mute is applied again after joining.
    await this.connection?.setPaused('mic', !(microphoneOn || pushToTalk)).catch(() => undefined);
    const now = this.store.get();
    if (now.microphoneOn !== microphoneOn || now.pushToTalk !== pushToTalk) await this.applyMute();
  }

  async setCamera(on: boolean): Promise<void> {
    preferences.set({ cameraOn: on });
    if (!on) {
      this.local.stop('camera');
      this.store.set({ camera: null });
      await this.connection?.unpublish('camera');
      return;
    }
    try {
      const track = await openCamera(preferences.get());
      this.local.stop('camera');
      this.local.camera = track;
    } catch (error) {
      preferences.set({ cameraOn: false });
      return this.complain(error);
    }
    this.watchCamera();
    this.store.set({ camera: this.local.camera });
    await this.publish('camera', this.local.camera);
  }

  async setScreen(on: boolean): Promise<void> {
    if (!on) {
      this.local.stop('screen', 'screenAudio');
      this.store.set({ screen: null });
      await this.connection?.unpublish('screen');
      await this.connection?.unpublish('screenAudio');
      return;
    }
    try {
      const screen = await openScreen();
      if (!screen) return;
      this.local.screen = screen.video;
      this.local.screenAudio = screen.audio;
      screen.video.addEventListener('ended', () => void this.setScreen(false));
      this.store.set({ screen: screen.video });
      await this.publish('screen', screen.video);
      if (screen.audio) await this.publish('screenAudio', screen.audio);
    } catch (error) {
      this.complain(error);
    }
  }

  /** Another device was chosen in the settings: the same producer goes on with the new track. */
  async changeDevice(kind: 'microphone' | 'camera'): Promise<void> {
    if (kind === 'camera') return this.store.get().camera ? this.setCamera(true) : undefined;
    if (!this.local.microphone) return;
    try {
      const track = await openMicrophone(preferences.get());
      this.local.stop('microphone');
      this.local.microphone = track;
      this.watchMicrophone();
      await this.connection?.replaceTrack('mic', track);
    } catch (error) {
      this.complain(error);
    }
  }

  setHand(handRaised: boolean): void {
    this.store.set({ handRaised });
    void this.request('setState', { handRaised });
  }

  react(emoji: string): void {
    const { selfId } = this.store.get();
    if (selfId) this.showReaction(selfId, emoji);
    void this.request('react', { emoji });
  }

  /** False when it was not taken: the text stays in the box. */
  async sendChat(text: string): Promise<boolean> {
    const { selfId, name, speaks } = this.store.get();
    try {
      const { id, at } = await this.signaling.request('chat', { text });
      const message = { id, from: selfId ?? '', name, text, lang: speaks, translations: {}, at };
      this.store.set((state) => ({ chat: applyChat(state.chat, message) }));
      return true;
    } catch (error) {
      this.complain(error);
      return false;
    }
  }

  setMix(mix: number): void {
    this.store.set({ mix });
    preferences.set({ mix });
    this.mixer.setMix(mix);
    window.clearTimeout(this.mixTimer);
    this.mixTimer = window.setTimeout(() => {
      // At the very left no translated voice is wanted: nobody should make one for us.
      const voice: Voice = mix === 0 ? 'original' : 'translated';
      if (voice === this.intent.voice) return;
      this.intent = { ...this.intent, voice };
      rememberCall(this.intent);
      void this.request('setLanguages', { voice });
    }, MIX_SETTLE_MS);
  }

  setLanguages(change: { speaks?: Language; hears?: Language }): void {
    this.intent = { ...this.intent, ...change };
    rememberCall(this.intent);
    preferences.set(change);
    this.store.set(change);
    void this.request('setLanguages', change);
  }

  leave(): void {
    this.signaling.tell('leave', {});
    this.hear({ type: 'left' });
  }

  dismiss(noticeId: number): void {
    this.store.set((state) => ({ notices: state.notices.filter((notice) => notice.id !== noticeId) }));
  }

  notify(tone: NoticeTone, key: string, params?: Record<string, string>): void {
    const id = this.nextId++;
    const notice = { id, tone, key, ...(params ? { params } : {}) };
    this.store.set((state) => ({ notices: [...state.notices.slice(-3), notice] }));
    window.setTimeout(() => this.dismiss(id), NOTICE_MS);
  }

  /** The token counts while we are in the room, the passcode afterwards too. */
  get access() {
    return { token: this.intent.resume, passcode: this.intent.passcode };
  }

  stats() {
    return this.connection?.stats() ?? Promise.resolve({ received: [], sent: [] });
  }

  // ---- inside

  private async request(...[event, data]: Parameters<SignalingClient['request']>): Promise<void> {
    try {
      await this.signaling.request(event, data);
    } catch (error) {
      this.complain(error);
    }
  }

  private complain(error: unknown): void {
    const failure = Failure.of(error);
    if (failure.code === 'not_connected') return;  // the banner says it
    if (failure.code === 'unexpected') console.warn(failure.message);
    this.notify('bad', `failure.${failure.code}`, { message: failure.message });
  }

  private showReaction(participantId: string, emoji: string): void {
    const id = this.nextId++;
    this.store.set((state) => ({ reactions: [...state.reactions.slice(-20), { id, participantId, emoji }] }));
    window.setTimeout(
      () => this.store.set((state) => ({ reactions: state.reactions.filter((reaction) => reaction.id !== id) })),
      REACTION_MS,
    );
  }

  private watchMicrophone(): void {
    this.meter?.close();
    this.meter = null;
    const track = this.local.microphone;
    if (!track) return;
    let loudTicks = 0;
    this.meter = new Meter(track, (level) => {
      const { microphoneOn, pushToTalk, speakingWhileMuted } = this.store.get();
      const muted = !microphoneOn && !pushToTalk;
      loudTicks = muted && level > 4 * SPEAKING_RMS ? Math.min(loudTicks + 1, 12) : Math.max(loudTicks - 1, 0);
      const speaking = muted && (speakingWhileMuted ? loudTicks > 0 : loudTicks >= 6);
      if (speaking !== speakingWhileMuted) this.store.set({ speakingWhileMuted: speaking });
    }, 120);
    track.addEventListener('ended', () => {
      if (this.local.microphone !== track || this.ended) return;
      this.local.microphone = null;
      this.store.set({ microphoneOn: false, hasMicrophone: false });
      void this.connection?.unpublish('mic');
      this.notify('bad', 'notice.microphoneGone');
    });
  }

  private watchCamera(): void {
    const track = this.local.camera;
    track?.addEventListener('ended', () => {
      if (this.local.camera !== track || this.ended) return;
      void this.setCamera(false);
      this.notify('bad', 'notice.cameraGone');
    });
  }

  private release(): void {
    if (this.ended) return;
    this.ended = true;
    const { reason } = this.store.get().link;
    // After a refusal a reload should come to the lobby, not to the same refusal.
    if (reason) forgetCall();
    window.clearTimeout(this.joinTimer);
    window.clearTimeout(this.mixTimer);
    window.removeEventListener('online', this.onOnline);
    window.removeEventListener('pagehide', this.onPageHide);
    this.meter?.close();
    this.connection?.close();
    this.connection = null;
    this.mixer.close();
    this.local.stopAll();
    this.store.set({ camera: null, screen: null, videoTracks: {}, sounding: [] });
    // Lets the `leave` go out before the socket does.
    window.setTimeout(() => this.signaling.close(), 100);
  }
}
