// SPDX-License-Identifier: Apache-2.0
// The media side of one join: the mediasoup device, one transport each way, what we send and what we receive. A lost
// connection makes a new one of these; local tracks and the mixer outlive it.
import { Device, parseScalabilityMode, type types as ms } from 'mediasoup-client';
import { Failure } from '../protocol/failure';
import type { JoinReply, Producer, SentSource } from '../protocol/types';
import type { SignalingClient } from '../signaling/client';
import { cameraEncodings, DEFAULT_CODEC, screenEncodings, type VideoCodec } from './encodings';
import { preferFreshPaths } from './fresh-paths';
import { pathCounters, PlayoutDelay, SilenceWatch } from './media-watch';
import { PathWatch } from './path-watch';
import { receivedFigures, roundTripMs, sentFigures } from './quality';
import type { Figures, LayersOf } from './quality-watch';
import type { Viewing, Wish } from './viewing';
import { WishSender } from './wish-sender';

/** How often the counters are looked at; the more is received, the dearer a look. */
const LOOK_EVERY_MS = 200;
const LOOK_EVERY_MS_PER_CONSUMER = 10;
const LOOK_EVERY_MS_AT_MOST = 500;
const SILENT_AGAIN_MS = 1000;

/** A server that is reachable answers at once; one that is not should be found by another socket soon. */
const RESTART_ANSWER_MS = 3000;

export interface ConnectionHandlers {
  onTrack: (producerId: string, track: MediaStreamTrack) => void;
  onTrackGone: (producerId: string) => void;
  onBroken: () => void;
  onHealthy: () => void;
  /** The states still say «connected», but nothing comes any more: the network may be another. */
  onSilent: () => void;
}

interface Sending {
  producer: ms.Producer;
  source: SentSource;
}

export class MediaConnection {
  private readonly device: Device;
  private send!: ms.Transport;
  private recv!: ms.Transport;
  private readonly sending = new Map<SentSource, Sending>();
  /** Tracks whose producers are being made. */
  private readonly publishing = new Map<SentSource, MediaStreamTrack>();
  private readonly consumers = new Map<string, ms.Consumer>();
  private readonly wishes = new Map<string, WishSender>();
  /** By producer: how many layers its picture has, and which one the server sends. */
  private readonly layers = new Map<string, { count: number; current: number | null }>();
  /** Producers we want; one may be withdrawn while its consumer is being made. */
  private readonly wanted = new Set<string>();
  private readonly path: PathWatch<ms.Transport>;
  private readonly silence = new Map<ms.Transport, SilenceWatch>();
  private silentAt = -Infinity;
  private readonly playout = new Map<string, PlayoutDelay>();
  private lookTimer = 0;
  /** Ended by the server, and not made anew yet. */
  private readonly lost = new Set<'send' | 'recv'>();
  /** The server may not know our fingerprint: the socket was lost on the way. */
  private readonly doubtful = new Set<ms.Transport>();
  /** Producers whose last picture is still on screen while their consumers are made anew. */
  private readonly orphans = new Set<string>();
  private closed = false;

  private constructor(
    private readonly signaling: SignalingClient,
    private readonly handlers: ConnectionHandlers,
    private readonly videoCodec: VideoCodec,
    private readonly viewing: Viewing,
  ) {
    preferFreshPaths();
    try {
      this.device = new Device();
    } catch {
      throw new Failure('unsupported_browser', 'This browser has no WebRTC that we can use.');
    }
    this.path = new PathWatch<ms.Transport>(() => [this.send, this.recv], handlers.onBroken, handlers.onHealthy);
  }

  static async open(
    signaling: SignalingClient, joined: JoinReply, handlers: ConnectionHandlers, videoCodec: VideoCodec, viewing: Viewing,
  ): Promise<MediaConnection> {
    const connection = new MediaConnection(signaling, handlers, videoCodec, viewing);
    await connection.device.load({ routerRtpCapabilities: joined.routerRtpCapabilities });
    const [send, recv] = await Promise.all([
      signaling.request('createTransport', { direction: 'send' }),
      signaling.request('createTransport', { direction: 'recv' }),
    ]);
    const iceServers = joined.iceServers ?? [];
    connection.send = connection.device.createSendTransport({ ...send, iceServers });
    connection.recv = connection.device.createRecvTransport({ ...recv, iceServers });
    connection.wire(connection.send);
    connection.wire(connection.recv);
    connection.lookLater();
    return connection;
  }

  // ---- how media fares

