// SPDX-License-Identifier: Apache-2.0
// One call from «join» to «leave»: the signaling client, the media connection of the present join, the mixer, and the
// store that the pages read. Reconnecting follows the state machine of signaling/link.ts.
import { Failure } from '../protocol/failure';
import type { ChatMessage, JoinReply, Language, Participant, Producer, SentSource, Voice } from '../protocol/types';
import { SignalingClient, type EventHandlers } from '../signaling/client';
import { joinDelayMs, step, type LinkEvent } from '../signaling/link';
import {
  applyChat, changeProducers, claimChat, createCallStore, initialCallState, upsertParticipant, withNotice, withoutParticipant,
  withoutProducer, withPaused, withProducer, type CallStore, type NoticeTone,
} from '../state/call-state';
import { forgetCall, recallSent, rememberCall, rememberSent, type JoinIntent } from '../state/memory';
import { preferences } from '../state/preferences';
import { applyCaption, mergeCaptions } from './captions';
import { MediaConnection } from './connection';
import { cameraBitrate, SCREEN_BITRATE } from './devices';
import { codecOfAddress } from './encodings';
import { AudioMixer } from './mixer';
import { OwnDevices } from './own-devices';
import { PageWatch } from './page-watch';
import { Pictures } from './pictures';
import { QualityWatch } from './quality-watch';
import { Viewing } from './viewing';

const NOTICE_MS = 6000;
const CONSUME_AGAIN_MS = 1000;
/** After that many refusals of our languages we join with one that every server takes that knows what we speak. */
const LANGUAGE_REFUSALS = 2;
const REACTION_MS = 4500;
const BACK_WITHIN_MS = 3000;
const MIX_SETTLE_MS = 600;
/** Transports that were made anew have that long to carry media. */
const REOPEN_LIMIT_MS = 10_000;

export class CallSession {
  readonly store: CallStore;
  readonly mixer: AudioMixer;
  /** Which pictures are shown, and how large; the page reports it. */
  readonly viewing = new Viewing((producerId, wish) => this.connection?.wish(producerId, wish));
  private readonly signaling: SignalingClient;
  private readonly devices: OwnDevices<MediaConnection>;
  private connection: MediaConnection | null = null;
  private intent: JoinIntent;
  /** Our chat messages of this tab, also of earlier joins. */
  private readonly sent: Set<string>;
  private joinNumber = 0;
  /** The server has us in the room on the present socket. */
  private inRoom = false;
  private joinTimer = 0;
  private mixTimer = 0;
  private reopenTimer = 0;
  private readonly page: PageWatch;
  private readonly pictures: Pictures;
  private readonly qualityWatch: QualityWatch;
  private nextId = 1;
  /** Who has just made room for their own next join. */
  private replaced: { name: string; at: number } | null = null;
  private ended = false;

  /** Takes over the tracks of the lobby. */
  constructor(intent: JoinIntent, tracks: { microphone: MediaStreamTrack | null; camera: MediaStreamTrack | null }) {
    this.intent = intent;
    const { mix, microphoneOn } = preferences.get();
    this.store = createCallStore(initialCallState(intent.name, intent.speaks, intent.hears, mix));
    this.store.set({ microphoneOn: microphoneOn && tracks.microphone !== null });
    this.sent = new Set(recallSent(intent.code));
    this.devices = new OwnDevices<MediaConnection>({
      store: this.store,
      target: () => (this.connection?.sends ? this.connection : null),
      publish: (target, source, track) => this.publish(target, source, track),
      heard: () => this.heard(),
      complain: (error) => this.complain(error),
      notify: (tone, key) => this.notify(tone, key),
    });
    this.devices.adopt(tracks);
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
    this.qualityWatch = new QualityWatch(
      () => (this.store.get().link.phase === 'live' ? this.connection : null),
      () => this.store.get().participants,
      (qualities) => this.store.set({ qualities }),
    );
    this.pictures = new Pictures(this.store);
    this.page = new PageWatch({
      woke: () => this.onWoke(),
      visible: (visible) => this.viewing.setPageVisible(visible),
      left: () => {
        this.signaling.tell('leave', {});
        this.signaling.close();
      },
    });
    this.signaling.connect();
  }

