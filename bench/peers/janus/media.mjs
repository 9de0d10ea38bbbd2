// SPDX-License-Identifier: Apache-2.0
// Janus's video room behind room_server.mjs. ICE, DTLS and SRTP go directly between client and Janus; this speaks for the
// client in SDP. The two do not begin alike: a client of ours wants the server's ICE and DTLS parameters before it has
// said its own, and Janus tells them only in an answer or an offer. So a transport begins with an m-section that carries
// nothing and a fingerprint that nobody has, and connect() negotiates once more with the real one; Janus looks at it when
// the handshake is over. The client's ICE password is never known here, nor needed: Janus is ICE-lite and only answers.
import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Session } from './api.mjs';
import { startJanusProcess } from './process.mjs';
import { parseSdp, placeholderMedia, receivingMedia, sendingMedia, toRtpParameters, writeSdp } from './sdp.mjs';

const PLUGIN = 'janus.plugin.videoroom';

// Payload types as Janus numbers them (janus_audiocodec_pt, janus_videocodec_pt in its rtp.c), extensions as Chrome does.
const feedback = [['nack', ''], ['nack', 'pli'], ['ccm', 'fir'], ['goog-remb', ''], ['transport-cc', '']]
  .map(([type, parameter]) => ({ type, parameter }));