  private lookLater(): void {
    const every = Math.min(LOOK_EVERY_MS_AT_MOST, LOOK_EVERY_MS + LOOK_EVERY_MS_PER_CONSUMER * this.consumers.size);
    this.lookTimer = window.setTimeout(() => void this.look().catch(() => undefined).finally(() => {
      if (!this.closed) this.lookLater();
    }), every);
  }

  private async look(): Promise<void> {
    const transports = [this.send, this.recv].filter((transport) => transport.connectionState === 'connected');
    const reports = await Promise.all(transports.map((transport) => transport.getStats()));
    if (this.closed) return;
    const at = performance.now();
    let silent = false;
    reports.forEach((report, index) => {
      const transport = transports[index] as ms.Transport;
      const counters = pathCounters([...report.values()] as Record<string, unknown>[]);
      if (this.watchOf(transport).feed(at, counters.packets)) silent = true;
      if (transport === this.recv) this.delayLossy(counters.streams);
    });
    // Both have the same cause.
    if (!silent || at - this.silentAt < SILENT_AGAIN_MS) return;
    this.silentAt = at;
    this.handlers.onSilent();
  }

  private watchOf(transport: ms.Transport): SilenceWatch {
    let watch = this.silence.get(transport);
    if (!watch) this.silence.set(transport, (watch = new SilenceWatch()));
    return watch;
  }

  /** Plays what loses much a little later, so that what is sent again comes in time. */
  private delayLossy(streams: readonly { ssrc: number; packets: number; missed: number }[]): void {
    for (const [producerId, consumer] of this.consumers) {
      const ssrc = consumer.rtpParameters.encodings?.[0]?.ssrc;
      const stream = streams.find((candidate) => candidate.ssrc === ssrc);
      const receiver = consumer.rtpReceiver as (RTCRtpReceiver & { jitterBufferTarget?: number | null }) | undefined;
      if (!stream || !receiver || receiver.jitterBufferTarget === undefined) continue;
      let delay = this.playout.get(producerId);
      if (!delay) this.playout.set(producerId, (delay = new PlayoutDelay()));
      const target = delay.feed(performance.now(), stream.packets, stream.missed);
      if (receiver.jitterBufferTarget !== target) receiver.jitterBufferTarget = target;
    }
  }

  private wire(transport: ms.Transport): void {
    transport.on('connect', ({ dtlsParameters }, done, fail) => {
      this.path.connecting(transport);
      this.signaling.request('connectTransport', { transportId: transport.id, dtlsParameters }).then(done, (error: Error) => {
        this.doubtful.add(transport);
        fail(error);
      });
    });
    transport.on('produce', ({ kind, rtpParameters, appData }, done, fail) => {
      const { source, paused } = appData as unknown as { source: SentSource; paused: boolean };
      this.signaling
        .request('produce', { transportId: transport.id, kind, rtpParameters, source, paused })
        .then(({ id }) => done({ id }), fail);
    });
    transport.on('connectionstatechange', (state) => {
      if (!this.closed) this.path.changed(transport, state);
    });
  }

  /** New ICE credentials on both transports that were in use; DTLS and the producers stay as they are. */
  async restartIce(): Promise<void> {
    const used = [this.send, this.recv].filter(({ connectionState, closed }) => connectionState !== 'new' && !closed);
    await Promise.all(
      used.map(async (transport) => {
        const { iceParameters, iceServers } = await this.signaling.request('restartIce', { transportId: transport.id }, RESTART_ANSWER_MS);
        // The password of a TURN server lasts minutes. Firefox cannot change it: there only the relay is lost.
        if (iceServers?.length) await transport.updateIceServers({ iceServers }).catch(() => undefined);
        await transport.restartIce({ iceParameters });
        this.path.connecting(transport);
      }),
    );
  }

  // ---- another socket

  /**
   * The join goes on over another socket: makes both sides agree again about what either was not told, and finds the new
   * way. Returns the transports that are no more.
   */
  goOn({ participants, continued }: JoinReply): string[] {
    const [transports, producers, consumers] = [continued?.transports, continued?.producers, continued?.consumers].map((ids) => new Set(ids)) as
      [Set<string>, Set<string>, Set<string>];
    this.agreeOnSent(producers);
    this.agreeOnReceived(new Set(participants.flatMap((participant) => participant.producers.map(({ id }) => id))), consumers);
    return [this.send, this.recv].filter((transport) => !transports.has(transport.id) || this.doubtful.has(transport)).map(({ id }) => id);
  }

