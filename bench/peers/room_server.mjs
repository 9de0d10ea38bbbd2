// SPDX-License-Identifier: Apache-2.0
// Our room protocol (docs/protocol.md sections 2 and 3) in front of somebody else's SFU, as far as a call needs it: the
// same load generator and the same web page drive every peer. No interpreter: nothing is recognised or translated.
//
// What is behind is a media object (mediasoup/media.mjs, janus/media.mjs):
//   openRoom() → {routerRtpCapabilities, openTransport(direction), close()}
//   transport: {id, options, connect(dtlsParameters), restartIce(), produce(…), consume(producer, rtpCapabilities), close()}
//   producer: {id, kind, type, ready, pause(), resume(), close()}; `ready` resolves when others may consume it
//   consumer: {id, kind, type, rtpParameters, pause(), resume(), close(), requestKeyFrame(), setPreferredLayers(…)}
import { randomBytes, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { Server } from 'socket.io';

class Refusal extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

const MIME = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2', '.json': 'application/json', '.webmanifest': 'application/manifest+json',
};

class Participant {
  constructor(socket, request) {
    this.id = randomUUID();
    this.socket = socket;
    this.name = String(request.name ?? '');
    this.speaks = String(request.speaks ?? 'en');
    this.hears = String(request.hears ?? 'en');
    this.voice = request.voice === 'translated' ? 'translated' : 'original';
    this.handRaised = false;
    this.transports = new Map();
    this.producers = new Map(); // id → {media, source, paused, announced}
    this.consumers = new Map(); // id → {media, producerId}
  }

  get wire() {
    const producers = [...this.producers.values()].filter((producer) => producer.announced).map(wireProducer);
    return { id: this.id, name: this.name, speaks: this.speaks, hears: this.hears, voice: this.voice, handRaised: this.handRaised, producers };
  }
}

const wireProducer = ({ media, source, paused }) => ({ id: media.id, kind: media.kind, source, paused });

class Room {
  constructor(code, name, media) {
    Object.assign(this, { code, name, media });
    this.ownerToken = randomBytes(24).toString('base64url');
    this.createdAt = Date.now();
    this.participants = new Map();
  }

  toOthers(self, event, data) {
    for (const other of this.participants.values()) if (other !== self) other.socket.emit(event, data);
  }

  toAll(event, data) {
    this.toOthers(null, event, data);
  }

  findProducer(id) {
    for (const owner of this.participants.values()) {
      const producer = owner.producers.get(id);
      if (producer) return { owner, producer };
    }
    throw new Refusal('unknown_producer', 'There is no such producer in this room.');
  }

  /** Those who consume it, with their consumers. */
  *consumersOf(producerId) {
    for (const participant of this.participants.values()) {
      for (const [id, consumer] of participant.consumers) if (consumer.producerId === producerId) yield { participant, id, consumer };
    }
  }
}

