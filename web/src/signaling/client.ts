// SPDX-License-Identifier: Apache-2.0
// The Socket.IO connection as typed requests and events. It reconnects the socket by itself and says so; joining the
// room again is the caller's matter (call/session.ts), because it needs new transports.
import { io, type Socket } from 'socket.io-client';
import { Failure } from '../protocol/failure';
import type { Ack, Events, Requests } from '../protocol/types';

const REQUEST_TIMEOUT_MS = 10_000;
/** One attempt to connect begun on a network that is about to be left hangs; the next ones have more time, for slow networks. */
const CONNECT_TIMEOUT_MS = 2000;
const CONNECT_TIMEOUT_MS_AT_MOST = 6000;

export interface ConnectionEvents {
  up: () => void;
  /** The socket closed; it will be tried again. */
  down: () => void;
  /** One attempt to connect failed; the next one follows by itself. */
  attemptFailed: () => void;
}

export type EventHandlers = { [E in keyof Events]: (data: Events[E]) => void };

function open(): Socket {
  return io({
    path: '/socket.io/',
    transports: ['websocket', 'polling'],
    tryAllTransports: true,
    autoConnect: false,
    forceNew: true,
    reconnectionDelay: 100,
    reconnectionDelayMax: 3000,
    randomizationFactor: 0.5,
    timeout: CONNECT_TIMEOUT_MS,
  });
}

function dispose(socket: Socket): void {
  socket.removeAllListeners();
  socket.disconnect();
}

export class SignalingClient {
  private socket: Socket;
  /** Connecting beside one that may be dead. */
  private spare: Socket | null = null;
  private retryTimer = 0;

  constructor(
    private readonly connection: ConnectionEvents,
    private readonly handlers: EventHandlers,
  ) {
    this.socket = open();
    this.listen(this.socket);
  }

  private listen(socket: Socket): void {
    let timeoutMs = CONNECT_TIMEOUT_MS;
    const giveConnecting = (ms: number) => void socket.io.timeout((timeoutMs = ms));
    socket.on('connect', () => {
      giveConnecting(CONNECT_TIMEOUT_MS);
      this.connection.up();
    });
    socket.on('disconnect', (reason) => {
      this.connection.down();
      // The spare one has a lead. And after the server closed it on purpose socket.io-client would not try again.
      if (this.spare) this.adoptSpare();
      else if (reason === 'io server disconnect') socket.connect();
    });
    socket.on('connect_error', () => {
      giveConnecting(Math.min(CONNECT_TIMEOUT_MS_AT_MOST, 2 * timeoutMs));
      this.connection.attemptFailed();
      // Refused by the namespace, not by the network: socket.io-client would not try again.
      if (!socket.active) this.retryTimer = window.setTimeout(() => socket.connect(), 2000);
    });
    for (const event of Object.keys(this.handlers) as (keyof Events)[]) {
      socket.on(event, this.handlers[event] as (data: unknown) => void);
    }
  }

  get connected(): boolean {
    return this.socket.connected;
  }

  connect(): void {
    this.socket.connect();
  }

  /** Tries at once instead of waiting for the next attempt: the network has just come back. */
  connectNow(): void {
    if (!this.socket.connected) this.socket.disconnect().connect();
  }

  /**
   * A request was just sent, and its answer may never come, because the network is another: a second socket is connected
   * beside this one, and takes its place unless something is heard of this one first. An answer takes one round trip,
   * connecting takes three.
   */
  doubt(): void {
    if (this.spare || !this.socket.connected) return;
    const spare = open();
    this.spare = spare;
    this.socket.io.engine.once('packet', () => this.dropSpare(spare));
    spare.once('connect', () => this.spare === spare && this.adoptSpare());
    spare.connect();
  }

  /** The socket looks connected and answers nothing. */
  reconnect(): void {
    if (!this.socket.connected) return;
    this.doubt();
    this.adoptSpare();
  }

  private adoptSpare(): void {
    const [old, spare] = [this.socket, this.spare];
    if (!spare) return;
    this.spare = null;
    const wasUp = old.connected;
    dispose(old);
    if (wasUp) this.connection.down();
    this.socket = spare;
    this.listen(spare);
    if (spare.connected) this.connection.up();
  }

  private dropSpare(spare: Socket | null): void {
    if (!spare || this.spare !== spare) return;
    this.spare = null;
    dispose(spare);
  }

  close(): void {
    window.clearTimeout(this.retryTimer);
    this.dropSpare(this.spare);
    dispose(this.socket);
  }

  async request<E extends keyof Requests>(
    event: E, data: Requests[E]['data'], timeoutMs = REQUEST_TIMEOUT_MS,
  ): Promise<Requests[E]['reply']> {
    const { socket } = this;
    if (!socket.connected) throw new Failure('not_connected', 'The connection is away.');
    let ack: Ack<Requests[E]['reply']>;
    try {
      ack = (await socket.timeout(timeoutMs).emitWithAck(event, data)) as Ack<Requests[E]['reply']>;
    } catch {
      // What is on its way when the socket closes fails then, and not later.
      throw new Failure(socket.connected ? 'timeout' : 'not_connected', `No answer to ${event}.`);
    }
    if (!ack.ok) throw new Failure(ack.error.code, ack.error.message);
    return ack.data;
  }

  /** Tells the server without waiting: the page is going away. */
  tell<E extends keyof Requests>(event: E, data: Requests[E]['data']): void {
    if (this.socket.connected) this.socket.emit(event, data, () => undefined);
  }
}