  private agreeOnSent(theirs: Set<string>): void {
    for (const [source, { producer }] of [...this.sending]) {
      if (theirs.delete(producer.id)) {
        this.signaling.tell(producer.paused ? 'pauseProducer' : 'resumeProducer', { producerId: producer.id });
      } else {
        this.sending.delete(source);
        producer.close();
      }
    }
    // What we withdrew, or were not told of.
    for (const producerId of theirs) this.signaling.tell('closeProducer', { producerId });
  }

  private agreeOnReceived(offered: ReadonlySet<string>, theirs: Set<string>): void {
    for (const [producerId, { id }] of [...this.consumers]) {
      if (!theirs.delete(id) || !offered.has(producerId)) this.drop(producerId);
    }
    for (const consumerId of theirs) this.signaling.tell('closeConsumer', { consumerId });
  }

  // ---- transports that the server ended

  /** Whether something can be sent just now. */
  get sends(): boolean {
    return !this.closed && !this.lost.has('send');
  }

  /** The server ended this transport. False when it is none of ours. What is on screen stays there for now. */
  transportGone(transportId: string): boolean {
    if (this.closed) return false;
    const direction = this.send.id === transportId ? 'send' : this.recv.id === transportId ? 'recv' : null;
    if (!direction || this.lost.has(direction)) return false;
    this.lost.add(direction);
    this.path.forget(this[direction]);
    if (direction === 'send') {
      this.sending.clear();
    } else {
      for (const producerId of this.consumers.keys()) this.orphans.add(producerId);
      for (const producerId of [...this.wishes.keys()]) this.endWish(producerId);
      this.consumers.clear();
      this.playout.clear();
      this.wanted.clear();
    }
    this.silence.delete(this[direction]);
    this[direction].close();
    return true;
  }

  /** Makes anew what is gone, and says what; then there is everything to produce or to consume again. */
  async reopen(): Promise<('send' | 'recv')[]> {
    const gone = [...this.lost];
    await Promise.all(gone.map(async (direction) => {
      const before = this[direction];
      const { iceServers = [], ...options } = await this.signaling.request('createTransport', { direction });
      // Another call was quicker, or there is nothing to make it for any more.
      if (this.closed || this[direction] !== before) return;
      this[direction] =
        direction === 'send'
          ? this.device.createSendTransport({ ...options, iceServers })
          : this.device.createRecvTransport({ ...options, iceServers });
      this.wire(this[direction]);
      this.lost.delete(direction);
    }));
    return gone;
  }

  // ---- what we send

  /** The track that is sent as this source, or null. */
  sent(source: SentSource): MediaStreamTrack | null {
    return this.sending.get(source)?.producer.track ?? null;
  }

  /**
   * Sends the track as this source: a voice goes on in the producer it has, a picture gets a new one, because its
   * quality may be another. `paused`: announced, but not a packet is sent until setPaused(false).
   */
  async publish(source: SentSource, track: MediaStreamTrack, maxBitrate: number, paused = false): Promise<void> {
    const before = this.sending.get(source)?.producer;
    if (before && !before.closed && track.kind === 'audio') return before.replaceTrack({ track });
    await this.unpublish(source);
    const options: ms.ProducerOptions = {
      track,
      appData: { source, paused },
      stopTracks: false,
      disableTrackOnPause: false,
      // Muted means that nothing is sent at all, not silence.
      zeroRtpOnPause: true,
    };
    Object.assign(options, track.kind === 'video' ? this.pictureOptions(source, track, maxBitrate) : soundOptions(source));
    // produce() starts to send before it can be paused: until then it is silence.
    if (paused) track.enabled = false;
    this.publishing.set(source, track);
    try {
      const producer = await this.send.produce(options);
      if (this.closed) throw new Failure('not_connected', 'The connection was replaced.');
      if (paused) producer.pause();
      if (source === 'screen') await keepResolution(producer);
      this.sending.set(source, { producer, source });
    } finally {
      this.publishing.delete(source);
      track.enabled = true;
    }
  }

  private pictureOptions(source: SentSource, track: MediaStreamTrack, maxBitrate: number): Partial<ms.ProducerOptions> {
    const offered = (name: VideoCodec) =>
      this.device.sendRtpCapabilities.codecs?.find(({ mimeType }) => mimeType.toLowerCase() === `video/${name}`);
    const asked = offered(this.videoCodec);
    const name = asked ? this.videoCodec : DEFAULT_CODEC;
    const codec = asked ?? offered(DEFAULT_CODEC);
    const { width = 0, height = 0 } = track.getSettings();
    return {
      ...(codec ? { codec } : {}),
      encodings:
        source === 'screen' ? screenEncodings(name, maxBitrate) : cameraEncodings(name, { width, height }, maxBitrate),
      codecOptions: { videoGoogleStartBitrate: 500 },
    };
  }