  // ---- staying connected

  /** Another network, or a long sleep: the socket is tried at once, and what looks connected is looked at. */
  private onWoke(): void {
    this.signaling.connectNow();
    this.hear({ type: 'woke' });
  }

  private hear(event: LinkEvent): void {
    const { state, actions } = step(this.store.get().link, event);
    this.store.set({ link: state });
    for (const action of actions) {
      if (action === 'join') void this.join();
      if (action === 'joinLater') {
        window.clearTimeout(this.joinTimer);
        this.joinTimer = window.setTimeout(() => void this.join(), joinDelayMs(state.joinFailures));
      }
      if (action === 'restartIce') this.lookForPath({ type: 'restartFailed' });
      if (action === 'check') this.lookForPath({ type: 'mediaBroken' });
      if (action === 'reopen') void this.reopen();
      if (action === 'release') this.release();
    }
  }

  /** The media may have lost its way, and so may the socket, however it looks. */
  private lookForPath(onFailed: LinkEvent): void {
    this.restartIce(onFailed);
    this.signaling.doubt();
  }

  private restartIce(onFailed: LinkEvent): void {
    const connection = this.connection;
    connection?.restartIce().catch((error: unknown) => {
      if (connection !== this.connection) return;
      const { code } = Failure.of(error);
      // A socket that answers nothing is over, whatever it looks like; joining over it would wait still longer.
      if (code === 'timeout') this.signaling.reconnect();
      // Over the next socket it is asked again.
      else if (code !== 'not_connected') this.hear(onFailed);
    });
  }

  /** The server ended transports of ours: the same people stay on screen, and all media begins anew. */
  private async reopen(): Promise<void> {
    const connection = this.connection;
    const current = () => connection !== null && connection === this.connection;
    window.clearTimeout(this.reopenTimer);
    let made: ('send' | 'recv')[] = [];
    try {
      made = (await connection?.reopen()) ?? [];
    } catch {
      if (current()) this.hear({ type: 'restartFailed' });
      return;
    }
    if (!current()) return;
    this.consumeAll();
    this.devices.settle();
    const used = {
      send: this.devices.wanted,
      recv: this.store.get().participants.some(({ producers }) => producers.length > 0),
    };
    // With nothing to send, or nobody to receive, nothing will connect, and nothing is missing.
    if (!made.some((direction) => used[direction])) return this.hear({ type: 'mediaRestored' });
    this.reopenTimer = window.setTimeout(() => current() && this.hear({ type: 'restartFailed' }), REOPEN_LIMIT_MS);
  }

  private async join(): Promise<void> {
    window.clearTimeout(this.joinTimer);
    window.clearTimeout(this.reopenTimer);
    const number = ++this.joinNumber;
    const current = () => number === this.joinNumber && !this.ended;
    try {
      const { code, ...rest } = this.intent;
      // A second join on the same socket (the media path broke, not the socket) is a new participant.
      if (this.inRoom) await this.signaling.request('leave', {}).catch(() => undefined);
      // The socket was lost, the media perhaps not: then only the way has changed.
      const goesOn = !this.inRoom && this.connection !== null && rest.resume !== undefined;
      const reply = await this.signaling.request('join', { room: code, ...rest, hold: true, ...(goesOn ? { continue: true } : {}) });
      if (!current()) return;
      this.inRoom = true;
      if (reply.continued && this.connection) return this.goOn(this.connection, reply);
      if (reply.self.token) this.intent = { ...this.intent, resume: reply.self.token };
      // Only now does the old media go: until here people were still seen and heard if the path allowed.
      this.connection?.close();
      this.connection = null;
      this.enter(reply);
      const connection = await MediaConnection.open(
        this.signaling, reply, this.connectionHandlers(), codecOfAddress(window.location.search), this.viewing);
      if (!current()) return connection.close();
      this.connection = connection;
      this.hear({ type: 'joined' });
      rememberCall(this.intent);
      this.consumeAll();
      this.devices.settle();
    } catch (error) {
      if (!current()) return;
      const { code } = Failure.of(error);
      // An answer that came too late: the server may have us, and would refuse every other try.
      if (code === 'timeout' || code === 'already_joined') this.inRoom = true;
      if (code === 'unsupported_language') this.fallBackToOwnLanguage();
      this.hear({ type: 'joinFailed', code });
    }
  }

