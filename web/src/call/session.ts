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
import { cameraBitrate, openCamera, openMicrophone, openScreen, SCREEN_BITRATE } from './devices';
import { codecOfAddress } from './encodings';
import { SPEAKING_RMS } from './envelope';
import { LocalSource, type Owner, type Tracks } from './local-source';
import { Meter } from './meter';
import { AudioMixer } from './mixer';
import { Viewing } from './viewing';
import { WakeWatch } from './wake-watch';

const NOTICE_MS = 6000;
const CONSUME_AGAIN_MS = 1000;
/** After that many refusals of our languages we join with one that every server takes that knows what we speak. */
const LANGUAGE_REFUSALS = 2;
const REACTION_MS = 4500;
const MIX_SETTLE_MS = 600;
/** Transports that were made anew have that long to carry media. */
const REOPEN_LIMIT_MS = 10_000;
/** How long the last picture of somebody stays whose camera is being sent anew. */
const HELD_MS = 4000;

export class CallSession {
  readonly store: CallStore;
  readonly mixer: AudioMixer;
  /** Which pictures are shown, and how large; the page reports it. */
  readonly viewing = new Viewing((producerId, wish) => this.connection?.wish(producerId, wish));
  private readonly signaling: SignalingClient;
  private readonly microphone: LocalSource<MediaConnection>;
  private readonly camera: LocalSource<MediaConnection>;
  private readonly screen: LocalSource<MediaConnection>;
  private connection: MediaConnection | null = null;
  private meter: Meter | null = null;
  private intent: JoinIntent;
  /** Our chat messages of this tab, also of earlier joins. */
  private readonly sent: Set<string>;
  private joinNumber = 0;
  /** The server has us in the room on the present socket. */
  private inRoom = false;
  private joinTimer = 0;
  private mixTimer = 0;
  private reopenTimer = 0;
  private readonly wakeWatch: WakeWatch;
  private nextId = 1;
  private ended = false;

  /** Takes over the tracks of the lobby. */
  constructor(intent: JoinIntent, tracks: { microphone: MediaStreamTrack | null; camera: MediaStreamTrack | null }) {
    this.intent = intent;
    const { mix, microphoneOn } = preferences.get();
    this.store = createCallStore(initialCallState(intent.name, intent.speaks, intent.hears, mix));
    this.store.set({ microphoneOn: microphoneOn && tracks.microphone !== null });
    this.sent = new Set(recallSent(intent.code));
    this.microphone = new LocalSource(['mic'], this.microphoneOwner());
    this.camera = new LocalSource(['camera'], this.cameraOwner());
    this.screen = new LocalSource(['screen', 'screenAudio'], this.screenOwner());
    if (tracks.microphone) this.microphone.adopt(new Map([['mic', tracks.microphone]]));
    if (tracks.camera) this.camera.adopt(new Map([['camera', tracks.camera]]));
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
    this.wakeWatch = new WakeWatch(() => this.onOnline());
    window.addEventListener('online', this.onOnline);
    window.addEventListener('pagehide', this.onPageHide);
    window.addEventListener('pageshow', this.onPageShow);
    document.addEventListener('visibilitychange', this.onVisibility);
    this.onVisibility();
    this.signaling.connect();
  }

  // ---- staying connected

  /** Another network, or a long sleep: the socket is tried at once, and what looks connected is looked at. */
  private readonly onOnline = () => {
    this.signaling.connectNow();
    this.hear({ type: 'woke' });
  };
  private readonly onPageHide = () => this.signaling.close();
  /** Brought back by the browser as it was left, when everything had been closed: a reload joins again. */
  private readonly onPageShow = (event: PageTransitionEvent) => {
    if (event.persisted) window.location.reload();
  };
  private readonly onVisibility = () => this.viewing.setPageVisible(document.visibilityState !== 'hidden');

  private hear(event: LinkEvent): void {
    const { state, actions } = step(this.store.get().link, event);
    this.store.set({ link: state });
    for (const action of actions) {
      if (action === 'join') void this.join();
      if (action === 'joinLater') {
        window.clearTimeout(this.joinTimer);
        this.joinTimer = window.setTimeout(() => void this.join(), joinDelayMs(state.joinFailures));
      }
      if (action === 'restartIce') this.restartIce({ type: 'restartFailed' });
      if (action === 'check') this.restartIce({ type: 'mediaBroken' });
      if (action === 'reopen') void this.reopen();
      if (action === 'release') this.release();
    }
  }