  async unpublish(source: SentSource): Promise<void> {
    const sent = this.sending.get(source);
    if (!sent) return;
    this.sending.delete(source);
    sent.producer.close();
    await this.signaling.request('closeProducer', { producerId: sent.producer.id }).catch(() => undefined);
  }

  async setPaused(source: SentSource, paused: boolean): Promise<void> {
    // Muted while the producer is being made: silence until it can be paused.
    const pending = this.publishing.get(source);
    if (pending && paused) pending.enabled = false;
    const producer = this.sending.get(source)?.producer;
    if (!producer || producer.paused === paused) return;
    // Ours first when muting, the server's first when speaking: no word is sent that should not be, none is lost.
    if (paused) producer.pause();
    await this.signaling.request(paused ? 'pauseProducer' : 'resumeProducer', { producerId: producer.id });
    if (!paused) producer.resume();
  }

  // ---- what we receive

  async consume(producer: Producer): Promise<void> {
    // Without a transport it is consumed when there is one again.
    if (this.wanted.has(producer.id) || this.lost.has('recv')) return;
    this.wanted.add(producer.id);
    const recv = this.recv;
    const isCurrent = () => !this.closed && this.recv === recv && !this.lost.has('recv');
    try {
      const offer = await this.signaling.request('consume', {
        producerId: producer.id,
        rtpCapabilities: this.device.recvRtpCapabilities,
      });
      const still = () => isCurrent() && this.wanted.has(producer.id);
      if (!still()) return void this.signaling.tell('closeConsumer', { consumerId: offer.id });
      const { id, producerId, kind, rtpParameters } = offer;
      const consumer = await recv.consume({ id, producerId, kind, rtpParameters });
      if (!still()) {
        consumer.close();
        return void this.signaling.tell('closeConsumer', { consumerId: id });
      }
      this.consumers.set(producerId, consumer);
      this.orphans.delete(producerId);
      this.handlers.onTrack(producerId, consumer.track);
      await this.beginWish(producer, consumer);
    } catch (error) {
      // Of an earlier transport: it is consumed anew.
      if (!isCurrent()) return;
      // Nothing is left of it, so that it can be tried again.
      const consumer = this.consumers.get(producer.id);
      if (consumer) this.signaling.tell('closeConsumer', { consumerId: consumer.id });
      this.drop(producer.id);
      throw error;
    }
  }

  /** Sound is always wanted; of a picture, what its place on the page is worth. */
  private async beginWish({ id: producerId, source }: Producer, consumer: ms.Consumer): Promise<void> {
    const { id: consumerId, kind, rtpParameters } = consumer;
    const { spatialLayers } = parseScalabilityMode(rtpParameters.encodings?.[0]?.scalabilityMode);
    // All layers of a screen are equally sharp: there is no smaller one to prefer.
    const layers = source === 'screen' ? 1 : spatialLayers;
    if (kind === 'video') this.layers.set(producerId, { count: spatialLayers, current: this.layers.get(producerId)?.current ?? null });
    const wish = kind === 'video' ? this.viewing.add(producerId, layers) : { visible: true, spatialLayer: null };
    const sender = new WishSender({
      pause: () => this.signaling.request('pauseConsumer', { consumerId }),
      resume: () => this.signaling.request('resumeConsumer', { consumerId }),
      prefer: (spatialLayer) => this.signaling.request('setPreferredLayers', { consumerId, spatialLayer }),
    }, wish);
    this.wishes.set(producerId, sender);
    await sender.begin();
  }

  /** What is shown of it has changed. */
  wish(producerId: string, wish: Wish): void {
    this.wishes.get(producerId)?.set(wish);
  }

  layersChanged(consumerId: string, current: number | null): void {
    for (const [producerId, consumer] of this.consumers) {
      const layers = this.layers.get(producerId);
      if (consumer.id === consumerId && layers) layers.current = current;
    }
  }

  layersOf(producerId: string): LayersOf | null {
    const layers = this.layers.get(producerId), wish = this.wishes.get(producerId)?.wished;
    return layers && wish ? { ...layers, wished: wish.spatialLayer, visible: wish.visible } : null;
  }

