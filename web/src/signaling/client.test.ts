// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

type Listener = (given?: unknown) => void;

class FakeSocket {
  active = false;
  connected = false;
  connects = 0;
  closed = false;
  readonly timeouts: number[] = [];
  private listeners: [event: string, listener: Listener][] = [];
  private readonly packetListeners: Listener[] = [];
  readonly io = {
    timeout: (ms: number) => void this.timeouts.push(ms),
    engine: { once: (_: string, listener: Listener) => void this.packetListeners.push(listener) },
  };
  on(event: string, listener: Listener): void {
    this.listeners.push([event, listener]);
  }
  once(event: string, listener: Listener): void {
    this.on(event, listener);
  }
  emit(event: string, given?: unknown): void {
    for (const [name, listener] of [...this.listeners]) if (name === event) listener(given);
  }
  becomes(connected: boolean): void {
    this.connected = connected;
    this.emit(connected ? 'connect' : 'disconnect', 'transport close');
  }
  hear(): void {
    this.packetListeners.splice(0).forEach((listener) => listener());
  }
  connect(): this {
    ++this.connects;
    return this;
  }
  disconnect(): this {
    this.connected = false;
    this.closed = true;
    return this;
  }
  removeAllListeners(): void {
    this.listeners = [];
  }
}

const fake = vi.hoisted(() => ({ sockets: [] as FakeSocket[] }));
vi.mock('socket.io-client', () => ({
  io: () => {
    const socket = new FakeSocket();
    fake.sockets.push(socket);
    return socket;
  },
}));

const { SignalingClient } = await import('./client');

const open = () => {
  const events = { up: vi.fn(), down: vi.fn(), attemptFailed: vi.fn() };
  const client = new SignalingClient(events, {} as never);
  return { client, events, socket: fake.sockets[0] as FakeSocket };
};

describe('the signaling client', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal('window', { setTimeout, clearTimeout });
    fake.sockets.length = 0;
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  it('tries again after the namespace refused it', () => {
    const { socket } = open();
    socket.emit('connect_error');
    vi.advanceTimersByTime(2000);
    expect(socket.connects).toBe(1);
  });

  it('gives up one try to connect soon, and later ones later', () => {
    const { socket } = open();
    for (const event of ['connect_error', 'connect_error', 'connect_error', 'connect']) socket.emit(event);
    expect(socket.timeouts).toEqual([4000, 6000, 6000, 2000]);
  });

  it('does not connect any more once it was closed', () => {
    const { client, socket } = open();
    socket.emit('connect_error');
    client.close();
    vi.advanceTimersByTime(10_000);
    expect(socket.connects).toBe(0);
  });
});

describe('a socket that may be dead', () => {
  beforeEach(() => {
    fake.sockets.length = 0;
    vi.stubGlobal('window', { setTimeout, clearTimeout });
  });
  afterEach(() => void vi.unstubAllGlobals());

  function doubtful() {
    const { client, events, socket } = open();
    socket.becomes(true);
    client.doubt();
    events.up.mockClear();
    return { client, events, socket, spare: fake.sockets[1] as FakeSocket };
  }

  it('is kept when anything is heard of it first', () => {
    const { client, events, socket, spare } = doubtful();
    socket.hear();
    expect(spare.closed).toBe(true);
    spare.becomes(true);
    expect([client.connected, socket.closed, events.down.mock.calls.length]).toEqual([true, false, 0]);
  });

  it('is replaced by the one beside it when that connects first', () => {
    const { events, socket, spare } = doubtful();
    spare.becomes(true);
    expect(socket.closed).toBe(true);
    expect([events.down.mock.calls.length, events.up.mock.calls.length]).toEqual([1, 1]);
    spare.becomes(false);
    expect(events.down).toHaveBeenCalledTimes(2);
  });

  it('is not tried again when it closes: the other one has a lead', () => {
    const { events, socket, spare } = doubtful();
    socket.becomes(false);
    expect([socket.closed, socket.connects]).toEqual([true, 0]);
    spare.becomes(true);
    expect([events.down.mock.calls.length, events.up.mock.calls.length]).toEqual([1, 1]);
  });

  it('is doubted once at a time, and only while it looks connected', () => {
    const { client, socket, spare } = doubtful();
    client.doubt();
    expect(fake.sockets).toHaveLength(2);
    socket.becomes(false);
    client.doubt();
    expect(fake.sockets).toHaveLength(2);
    client.close();
    expect(spare.closed).toBe(true);
  });

  it('is given up at once when a request was not answered', () => {
    const { client, events, socket } = doubtful();
    client.reconnect();
    expect(socket.closed).toBe(true);
    expect([client.connected, events.down.mock.calls.length]).toEqual([false, 1]);
  });
});
