// SPDX-License-Identifier: Apache-2.0
// Whether media gets through: the connection states of the transports, with time limits. A transport that is
// connected is never waited for.

/** How long ICE may be disconnected before it counts as broken: short Wi-Fi changes heal by themselves. */
const DISCONNECTED_GRACE_MS = 2500;
/** Time for ICE and DTLS to come up, at first and after a restart. */
const CONNECT_LIMIT_MS = 10_000;

/** What is used of a mediasoup transport. */
export interface WatchedTransport {
  readonly connectionState: RTCPeerConnectionState;
}

export class PathWatch<T extends WatchedTransport> {
  private readonly timers = new Map<T, ReturnType<typeof setTimeout>>();
  private closed = false;

  constructor(
    private readonly transports: () => readonly T[],
    private readonly onBroken: () => void,
    private readonly onHealthy: () => void,
  ) {}

  /** The transport begins to connect, at first or after an ICE restart. */
  connecting(transport: T): void {
    if (transport.connectionState === 'connected') this.settled(transport);
    else this.limit(transport, CONNECT_LIMIT_MS);
  }

  changed(transport: T, state: RTCPeerConnectionState): void {
    if (state === 'connected') this.settled(transport);
    if (state === 'connecting' && !this.timers.has(transport)) this.limit(transport, CONNECT_LIMIT_MS);
    if (state === 'disconnected') this.limit(transport, DISCONNECTED_GRACE_MS);
    if (state === 'failed') this.broken(transport);
  }

  close(): void {
    this.closed = true;
    for (const transport of [...this.timers.keys()]) this.forget(transport);
  }

  private settled(transport: T): void {
    this.forget(transport);
    if (this.closed) return;
    const used = this.transports().filter(({ connectionState }) => connectionState !== 'new');
    if (used.every((other) => other === transport || other.connectionState === 'connected')) this.onHealthy();
  }

  private limit(transport: T, ms: number): void {
    this.forget(transport);
    if (!this.closed) this.timers.set(transport, setTimeout(() => this.broken(transport), ms));
  }

  /** The transport is none of ours any more. */
  forget(transport: T): void {
    clearTimeout(this.timers.get(transport));
    this.timers.delete(transport);
  }

  private broken(transport: T): void {
    this.forget(transport);
    if (!this.closed) this.onBroken();
  }
}