const video = (name, preferredPayloadType, rtx, parameters = {}) => [
  { kind: 'video', mimeType: `video/${name}`, preferredPayloadType, clockRate: 90000, parameters, rtcpFeedback: feedback },
  { kind: 'video', mimeType: 'video/rtx', preferredPayloadType: rtx, clockRate: 90000, parameters: { apt: preferredPayloadType }, rtcpFeedback: [] },
];
const extension = (kind, preferredId, uri, direction = 'sendrecv') => ({ kind, uri, preferredId, preferredEncrypt: false, direction });
const SDES = 'urn:ietf:params:rtp-hdrext:sdes';
const routerRtpCapabilities = {
  codecs: [
    { kind: 'audio', mimeType: 'audio/opus', preferredPayloadType: 111, clockRate: 48000, channels: 2, parameters: {}, rtcpFeedback: [{ type: 'transport-cc', parameter: '' }] },
    ...video('VP8', 96, 97), ...video('VP9', 101, 102, { 'profile-id': 0 }),
    ...video('H264', 107, 108, { 'packetization-mode': 1, 'profile-level-id': '42e01f', 'level-asymmetry-allowed': 1 }),
    ...video('AV1', 104, 105),
  ],
  headerExtensions: [
    ...['audio', 'video'].map((kind) => extension(kind, 4, `${SDES}:mid`)),
    extension('video', 10, `${SDES}:rtp-stream-id`, 'recvonly'), extension('video', 11, `${SDES}:repaired-rtp-stream-id`, 'recvonly'),
    ...['audio', 'video'].map((kind) => extension(kind, 2, 'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time')),
    ...['audio', 'video'].map((kind) => extension(kind, 3, 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01')),
    extension('audio', 1, 'urn:ietf:params:rtp-hdrext:ssrc-audio-level'),
    extension('video', 13, 'urn:3gpp:video-orientation'),
  ],
};

const nobodysFingerprint = () => ({ algorithm: 'sha-256', value: randomBytes(32).toString('hex').toUpperCase().match(/../g).join(':') });
const randomIce = () => ({ usernameFragment: randomBytes(4).toString('hex'), password: randomBytes(12).toString('hex') });

/** What a client is told about the other end, from Janus's first SDP. */
function transportOptions(id, remote) {
  return {
    id, iceParameters: { ...remote.ice, iceLite: true }, iceCandidates: remote.candidates.filter((c) => c.protocol === 'udp'),
    dtlsParameters: { role: 'auto', fingerprints: [remote.fingerprint] },
  };
}

/** One after the other: a negotiation ends before the next begins. */
class Turns {
  last = Promise.resolve();
  take(work) {
    const done = this.last.then(work);
    this.last = done.catch(() => undefined);
    return done;
  }
}

class Transport {
  id = randomUUID();
  turns = new Turns();
  ice = randomIce();
  fingerprint = nobodysFingerprint();
  version = 0;

  constructor(room, handle) {
    Object.assign(this, { room, handle });
    this.up = once(handle, 'webrtcup');
  }

  sdp(media) {
    return writeSdp({ version: ++this.version, ice: this.ice, fingerprint: this.fingerprint, media });
  }

  connect({ fingerprints }) {
    const sha256 = fingerprints.find(({ algorithm }) => algorithm === 'sha-256') ?? fingerprints[0];
    return this.turns.take(() => {
      this.fingerprint = sha256;
      return this.negotiate();
    });
  }

  async restartIce() {
    throw Object.assign(new Error('Janus is not asked to restart ICE here.'), { code: 'not_supported' });
  }

  close() {
    this.closed = true;
    this.handle.detach();
  }
}

/** A client's send transport: a publisher, which offers. */
class SendTransport extends Transport {
  media = [placeholderMedia('none')];

  static async open(room) {
    const self = new SendTransport(room, await room.session.attach(PLUGIN));
    self.feed = randomInt(1, 2 ** 47);
    await self.handle.message({ request: 'join', ptype: 'publisher', room: room.id, id: self.feed });
    self.options = transportOptions(self.id, await self.negotiate());
    return self;
  }

  async negotiate() {
    const { jsep } = await this.handle.message({ request: 'configure' }, { type: 'offer', sdp: this.sdp(this.media) });
    return parseSdp(jsep.sdp);
  }

  async produce({ kind, rtpParameters, paused }) {
    const mid = String(rtpParameters.mid ?? this.media.length);
    const at = this.media.length;
    await this.turns.take(() => {
      this.media.push(sendingMedia(kind, mid, rtpParameters));
      return this.negotiate();
    });
    const send = (on) => this.handle.message({ request: 'configure', streams: [{ mid, send: on }] });
    if (paused) await send(false);
    return {
      id: randomUUID(), kind, type: rtpParameters.encodings?.length > 1 ? 'simulcast' : 'simple', feed: this.feed, mid,
      // Janus knows a feed only when its connection is up.
      ready: this.up.then(() => undefined),
      pause: () => send(false), resume: () => send(true),
      close: () => this.turns.take(() => {
        this.media[at] = { ...this.media[at], attributes: this.media[at].attributes.map((a) => (a === 'sendonly' ? 'inactive' : a)) };
        return this.closed ? undefined : this.negotiate();
      }).catch(() => undefined),
    };
  }
}

/** A client's receive transport: a subscriber, which answers. */
class RecvTransport extends Transport {
  wanted = []; // consumers that wait for the next negotiation

  static async open(room) {
    const self = new RecvTransport(room, await room.session.attach(PLUGIN));
    const { jsep } = await self.handle.message({
      request: 'join', ptype: 'subscriber', room: room.id, autoupdate: false, streams: [{ feed: room.dummyFeed }],
    });
    self.options = transportOptions(self.id, parseSdp(jsep.sdp));
    await self.answer(jsep);
    return self;
  }

  async answer({ sdp }) {
    this.offer = parseSdp(sdp);
    await this.handle.message({ request: 'start' }, { type: 'answer', sdp: this.sdp(this.offer.media.map(receivingMedia)) });
  }

  // Giving up the stream of nobody is a reason for Janus to offer again; its place goes to the first consumer.
  async negotiate() {
    await this.change({ request: 'unsubscribe', streams: [{ feed: this.room.dummyFeed }] });
  }

  async change(request) {
    const { data, jsep } = await this.handle.message(request);
    if (jsep) await this.answer(jsep);
    return data;
  }

  /** Those that are asked for while a negotiation runs share the next. */
  async consume(producer) {
    const one = { producer };
    this.wanted.push(one);
    await this.turns.take(() => this.subscribe());
    if (one.mid === undefined) throw new Error('janus did not take the subscription');
    const media = this.offer.media.find((m) => m.mid === one.mid);
    const { mid } = one;
    const configure = (change) => this.handle.message({ request: 'configure', streams: [{ mid, ...change }] });
    return {
      id: randomUUID(), kind: producer.kind, type: producer.type, rtpParameters: toRtpParameters(media), onLayers: null,
      pause: () => configure({ send: false }), resume: () => configure({ send: true }),
      requestKeyFrame: () => configure({ send: true }),
      setPreferredLayers: ({ spatialLayer, temporalLayer }) =>
        configure({ substream: spatialLayer, ...(temporalLayer === undefined ? {} : { temporal: temporalLayer }) }),
      close: () => this.turns.take(() => (this.closed ? undefined : this.change({ request: 'unsubscribe', streams: [{ sub_mid: mid }] }))).catch(() => undefined),
    };
  }

  async subscribe() {
    const batch = this.wanted.splice(0);
    if (batch.length === 0) return;
    const taken = new Set(this.offer.media.filter((m) => m.direction !== 'inactive').map((m) => m.mid));
    const data = await this.change({
      request: 'subscribe', streams: batch.map(({ producer }) => ({ feed: producer.feed, mid: producer.mid, send: false })),
    });
    for (const one of batch) {
      const stream = data.streams.find((s) => s.feed_id === one.producer.feed && s.feed_mid === one.producer.mid && !taken.has(s.mid));
      if (!stream) continue;
      taken.add(stream.mid);
      one.mid = stream.mid;
    }
  }
}

/** `eventLoops`: see process.mjs. `home`, `libraries` and `iceLite` come from the environment, as prepare.sh prints it. */
export async function startJanus({
  cpu, ports, address, eventLoops = 1, logLevel = 0,
  home = process.env.JB_JANUS_HOME ?? '', libraries = process.env.JB_JANUS_LIBRARIES ?? '', iceLite = process.env.JB_JANUS_ICE_LITE,
}) {
  const apiPort = ports[0];
  const janus = await startJanusProcess({ cpu, home, libraries, iceLite, apiPort, ports: [ports[0] + 1, ports[1]], address, eventLoops, logLevel });
  const session = await Session.open(`ws://127.0.0.1:${apiPort}`);
  const manager = await session.attach(PLUGIN);

  async function openRoom() {
    const id = randomInt(1, 2 ** 47);
    await manager.message({
      request: 'create', room: id, publishers: 10_000, bitrate: 0, fir_freq: 0, is_private: true, record: false,
      audiocodec: 'opus', videocodec: 'vp8,vp9,h264,av1', audiolevel_event: false, notify_joining: false,
      dummy_publisher: true, dummy_streams: [{ codec: 'opus' }],
    });
    const { data } = await manager.message({ request: 'listparticipants', room: id });
    const room = { id, session, dummyFeed: data.participants.find((p) => p.dummy).id };
    return {
      routerRtpCapabilities,
      openTransport: (direction) => (direction === 'send' ? SendTransport : RecvTransport).open(room),
      close: () => manager.message({ request: 'destroy', room: id }).catch(() => undefined),
    };
  }
  return {
    openRoom,
    processes: () => [{ name: 'worker', pid: janus.pid }, { name: 'signaling', pid: process.pid }],
    close: async () => {
      session.close();
      await janus.stop();
    },
  };
}
