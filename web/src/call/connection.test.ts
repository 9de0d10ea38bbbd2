// SPDX-License-Identifier: Apache-2.0
// Transports that the server ends, with mediasoup's device and the server played by the test.
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Failure } from '../protocol/failure';
import type { JoinReply, Producer } from '../protocol/types';
import type { SignalingClient } from '../signaling/client';
import { Viewing } from './viewing';

const fake = vi.hoisted(() => ({ transports: [] as FakeTransport[], made: 0 }));

class FakeTransport {
  connectionState = 'connected';
  closed = false;
  constructor(readonly id: string) {
    fake.transports.push(this);
  }
  private readonly listeners = new Map<string, (given: unknown, done: () => void, fail: () => void) => void>();
  on(event: string, listener: (given: unknown, done: () => void, fail: () => void) => void): this {
    this.listeners.set(event, listener);
    return this;
  }
  emit(event: string, given: unknown): void {
    this.listeners.get(event)?.(given, () => undefined, () => undefined);
  }
  close(): void {
    this.closed = true;
  }
  async produce({ track }: { track: MediaStreamTrack }) {
    if (this.closed) throw new Error('closed');
    return { id: `producer of ${this.id}`, track, close: () => undefined, pause: () => undefined };
  }
  async consume({ id, producerId, kind }: { id: string; producerId: string; kind: string }) {
    if (this.closed) throw new Error('closed');
    return { id, producerId, kind, track: { kind, of: this.id }, rtpParameters: { encodings: [{ scalabilityMode: 'L3T3' }] }, close: () => undefined };
  }
}

vi.mock('mediasoup-client', () => ({
  parseScalabilityMode: () => ({ spatialLayers: 3, temporalLayers: 3 }),
  Device: class {
    sendRtpCapabilities = { codecs: [] };
    recvRtpCapabilities = {};
    load = async () => undefined;
    createSendTransport = ({ id }: { id: string }) => new FakeTransport(id);
    createRecvTransport = ({ id }: { id: string }) => new FakeTransport(id);
  },
}));
vi.stubGlobal('window', { setTimeout: () => 0, clearTimeout: () => undefined });

const { MediaConnection } = await import('./connection');

const camera: Producer = { id: 'camera', kind: 'video', source: 'camera', paused: false };
const voice = { kind: 'audio', enabled: true } as MediaStreamTrack;

async function setup() {
  const requests: string[] = [];
  const answers: Record<string, () => unknown> = {};
  const request = async (event: string, data: { direction?: string }) => {
    requests.push(event);
    if (answers[event]) return answers[event]();
    if (event === 'createTransport') return { id: `${data.direction} ${++fake.made}` };
    if (event === 'consume') return { id: `consumer ${++fake.made}`, producerId: 'camera', kind: 'video', rtpParameters: {} };
    return {};
  };
  const signaling = { request, tell: vi.fn() } as unknown as SignalingClient;
  const handlers = { onTrack: vi.fn(), onTrackGone: vi.fn(), onBroken: vi.fn(), onHealthy: vi.fn(), onSilent: vi.fn() };
  const connection = await MediaConnection.open(
    signaling, { routerRtpCapabilities: {} } as JoinReply, handlers, 'vp8', new Viewing(() => undefined));
  await connection.publish('mic', voice, 0);
  await connection.consume(camera);
  const told = () => vi.mocked(signaling.tell).mock.calls.map(([event]) => event);
  return { connection, handlers, requests, answers, told };
}

beforeEach(() => void Object.assign(fake, { transports: [], made: 0 }));