  /** The same join over another socket: everything stays on screen, and the media looks for its new way. */
  private goOn(connection: MediaConnection, reply: JoinReply): void {
    this.take(reply);
    this.hear({ type: 'joined' });
    for (const transportId of connection.goOn(reply)) this.giveUpTransport(transportId);
    this.restartIce({ type: 'mediaBroken' });
    this.consumeAll();
    this.devices.settle();
    void this.applyMute();
  }

  private giveUpTransport(transportId: string): void {
    this.signaling.tell('closeTransport', { transportId });
    this.loseTransport(transportId);
  }

  private loseTransport(transportId: string): void {
    if (this.connection?.transportGone(transportId)) this.hear({ type: 'transportLost' });
  }

  /** What we heard is not offered any more: better the call in the original than no call. */
  private fallBackToOwnLanguage(): void {
    const { wasLive, joinFailures } = this.store.get().link;
    const { speaks, hears } = this.intent;
    if (!wasLive || joinFailures < LANGUAGE_REFUSALS || hears === speaks) return;
    this.intent = { ...this.intent, hears: speaks };
    this.store.set({ hears: speaks });
    this.notify('bad', 'notice.hearsGone');
  }

  private enter(reply: JoinReply): void {
    for (const id of Object.keys(this.store.get().videoTracks)) this.onTrackGone(id);
    for (const { producerId } of this.mixer.snapshot()) this.mixer.remove(producerId);
    this.take(reply);
  }

  private take(reply: JoinReply): void {
    this.store.set((state) => ({
      selfId: reply.self.id,
      room: reply.room,
      participants: reply.participants.filter((participant) => participant.id !== reply.self.id),
      captions: mergeCaptions(state.captions, reply.captions ?? []),
      chat: claimChat((reply.chat ?? []).reduce(applyChat, state.chat), this.sent, reply.self.id),
      services: reply.services ?? state.services,
    }));
    const { handRaised } = this.store.get();
    if (handRaised || reply.continued) void this.request('setState', { handRaised });
  }

  private connectionHandlers() {
    return {
      onTrack: (producerId: string, track: MediaStreamTrack) => this.onTrack(producerId, track),
      onTrackGone: (producerId: string) => this.onTrackGone(producerId),
      onBroken: () => this.hear({ type: 'mediaBroken' }),
      onSilent: () => this.hear({ type: 'woke' }),
      onHealthy: () => {
        window.clearTimeout(this.reopenTimer);
        this.hear({ type: 'mediaRestored' });
      },
    };
  }

  private async publish(connection: MediaConnection, source: SentSource, track: MediaStreamTrack): Promise<void> {
    const bitrate = source === 'screen' ? SCREEN_BITRATE : cameraBitrate(preferences.get().videoQuality);
    await connection.publish(source, track, bitrate, source === 'mic' && !this.heard());
    if (source === 'mic') await this.applyMute();
  }

  // ---- what the server tells