  /** How media fares, for the bars in the tiles. */
  async figures(): Promise<Figures> {
    const at = performance.now();
    const look = async (transport: ms.Transport) =>
      transport.closed || transport.connectionState !== 'connected' ? null
        : ((await transport.getStats()) as unknown as ReadonlyMap<string, Record<string, unknown>>);
    const [sent, received] = await Promise.all([look(this.send), look(this.recv)]);
    const byTrack = received ? receivedFigures(received, at) : new Map<string, never>();
    return {
      received: new Map([...this.consumers].flatMap(([id, { track }]) => {
        const figures = byTrack.get(track.id);
        return figures ? [[id, figures] as const] : [];
      })),
      sent: sent && sentFigures(sent, at),
      receivedRttMs: received && roundTripMs(received),
      sentRttMs: sent && roundTripMs(sent),
    };
  }

  private endWish(producerId: string): void {
    this.layers.delete(producerId);
    this.viewing.remove(producerId);
    this.wishes.get(producerId)?.close();
    this.wishes.delete(producerId);
  }

  drop(producerId: string): void {
    this.wanted.delete(producerId);
    this.endWish(producerId);
    const consumer = this.consumers.get(producerId);
    if (this.orphans.delete(producerId) && !consumer) return this.handlers.onTrackGone(producerId);
    if (!consumer) return;
    this.consumers.delete(producerId);
    this.playout.delete(producerId);
    consumer.close();
    this.handlers.onTrackGone(producerId);
  }

  dropConsumer(consumerId: string): void {
    for (const [producerId, consumer] of this.consumers) {
      if (consumer.id === consumerId) return this.drop(producerId);
    }
  }

  /** Statistics of the browser for the test hook. */
  async stats(): Promise<{ received: RtpStats[]; sent: RtpStats[] }> {
    const received = await Promise.all(
      [...this.consumers].map(([producerId, consumer]) => rtpStats(producerId, consumer.kind, consumer, 'inbound-rtp')),
    );
    const sent = await Promise.all(
      [...this.sending.values()].map(({ producer, source }) =>
        rtpStats(producer.id, producer.kind, producer, 'outbound-rtp', source),
      ),
    );
    return { received, sent };
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    window.clearTimeout(this.lookTimer);
    for (const producerId of [...this.wishes.keys()]) this.endWish(producerId);
    this.path.close();
    this.send?.close();
    this.recv?.close();
  }
}

/**
 * A voice comes before every picture. What is lost is sent again where there is time, and repaired from the next
 * packet (in-band FEC) where there is none. No DTX: who is muted sends nothing anyway, and the end of a clause, with
 * which its translation begins, is found soonest in silence that arrives.
 */
function soundOptions(source: SentSource): Partial<ms.ProducerOptions> {
  return {
    encodings: [{ priority: 'high', networkPriority: 'high' }],
    codecOptions: { opusDtx: false, opusFec: true, opusNack: true, opusStereo: source === 'screenAudio' },
  };
}

/** The browser's own answer to a narrow link or a slow machine is fewer pixels: not for what is read. */
async function keepResolution({ rtpSender }: ms.Producer): Promise<void> {
  try {
    const parameters = rtpSender?.getParameters();
    if (parameters) await rtpSender?.setParameters({ ...parameters, degradationPreference: 'maintain-resolution' });
  } catch {
    // A browser without it goes by the track's contentHint.
  }
}

export interface RtpStats {
  producerId: string;
  kind: string;
  source?: SentSource;
  packets: number;
  bytes: number;
  packetsLost: number;
  framesDecoded: number;
  framesEncoded: number;
  frameWidth: number;
  totalAudioEnergy: number;
}

async function rtpStats(
  producerId: string,
  kind: string,
  from: { getStats(): Promise<RTCStatsReport> },
  type: 'inbound-rtp' | 'outbound-rtp',
  source?: SentSource,
): Promise<RtpStats> {
  const result: RtpStats = {
    producerId, kind, packets: 0, bytes: 0, packetsLost: 0, framesDecoded: 0, framesEncoded: 0, frameWidth: 0,
    totalAudioEnergy: 0,
    ...(source ? { source } : {}),
  };
  const report = await from.getStats().catch(() => null);
  report?.forEach((entry: Record<string, unknown>) => {
    if (entry['type'] !== type) return;
    const number = (key: string) => (typeof entry[key] === 'number' ? (entry[key] as number) : 0);
    result.packets += number(type === 'inbound-rtp' ? 'packetsReceived' : 'packetsSent');
    result.bytes += number(type === 'inbound-rtp' ? 'bytesReceived' : 'bytesSent');
    result.packetsLost += number('packetsLost');
    result.framesDecoded += number('framesDecoded');
    result.framesEncoded += number('framesEncoded');
    result.frameWidth = Math.max(result.frameWidth, number('frameWidth'));
    result.totalAudioEnergy += number('totalAudioEnergy');
  });
  return result;
}
