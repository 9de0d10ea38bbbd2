// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

const fake = vi.hoisted(() => ({ handlers: new Map<string, (given?: unknown) => void>(), connects: 0 }));

vi.mock('socket.io-client', () => ({
  io: () => ({
    active: false,
    connected: false,
    on: (event: string, handler: () => void) => void fake.handlers.set(event, handler),
    connect: () => void ++fake.connects,
    disconnect: () => undefined,
    removeAllListeners: () => fake.handlers.clear(),
  }),
}));

const { SignalingClient } = await import('./client');

const open = () => new SignalingClient({ up: vi.fn(), down: vi.fn(), attemptFailed: vi.fn() }, {} as never);

describe('the signaling client', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal('window', { setTimeout, clearTimeout });
    fake.connects = 0;
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  it('tries again after the namespace refused it', () => {
    open();
    fake.handlers.get('connect_error')?.();
    vi.advanceTimersByTime(2000);
    expect(fake.connects).toBe(1);
  });

  it('does not connect any more once it was closed', () => {
    const client = open();
    fake.handlers.get('connect_error')?.();
    client.close();
    vi.advanceTimersByTime(10_000);
    expect(fake.connects).toBe(0);
  });
});