/** One request each; `this` is the room, what is returned is the ack's data. */
const requests = {
  async createTransport(self, { direction }) {
    const transport = await this.media.openTransport(direction === 'send' ? 'send' : 'recv');
    transport.direction = direction;
    self.transports.set(transport.id, transport);
    return transport.options;
  },
  async connectTransport(self, { transportId, dtlsParameters }) {
    await transportOf(self, transportId).connect(dtlsParameters);
  },
  async restartIce(self, { transportId }) {
    return { iceParameters: await transportOf(self, transportId).restartIce() };
  },
  async produce(self, { transportId, kind, rtpParameters, source, paused = false }) {
    const media = await transportOf(self, transportId).produce({ kind, rtpParameters, paused });
    const producer = { media, source, paused, announced: false };
    self.producers.set(media.id, producer);
    media.ready.then(() => {
      if (self.producers.get(media.id) !== producer) return;
      producer.announced = true;
      this.toOthers(self, 'producerAdded', { participantId: self.id, producer: wireProducer(producer) });
    });
    return { id: media.id, type: media.type };
  },
  async pauseProducer(self, { producerId }) {
    await setProducerPaused(this, self, producerId, true);
  },
  async resumeProducer(self, { producerId }) {
    await setProducerPaused(this, self, producerId, false);
  },
  async closeProducer(self, { producerId }) {
    removeProducer(this, self, producerId);
  },
  async consume(self, { producerId, rtpCapabilities, transportId }) {
    const { producer } = this.findProducer(producerId);
    const transport = transportId ? transportOf(self, transportId) : [...self.transports.values()].find((t) => t.direction === 'recv');
    if (!transport) throw new Refusal('no_transport', 'There is no transport of direction recv.');
    const media = await transport.consume(producer.media, rtpCapabilities);
    self.consumers.set(media.id, { media, producerId });
    media.onLayers = (layers) => self.socket.emit('consumerLayersChanged', { consumerId: media.id, ...layers });
    const { id, kind, type, rtpParameters } = media;
    return { id, producerId, kind, type, rtpParameters, producerPaused: producer.paused };
  },
  async pauseConsumer(self, { consumerId }) {
    await consumerOf(self, consumerId).pause();
  },
  async resumeConsumer(self, { consumerId }) {
    await consumerOf(self, consumerId).resume();
  },
  async closeConsumer(self, { consumerId }) {
    consumerOf(self, consumerId).close();
    self.consumers.delete(consumerId);
  },
  async requestKeyFrame(self, { consumerId }) {
    await consumerOf(self, consumerId).requestKeyFrame();
  },
  async setPreferredLayers(self, { consumerId, spatialLayer, temporalLayer }) {
    await consumerOf(self, consumerId).setPreferredLayers({ spatialLayer, temporalLayer });
  },
  async setLanguages(self, { speaks, hears, voice }) {
    Object.assign(self, speaks && { speaks }, hears && { hears }, voice && { voice });
    this.toOthers(self, 'participantUpdated', self.wire);
    return { self: { id: self.id, speaks: self.speaks, hears: self.hears, voice: self.voice } };
  },
  async setState(self, { handRaised }) {
    self.handRaised = Boolean(handRaised);
    this.toOthers(self, 'participantUpdated', self.wire);
  },
  async react(self, { emoji }) {
    this.toAll('reaction', { participantId: self.id, emoji });
  },
  async chat(self, { text }) {
    const message = { id: randomUUID(), from: self.id, name: self.name, text, lang: self.speaks, translations: {}, at: Date.now() };
    this.toAll('chatMessage', message);
    return { id: message.id, at: message.at };
  },
};

function transportOf(self, id) {
  const transport = self.transports.get(id);
  if (!transport) throw new Refusal('unknown_transport', 'There is no such transport.');
  return transport;
}

function consumerOf(self, id) {
  const consumer = self.consumers.get(id);
  if (!consumer) throw new Refusal('unknown_consumer', 'There is no such consumer.');
  return consumer.media;
}

async function setProducerPaused(room, self, producerId, paused) {
  const producer = self.producers.get(producerId);
  if (!producer) throw new Refusal('unknown_producer', 'There is no such producer.');
  await (paused ? producer.media.pause() : producer.media.resume());
  producer.paused = paused;
  room.toOthers(self, paused ? 'producerPaused' : 'producerResumed', { participantId: self.id, producerId });
  for (const { participant, id } of room.consumersOf(producerId)) {
    participant.socket.emit(paused ? 'consumerPaused' : 'consumerResumed', { consumerId: id });
  }
}

function removeProducer(room, self, producerId) {
  const producer = self.producers.get(producerId);
  if (!producer) return;
  self.producers.delete(producerId);
  for (const { participant, id, consumer } of [...room.consumersOf(producerId)]) {
    participant.consumers.delete(id);
    consumer.media.close();
    participant.socket.emit('consumerClosed', { consumerId: id });
  }
  producer.media.close();
  if (producer.announced) room.toOthers(self, 'producerRemoved', { participantId: self.id, producerId });
}

function leave(room, self, reason) {
  if (!room.participants.delete(self.id)) return;
  for (const id of [...self.producers.keys()]) removeProducer(room, self, id);
  for (const transport of self.transports.values()) transport.close();
  room.toAll('participantLeft', { id: self.id, reason });
}

const makeCode = () => randomBytes(9).toString('hex').match(/.{1,3}/g).join('-');