describe('a transport that the server ended', () => {
  it('is made anew, and what was sent and received is wanted again', async () => {
    const { connection, handlers } = await setup();
    expect(connection.transportGone('send 1')).toBe(true);
    expect([connection.sends, connection.sent('mic')]).toEqual([false, null]);
    expect(connection.transportGone('recv 2')).toBe(true);
    expect(await connection.reopen()).toEqual(['send', 'recv']);
    expect(connection.sends).toBe(true);
    await connection.consume(camera);
    expect(handlers.onTrack).toHaveBeenCalledTimes(2);
    expect(handlers.onTrackGone).not.toHaveBeenCalled();
  });

  it('is told once, and only of ours', async () => {
    const { connection } = await setup();
    expect(connection.transportGone('recv 9')).toBe(false);
    expect(connection.transportGone('recv 2')).toBe(true);
    expect(connection.transportGone('recv 2')).toBe(false);
  });

  it('takes the picture off the screen when its producer is gone too', async () => {
    const { connection, handlers } = await setup();
    connection.transportGone('recv 2');
    expect(handlers.onTrackGone).not.toHaveBeenCalled();
    connection.drop('camera');
    expect(handlers.onTrackGone).toHaveBeenCalledWith('camera');
  });

  it('does not spoil what is made anew when an answer from before comes late', async () => {
    const { connection, handlers, answers } = await setup();
    connection.drop('camera');
    let refuse!: () => void;
    answers['consume'] = () => new Promise((_, reject) => (refuse = () => reject(new Failure('transport_not_found', ''))));
    const late = connection.consume(camera);
    connection.transportGone('recv 2');
    await connection.reopen();
    delete answers['consume'];
    await connection.consume(camera);
    handlers.onTrackGone.mockClear();
    refuse();
    await late;
    expect(handlers.onTrackGone).not.toHaveBeenCalled();
    expect(handlers.onTrack).toHaveBeenCalledTimes(2);
  });

  it('is not asked for anything in between', async () => {
    const { connection, requests } = await setup();
    connection.transportGone('recv 2');
    requests.length = 0;
    await connection.consume(camera);
    expect(requests).toEqual([]);
  });
});

describe('a join that goes on over another socket', () => {
  const answer = (continued: JoinReply['continued'], producers = [camera]) =>
    ({ participants: [{ id: 'bob', producers }], continued }) as unknown as JoinReply;
  const all = { transports: ['send 1', 'recv 2'], producers: ['producer of send 1'], consumers: ['consumer 3'] };

  it('keeps everything that both sides know', async () => {
    const { connection, handlers, told } = await setup();
    expect(connection.goOn(answer(all))).toEqual([]);
    expect(connection.sent('mic')).toBe(voice);
    expect(handlers.onTrackGone).not.toHaveBeenCalled();
    expect(told()).toEqual(['resumeProducer']);
  });

  it('withdraws what only the server knows', async () => {
    const { connection, told } = await setup();
    connection.goOn(answer({ ...all, producers: [...all.producers, 'lost'], consumers: [...all.consumers, 'lost too'] }));
    expect(told()).toEqual(['resumeProducer', 'closeProducer', 'closeConsumer']);
  });

  it('takes away what only we know, so that it is made again', async () => {
    const { connection, handlers } = await setup();
    connection.goOn(answer({ ...all, producers: [], consumers: [] }));
    expect(connection.sent('mic')).toBeNull();
    expect(handlers.onTrackGone).toHaveBeenCalledWith('camera');
  });

  it('takes away what ended meanwhile', async () => {
    const { connection, handlers } = await setup();
    connection.goOn(answer(all, []));
    expect(handlers.onTrackGone).toHaveBeenCalledWith('camera');
  });

  it('names the transports that are no more', async () => {
    const { connection } = await setup();
    expect(connection.goOn(answer({ ...all, transports: ['recv 2'] }))).toEqual(['send 1']);
  });

  it('gives up a transport of which the server may not know the fingerprint', async () => {
    const { connection, answers } = await setup();
    answers['connectTransport'] = () => Promise.reject(new Failure('not_connected', ''));
    fake.transports[0]?.emit('connect', { dtlsParameters: {} });
    await new Promise((resolve) => setTimeout(resolve));
    expect(connection.goOn(answer(all))).toEqual(['send 1']);
  });
});