  private eventHandlers(): EventHandlers {
    const { store } = this;
    const producers = (id: string, change: (producers: Producer[]) => Producer[]) =>
      store.set((state) => ({ participants: changeProducers(state.participants, id, change) }));
    return {
      participantJoined: (participant) => this.onParticipant(participant),
      participantUpdated: (participant) => this.onParticipant(participant),
      participantLeft: ({ id, reason }) => this.onParticipantLeft(id, reason),
      producerAdded: ({ participantId, producer }) => {
        if (participantId === store.get().selfId) return;
        producers(participantId, withProducer(producer));
        this.consume(producer);
      },
      producerRemoved: ({ participantId, producerId }) => {
        this.pictures.hold(producerId);
        producers(participantId, withoutProducer(producerId));
        this.connection?.drop(producerId);
      },
      producerPaused: ({ participantId, producerId }) => producers(participantId, withPaused(producerId, true)),
      producerResumed: ({ participantId, producerId }) => producers(participantId, withPaused(producerId, false)),
      consumerClosed: ({ consumerId }) => this.connection?.dropConsumer(consumerId),
      consumerPaused: () => undefined,
      consumerResumed: () => undefined,
      consumerLayersChanged: ({ consumerId, spatialLayer }) => this.connection?.layersChanged(consumerId, spatialLayer),
      transportClosed: ({ transportId }) => this.loseTransport(transportId),
      activeSpeaker: ({ participantId }) => store.set({ activeSpeakerId: participantId }),
      caption: (caption) => store.set((state) => ({ captions: applyCaption(state.captions, caption) })),
      chatMessage: (message) => this.onChat(message),
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
    const back = this.replaced?.name === participant.name && Date.now() - this.replaced.at < BACK_WITHIN_MS;
    if (!known && !back) this.notify('info', 'notice.joined', { name: participant.name });
    if (back) this.replaced = null;
    if (!known?.handRaised && participant.handRaised) this.notify('info', 'notice.hand', { name: participant.name });
    for (const producer of known?.producers ?? []) {
      if (!participant.producers.some((other) => other.id === producer.id)) this.connection?.drop(producer.id);
    }
    for (const producer of participant.producers) this.consume(producer);
  }

  private onParticipantLeft(id: string, reason: string): void {
    const { participants } = this.store.get();
    const leaving = participants.find((participant) => participant.id === id);
    if (!leaving) return;
    for (const producer of leaving.producers) this.connection?.drop(producer.id);
    this.store.set({ participants: withoutParticipant(participants, id) });
    // Their page was loaded again: they are back at once, which is nothing to tell.
    if (reason === 'replaced') this.replaced = { name: leaving.name, at: Date.now() };
    else this.notify('info', 'notice.left', { name: leaving.name });
  }

  private consumeAll(): void {
    for (const participant of this.store.get().participants) participant.producers.forEach((p) => this.consume(p));
  }

  private consume(producer: Producer, again = true): void {
    const connection = this.connection;
    // Until the connection is there its producers wait in the store; consumeAll() takes them up.
    connection?.consume(producer).catch((error: unknown) => {
      console.warn('consume', producer.source, Failure.of(error).code, Failure.of(error).message);
      window.setTimeout(() => {
        const owner = this.ownerOf(producer.id);
        // Gone in the meantime.
        if (!owner || connection !== this.connection) return;
        if (again) return this.consume(owner.producer, false);
        const key = producer.kind === 'audio' ? 'notice.soundMissing' : 'notice.pictureMissing';
        this.notify('bad', key, { name: owner.participant.name });
      }, CONSUME_AGAIN_MS);
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
    if (track.kind === 'video') return this.pictures.add(producerId, track);
    const owner = this.ownerOf(producerId);
    if (!owner) return;
    const { source } = owner.producer;
    const role = source === 'translation' ? 'translated' : source === 'mic' ? 'original' : 'other';
    this.mixer.add(producerId, owner.participant.id, role, track);
  }

  private onTrackGone(producerId: string): void {
    this.mixer.remove(producerId);
    this.pictures.remove(producerId);
  }

  // ---- what the person does

  setMicrophone(on: boolean): void {
    this.store.set({ microphoneOn: on, pushToTalk: false });
    const open = this.devices.microphone.track('mic') !== null;
    if (open) preferences.set({ microphoneOn: on });
    // Muting keeps the device, but does not wait for one that is still opening.
    if (on || !open) this.devices.microphone.want(on);
    void this.applyMute();
  }

  /** Space held: heard while it is held, muted again after. */
  setPushToTalk(held: boolean): void {
    const { microphoneOn, pushToTalk, hasMicrophone } = this.store.get();
    if (microphoneOn || !hasMicrophone || pushToTalk === held) return;
    this.store.set({ pushToTalk: held });
    if (held) this.devices.microphone.want(true);
    void this.applyMute();
  }

  private heard(): boolean {
    const { microphoneOn, pushToTalk } = this.store.get();
    return microphoneOn || pushToTalk;
  }

  private async applyMute(): Promise<void> {
    const heard = this.heard();
    const connection = this.connection;
    this.store.set({ speakingWhileMuted: false });
    try {
      await connection?.setPaused('mic', !heard);
    } catch (error) {
      // A lost connection is told by the banner; the mute is applied again after joining.
      if (heard && connection === this.connection) await this.onUnmuteFailed(error);
      return;
    }
    if (this.heard() !== heard) await this.applyMute();
  }

  private async onUnmuteFailed(error: unknown): Promise<void> {
    const { code } = Failure.of(error);
    if (code === 'not_connected') return;
    this.store.set({ microphoneOn: false, pushToTalk: false });
    this.complain(error);
    if (code === 'timeout') return;
    // The server does not know our voice: a new producer takes its place.
    await this.connection?.unpublish('mic');
    this.devices.microphone.settle();
  }

  setCamera(on: boolean): void {
    this.devices.setCamera(on);
  }

  setScreen(on: boolean): void {
    this.devices.screen.want(on);
  }

  /** Another device was chosen in the settings. */
  changeDevice(kind: 'microphone' | 'camera'): void {
    this.devices[kind].renew();
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
      this.onChat({ id, from: selfId ?? '', name, text, lang: speaks, translations: {}, at });
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

  /** Nothing changes here before the server has agreed: what it refuses would be refused again when joining. */
  async setLanguages(change: { speaks?: Language; hears?: Language }): Promise<void> {
    try {
      await this.signaling.request('setLanguages', change);
    } catch (error) {
      return this.complain(error);
    }
    if (this.ended) return;
    this.intent = { ...this.intent, ...change };
    rememberCall(this.intent);
    preferences.set(change);
    this.store.set(change);
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
    this.store.set((state) => ({ notices: withNotice(state.notices, notice) }));
    // What went wrong stays until it was read.
    if (tone !== 'bad') window.setTimeout(() => this.dismiss(id), NOTICE_MS);
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

  private onChat(message: ChatMessage): void {
    const { selfId } = this.store.get();
    if (message.from === selfId && !this.sent.has(message.id)) {
      this.sent.add(message.id);
      rememberSent(this.intent.code, [...this.sent]);
    }
    this.store.set((state) => ({ chat: claimChat(applyChat(state.chat, message), this.sent, selfId) }));
  }

  private release(): void {
    if (this.ended) return;
    this.ended = true;
    const { reason } = this.store.get().link;
    // After a refusal a reload should come to the lobby, not to the same refusal.
    if (reason) forgetCall();
    window.clearTimeout(this.joinTimer);
    window.clearTimeout(this.mixTimer);
    window.clearTimeout(this.reopenTimer);
    this.page.close();
    this.qualityWatch.close();
    this.connection?.close();
    this.viewing.close();
    this.connection = null;
    this.mixer.close();
    this.devices.close();
    this.store.set({ camera: null, screen: null, videoTracks: {}, heldPictures: {}, sounding: [] });
    // Lets the `leave` go out before the socket does.
    window.setTimeout(() => this.signaling.close(), 100);
  }
}