/** Serves until close(). `processes()`: what makes up this SFU, for whoever measures it: [{name, pid}]. */
export async function serveRooms({ port, host = '127.0.0.1', webDir, media, name, processes }) {
  const rooms = new Map();
  const startedAt = Date.now();

  async function createRoom(request) {
    const code = makeCode();
    const room = new Room(code, String(request.name ?? ''), await media.openRoom());
    rooms.set(code, room);
    return room;
  }
  const roomWire = (room) => ({
    code: room.code, name: room.name, url: `http://${host}:${port}/r/${room.code}`, createdAt: room.createdAt,
    hasPasscode: false, maxParticipants: 1000,
  });

  function deleteRoom(room, request) {
    if (request.headers.authorization !== `Bearer ${room.ownerToken}`) return [401, { error: { code: 'unauthorized', message: 'The owner token is needed.' } }];
    rooms.delete(room.code);
    room.toAll('roomClosed', { reason: 'deleted' });
    for (const participant of [...room.participants.values()]) leave(room, participant, 'roomClosed');
    room.media.close();
    return [204];
  }

  async function answer(request, url) {
    if (url.pathname === '/health') {
      return [200, { status: 'healthy', timestamp: Date.now(), uptime: (Date.now() - startedAt) / 1000, version: name, workers: 1, mode: 'standalone', components: {} }];
    }
    if (url.pathname === '/livez' || url.pathname === '/readyz') return [200, {}];
    if (url.pathname === '/bench/processes') return [200, processes()];
    if (url.pathname === '/api/v1/languages') return [200, { stt: [], translation: [], tts: [] }];
    if (url.pathname === '/api/v1/rooms' && request.method === 'POST') {
      const room = await createRoom(await readJson(request));
      return [201, { ...roomWire(room), ownerToken: room.ownerToken }];
    }
    const code = /^\/api\/v1\/rooms\/([^/]+)$/.exec(url.pathname)?.[1];
    const room = code && rooms.get(code);
    if (room && request.method === 'DELETE') return deleteRoom(room, request);
    if (room) return [200, { ...roomWire(room), participants: room.participants.size }];
    if (url.pathname.startsWith('/api/')) return [404, { error: { code: 'room_not_found', message: 'There is no such room.' } }];
    return null; // a file
  }

  const server = http.createServer(async (request, response) => {
    const url = new URL(request.url, 'http://localhost');
    try {
      const [status, body] = (await answer(request, url)) ?? (await sendFile(webDir, url.pathname, response));
      if (status === null) return; // sent
      response.writeHead(status, { 'Content-Type': 'application/json' });
      response.end(body === undefined ? undefined : JSON.stringify(body));
    } catch (error) {
      response.writeHead(500, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify({ error: { code: 'internal', message: String(error.message) } }));
    }
  });

  const io = new Server(server, { serveClient: false, pingInterval: 25_000, pingTimeout: 20_000 });
  io.on('connection', (socket) => {
    let room = null;
    let self = null;
    const goodbye = (reason) => {
      if (self) leave(room, self, reason);
      room = self = null;
    };
    const join = async (request) => {
      goodbye('replaced');
      const found = rooms.get(String(request.room));
      if (!found) throw new Refusal('room_not_found', 'There is no such room.');
      room = found;
      self = new Participant(socket, request);
      const participants = [...room.participants.values()].map((p) => p.wire);
      room.participants.set(self.id, self);
      room.toOthers(self, 'participantJoined', self.wire);
      return {
        self: { id: self.id, speaks: self.speaks, hears: self.hears, voice: self.voice, token: self.id },
        room: { code: room.code, name: room.name }, routerRtpCapabilities: room.media.routerRtpCapabilities,
        iceServers: [], participants, chat: [], captions: [],
      };
    };
    socket.onAny(async (event, data, ack) => {
      const reply = typeof ack === 'function' ? ack : () => undefined;
      try {
        if (event === 'join') return reply({ ok: true, data: await join(data ?? {}) });
        if (event === 'leave') return reply({ ok: true, data: goodbye('left') ?? {} });
        if (!self) throw new Refusal('not_joined', 'Join a room first.');
        if (!requests[event]) throw new Refusal('unknown_event', `There is no event ${event}.`);
        reply({ ok: true, data: (await requests[event].call(room, self, data ?? {})) ?? {} });
      } catch (error) {
        reply({ ok: false, error: { code: error.code ?? 'internal', message: String(error.message) } });
      }
    });
    socket.on('disconnect', () => goodbye('disconnected'));
  });

  await new Promise((resolve, reject) => server.once('error', reject).listen(port, host, resolve));
  return { close: () => io.close() };
}

async function readJson(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return chunks.length ? JSON.parse(Buffer.concat(chunks).toString()) : {};
}

/** [null] when it was sent. Unknown paths get the page: it is an application with paths of its own. */
async function sendFile(webDir, pathname, response) {
  if (!webDir) return [404, { error: { code: 'not_found', message: 'No web app is served here.' } }];
  const root = path.resolve(webDir);
  let file = path.resolve(root, `.${path.posix.normalize(decodeURIComponent(pathname))}`);
  const inside = file.startsWith(root + path.sep) && (await stat(file).catch(() => null))?.isFile();
  if (!inside) file = path.join(root, 'index.html');
  response.writeHead(200, { 'Content-Type': MIME[path.extname(file)] ?? 'application/octet-stream' });
  createReadStream(file).pipe(response);
  return [null];
}
