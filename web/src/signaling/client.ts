// SPDX-License-Identifier: Apache-2.0
// The Socket.IO connection as typed requests and events. It reconnects the socket by itself and says so; joining the
// room again is the caller's matter (call/session.ts), because it needs new transports.
import { io, type Socket } from 'socket.io-client';
import { Failure } from '../protocol/failure';
import type { Ack, Events, Requests } from '../protocol/types';

const REQUEST_TIMEOUT_MS = 10_000;

export interface ConnectionEvents {
  up: () => void;
  /** The socket closed; it will be tried again. */
  down: () => void;
  /** One attempt to connect failed; the next one follows by itself. */
  attemptFailed: () => void;
}

export type EventHandlers = { [E in keyof Events]: (data: Events[E]) => void };

export class SignalingClient {
  private readonly socket: Socket;
  private retryTimer = 0;

  constructor(connection: ConnectionEvents, handlers: EventHandlers) {
    this.socket = io({
      path: '/socket.io/',
      transports: ['websocket', 'polling'],
      tryAllTransports: true,
      autoConnect: false,
      reconnectionDelay: 300,
      reconnectionDelayMax: 3000,
      randomizationFactor: 0.3,
      timeout: 6000,
    });
    this.socket.on('connect', connection.up);
    this.socket.on('disconnect', (reason) => {
      connection.down();
      // The server closed it on purpose (shutting down): socket.io-client would not try again.
      if (reason === 'io server disconnect') this.socket.connect();
    });
    this.socket.on('connect_error', () => {
      connection.attemptFailed();
      // Refused by the namespace, not by the network: socket.io-client would not try again.
      if (!this.socket.active) this.retryTimer = window.setTimeout(() => this.socket.connect(), 2000);
    });
    for (const event of Object.keys(handlers) as (keyof Events)[]) {
      this.socket.on(event, handlers[event] as (data: unknown) => void);
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

  /** The socket looks connected and answers nothing: the network behind it is another. */
  reconnect(): void {
    this.socket.disconnect().connect();
  }

  close(): void {
    window.clearTimeout(this.retryTimer);
    this.socket.removeAllListeners();
    this.socket.disconnect();
  }

  async request<E extends keyof Requests>(
    event: E, data: Requests[E]['data'], timeoutMs = REQUEST_TIMEOUT_MS,
  ): Promise<Requests[E]['reply']> {
    if (!this.socket.connected) throw new Failure('not_connected', 'The connection is away.');
    let ack: Ack<Requests[E]['reply']>;
    try {
      ack = (await this.socket.timeout(timeoutMs).emitWithAck(event, data)) as Ack<Requests[E]['reply']>;
    } catch {
      throw new Failure('timeout', `No answer to ${event}.`);
    }
    if (!ack.ok) throw new Failure(ack.error.code, ack.error.message);
    return ack.data;
  }

  /** Tells the server without waiting: the page is going away. */
  tell<E extends keyof Requests>(event: E, data: Requests[E]['data']): void {
    if (this.socket.connected) this.socket.emit(event, data, () => undefined);
  }
}
