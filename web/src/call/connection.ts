// SPDX-License-Identifier: Apache-2.0
// The media side of one join: the mediasoup device, one transport each way, what we send and what we receive. A lost
// connection makes a new one of these; local tracks and the mixer outlive it.
import { Device, type types as ms } from 'mediasoup-client';
import { Failure } from '../protocol/failure';
import type { JoinReply, Producer, SentSource } from '../protocol/types';
import type { SignalingClient } from '../signaling/client';

/** How long ICE may be disconnected before it counts as broken: short Wi-Fi changes heal by themselves. */
const DISCONNECTED_GRACE_MS = 2500;
/** Time for ICE and DTLS to come up, at first and after a restart. */
const CONNECT_LIMIT_MS = 10_000;

export interface ConnectionHandlers {
  onTrack: (producerId: string, track: MediaStreamTrack) => void;
  onTrackGone: (producerId: string) => void;
  onBroken: () => void;
  onHealthy: () => void;
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
  private readonly consumers = new Map<string, ms.Consumer>();
  /** Producers we want; one may be withdrawn while its consumer is being made. */
  private readonly wanted = new Set<string>();
  private readonly watches = new Map<ms.Transport, number>();
  private closed = false;

  private constructor(
    private readonly signaling: SignalingClient,
    private readonly handlers: ConnectionHandlers,
  ) {
    try {
      this.device = new Device();
    } catch {
      throw new Failure('unsupported_browser', 'This browser has no WebRTC that we can use.');
    }
  }

  static async open(signaling: SignalingClient, joined: JoinReply, handlers: ConnectionHandlers): Promise<MediaConnection> {
    const connection = new MediaConnection(signaling, handlers);
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
    return connection;
  }

  private wire(transport: ms.Transport): void {
    transport.on('connect', ({ dtlsParameters }, done, fail) => {
      this.watch(transport, CONNECT_LIMIT_MS);
      this.signaling.request('connectTransport', { transportId: transport.id, dtlsParameters }).then(done, fail);
    });
    transport.on('produce', ({ kind, rtpParameters, appData }, done, fail) => {
      const { source, paused } = appData as unknown as { source: SentSource; paused: boolean };
      this.signaling
        .request('produce', { transportId: transport.id, kind, rtpParameters, source, paused })
        .then(({ id }) => done({ id }), fail);
    });
    transport.on('connectionstatechange', (state) => {
      if (this.closed) return;
      if (state === 'connected') this.healthy(transport);
      if (state === 'disconnected') this.watch(transport, DISCONNECTED_GRACE_MS);
      if (state === 'failed') this.broken(transport);
    });
  }

  private watch(transport: ms.Transport, limitMs: number): void {
    this.unwatch(transport);
    this.watches.set(transport, window.setTimeout(() => this.broken(transport), limitMs));
  }

  private unwatch(transport: ms.Transport): void {
    window.clearTimeout(this.watches.get(transport));
    this.watches.delete(transport);
  }

  private healthy(transport: ms.Transport): void {
    this.unwatch(transport);
    if (this.watches.size === 0) this.handlers.onHealthy();
  }

  private broken(transport: ms.Transport): void {
    this.unwatch(transport);
    if (!this.closed) this.handlers.onBroken();
  }

  /** New ICE credentials on both transports that were in use; DTLS and the producers stay as they are. */
  async restartIce(): Promise<void> {
    const used = [this.send, this.recv].filter((transport) => transport.connectionState !== 'new');
    await Promise.all(
      used.map(async (transport) => {
        const { iceParameters } = await this.signaling.request('restartIce', { transportId: transport.id });
        this.watch(transport, CONNECT_LIMIT_MS);
        await transport.restartIce({ iceParameters });
      }),
    );
  }

  // ---- what we send

  /** `paused`: announced, but not a packet is sent until setPaused(false). */
  async publish(source: SentSource, track: MediaStreamTrack, maxBitrate: number, paused = false): Promise<void> {
    await this.unpublish(source);
    const options: ms.ProducerOptions = {
      track,
      appData: { source, paused },
      stopTracks: false,
      disableTrackOnPause: false,
      // Muted means that nothing is sent at all, not silence.
      zeroRtpOnPause: true,
    };
    if (track.kind === 'video') {
      const vp8 = this.device.sendRtpCapabilities.codecs?.find((c) => c.mimeType.toLowerCase() === 'video/vp8');
      if (vp8) options.codec = vp8;
      options.encodings = [{ maxBitrate }];
      options.codecOptions = { videoGoogleStartBitrate: 500 };
    } else {
      options.codecOptions = { opusDtx: false, opusFec: true, opusStereo: source === 'screenAudio' };
    }
    // produce() starts to send before it can be paused: until then it is silence.
    if (paused) track.enabled = false;
    try {
      const producer = await this.send.produce(options);
      if (paused) producer.pause();
      if (!this.closed) this.sending.set(source, { producer, source });
    } finally {
      track.enabled = true;
    }
  }

  async unpublish(source: SentSource): Promise<void> {
    const sent = this.sending.get(source);
    if (!sent) return;
    this.sending.delete(source);
    sent.producer.close();
    await this.signaling.request('closeProducer', { producerId: sent.producer.id }).catch(() => undefined);
  }

  async setPaused(source: SentSource, paused: boolean): Promise<void> {
    const producer = this.sending.get(source)?.producer;
    if (!producer || producer.paused === paused) return;
    // Ours first when muting, the server's first when speaking: no word is sent that should not be, none is lost.
    if (paused) producer.pause();
    await this.signaling.request(paused ? 'pauseProducer' : 'resumeProducer', { producerId: producer.id });
    if (!paused) producer.resume();
  }

  async replaceTrack(source: SentSource, track: MediaStreamTrack): Promise<void> {
    await this.sending.get(source)?.producer.replaceTrack({ track });
  }

  sends(source: SentSource): boolean {
    return this.sending.has(source);
  }

  // ---- what we receive

  async consume(producer: Producer): Promise<void> {
    if (this.wanted.has(producer.id)) return;
    this.wanted.add(producer.id);
    try {
      const offer = await this.signaling.request('consume', {
        producerId: producer.id,
        rtpCapabilities: this.device.recvRtpCapabilities,
      });
      const still = () => !this.closed && this.wanted.has(producer.id);
      if (!still()) return void this.signaling.tell('closeConsumer', { consumerId: offer.id });
      const { id, producerId, kind, rtpParameters } = offer;
      const consumer = await this.recv.consume({ id, producerId, kind, rtpParameters });
      if (!still()) {
        consumer.close();
        return void this.signaling.tell('closeConsumer', { consumerId: id });
      }
      this.consumers.set(producerId, consumer);
      this.handlers.onTrack(producerId, consumer.track);
      await this.signaling.request('resumeConsumer', { consumerId: id });
    } catch (error) {
      if (!this.consumers.has(producer.id)) this.wanted.delete(producer.id);
      throw error;
    }
  }

  drop(producerId: string): void {
    this.wanted.delete(producerId);
    const consumer = this.consumers.get(producerId);
    if (!consumer) return;
    this.consumers.delete(producerId);
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
    for (const timer of this.watches.values()) window.clearTimeout(timer);
    this.watches.clear();
    this.send?.close();
    this.recv?.close();
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