  private restartIce(onFailed: LinkEvent): void {
    const connection = this.connection;
    connection?.restartIce().catch((error: unknown) => {
      if (connection !== this.connection) return;
      // A socket that answers nothing is over, whatever it looks like; joining over it would wait still longer.
      if (Failure.of(error).code === 'timeout') this.signaling.reconnect();
      else this.hear(onFailed);
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
    const sources = [this.microphone, this.camera, this.screen];
    for (const source of sources) source.settle();
    const used = {
      send: sources.some(({ wanted }) => wanted),
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
      const reply = await this.signaling.request('join', { room: code, ...rest });
      if (!current()) return;
      this.inRoom = true;
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
      for (const source of [this.microphone, this.camera, this.screen]) source.settle();
    } catch (error) {
      if (!current()) return;
      const { code } = Failure.of(error);
      // An answer that came too late: the server may have us, and would refuse every other try.
      if (code === 'timeout' || code === 'already_joined') this.inRoom = true;
      if (code === 'unsupported_language') this.fallBackToOwnLanguage();
      this.hear({ type: 'joinFailed', code });
    }
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
    const others = reply.participants.filter((participant) => participant.id !== reply.self.id);
    for (const id of Object.keys(this.store.get().videoTracks)) this.onTrackGone(id);
    for (const { producerId } of this.mixer.snapshot()) this.mixer.remove(producerId);
    this.store.set((state) => ({
      selfId: reply.self.id,
      room: reply.room,
      participants: others,
      captions: mergeCaptions(state.captions, reply.captions ?? []),
      chat: claimChat((reply.chat ?? []).reduce(applyChat, state.chat), this.sent, reply.self.id),
      services: reply.services ?? state.services,
    }));
    if (this.store.get().handRaised) void this.request('setState', { handRaised: true });
  }

  private connectionHandlers() {
    return {
      onTrack: (producerId: string, track: MediaStreamTrack) => this.onTrack(producerId, track),
      onTrackGone: (producerId: string) => this.onTrackGone(producerId),
      onBroken: () => this.hear({ type: 'mediaBroken' }),
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
      participantLeft: ({ id }) => this.onParticipantLeft(id),
      producerAdded: ({ participantId, producer }) => {
        if (participantId === store.get().selfId) return;
        producers(participantId, withProducer(producer));
        this.consume(producer);
      },
      producerRemoved: ({ participantId, producerId }) => {
        this.holdPicture(participantId, producerId);
        producers(participantId, withoutProducer(producerId));
        this.connection?.drop(producerId);
      },
      producerPaused: ({ participantId, producerId }) => producers(participantId, withPaused(producerId, true)),
      producerResumed: ({ participantId, producerId }) => producers(participantId, withPaused(producerId, false)),
      consumerClosed: ({ consumerId }) => this.connection?.dropConsumer(consumerId),
      consumerPaused: () => undefined,
      consumerResumed: () => undefined,
      consumerLayersChanged: () => undefined,
      transportClosed: ({ transportId }) => {
        if (this.connection?.transportGone(transportId)) this.hear({ type: 'transportLost' });
      },
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
    if (track.kind === 'video') {
      this.store.set((state) => ({ videoTracks: { ...state.videoTracks, [producerId]: track } }));
      const owner = this.ownerOf(producerId);
      if (owner?.producer.source === 'camera') this.letPictureGo(owner.participant.id);
      return;
    }
    const owner = this.ownerOf(producerId);
    if (!owner) return;
    const { source } = owner.producer;
    const role = source === 'translation' ? 'translated' : source === 'mic' ? 'original' : 'other';
    this.mixer.add(producerId, owner.participant.id, role, track);
  }

  /** While media begins anew for everybody, the last picture of each stays where it was until the next one comes. */
  private holdPicture(participantId: string, producerId: string): void {
    const { link, videoTracks } = this.store.get();
    const track = videoTracks[producerId];
    if (link.phase !== 'repairing' || !track || this.ownerOf(producerId)?.producer.source !== 'camera') return;
    this.store.set((state) => ({ heldPictures: { ...state.heldPictures, [participantId]: track } }));
    window.setTimeout(() => this.letPictureGo(participantId, track), HELD_MS);
  }

  private letPictureGo(participantId: string, track?: MediaStreamTrack): void {
    const { [participantId]: held, ...heldPictures } = this.store.get().heldPictures;
    if (held && (!track || held === track)) this.store.set({ heldPictures });
  }

  private onTrackGone(producerId: string): void {
    this.mixer.remove(producerId);
    const { [producerId]: gone, ...videoTracks } = this.store.get().videoTracks;
    if (gone) this.store.set({ videoTracks });
  }

  // ---- what the person does

  setMicrophone(on: boolean): void {
    this.store.set({ microphoneOn: on, pushToTalk: false });
    const open = this.microphone.track('mic') !== null;
    if (open) preferences.set({ microphoneOn: on });
    // Muting keeps the device, but does not wait for one that is still opening.
    if (on || !open) this.microphone.want(on);
    void this.applyMute();
  }

  /** Space held: heard while it is held, muted again after. */
  setPushToTalk(held: boolean): void {
    const { microphoneOn, pushToTalk, hasMicrophone } = this.store.get();
    if (microphoneOn || !hasMicrophone || pushToTalk === held) return;
    this.store.set({ pushToTalk: held });
    if (held) this.microphone.want(true);
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
    this.microphone.settle();
  }

  setCamera(on: boolean): void {
    preferences.set({ cameraOn: on });
    this.camera.want(on);
    this.onCamera();
  }

  setScreen(on: boolean): void {
    this.screen.want(on);
  }

  /** Another device was chosen in the settings. */
  changeDevice(kind: 'microphone' | 'camera'): void {
    this[kind].renew();
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

  // ---- our devices

  private owner(more: Pick<Owner<MediaConnection>, 'open' | 'changed' | 'openFailed' | 'publishFailed' | 'lost'>) {
    return {
      target: () => (this.connection?.sends ? this.connection : null),
      publish: (...given: Parameters<CallSession['publish']>) => this.publish(...given),
      ...more,
    };
  }

  private microphoneOwner(): Owner<MediaConnection> {
    const muted = () => this.store.set({ microphoneOn: false, pushToTalk: false });
    return this.owner({
      open: async () => single('mic', await openMicrophone(preferences.get())),
      changed: () => this.onMicrophone(),
      openFailed: (error) => {
        if (!this.microphone.wanted) muted();
        this.complain(error);
      },
      publishFailed: (_, error) => {
        if (Failure.of(error).code === 'not_connected') return;
        muted();
        this.complain(error);
      },
      lost: () => {
        muted();
        this.notify('bad', 'notice.microphoneGone');
      },
    });
  }

  private cameraOwner(): Owner<MediaConnection> {
    const off = (error: unknown) => {
      if (Failure.of(error).code === 'not_connected') return;
      this.setCamera(false);
      this.complain(error);
    };
    return this.owner({
      open: async () => single('camera', await openCamera(preferences.get())),
      changed: () => this.onCamera(),
      openFailed: (error) => (this.camera.wanted ? this.complain(error) : off(error)),
      publishFailed: (_, error) => off(error),
      lost: () => {
        this.setCamera(false);
        this.notify('bad', 'notice.cameraGone');
      },
    });
  }

  private screenOwner(): Owner<MediaConnection> {
    return this.owner({
      open: async () => {
        const screen = await openScreen();
        return screen && new Map<SentSource, MediaStreamTrack>([
          ['screen', screen.video], ...(screen.audio ? ([['screenAudio', screen.audio]] as const) : []),
        ]);
      },
      changed: () => this.store.set({ screen: this.screen.track('screen') }),
      openFailed: (error) => this.complain(error),
      publishFailed: (source, error) => {
        if (Failure.of(error).code === 'not_connected') return;
        // The picture is shared without its sound; never the other way round.
        if (source === 'screen') this.screen.want(false);
        this.complain(error);
      },
      lost: () => undefined,
    });
  }

  private onCamera(): void {
    this.store.set({ camera: this.camera.track('camera'), cameraWanted: this.camera.wanted });
  }

  private onMicrophone(): void {
    this.meter?.close();
    this.meter = null;
    const track = this.microphone.track('mic');
    this.store.set({ hasMicrophone: track !== null });
    if (!track) return;
    let loudTicks = 0;
    this.meter = new Meter(track, (level) => {
      const { speakingWhileMuted } = this.store.get();
      const muted = !this.heard();
      loudTicks = muted && level > 4 * SPEAKING_RMS ? Math.min(loudTicks + 1, 12) : Math.max(loudTicks - 1, 0);
      const speaking = muted && (speakingWhileMuted ? loudTicks > 0 : loudTicks >= 6);
      if (speaking !== speakingWhileMuted) this.store.set({ speakingWhileMuted: speaking });
    }, 120);
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
    this.wakeWatch.close();
    window.removeEventListener('pageshow', this.onPageShow);
    window.removeEventListener('online', this.onOnline);
    window.removeEventListener('pagehide', this.onPageHide);
    document.removeEventListener('visibilitychange', this.onVisibility);
    this.connection?.close();
    this.viewing.close();
    this.connection = null;
    this.mixer.close();
    for (const source of [this.microphone, this.camera, this.screen]) source.close();
    this.meter?.close();
    this.store.set({ camera: null, screen: null, videoTracks: {}, heldPictures: {}, sounding: [] });
    // Lets the `leave` go out before the socket does.
    window.setTimeout(() => this.signaling.close(), 100);
  }
}

const single = (source: SentSource, track: MediaStreamTrack): Tracks => new Map([[source, track]]);
