// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PathWatch } from './path-watch';

class FakeTransport {
  connectionState: RTCPeerConnectionState = 'new';
}

function setup() {
  const [send, recv] = [new FakeTransport(), new FakeTransport()];
  const onBroken = vi.fn(), onHealthy = vi.fn();
  const watch = new PathWatch<FakeTransport>(() => [send, recv], onBroken, onHealthy);
  const set = (transport: FakeTransport, state: RTCPeerConnectionState) => {
    transport.connectionState = state;
    watch.changed(transport, state);
  };
  return { send, recv, watch, set, onBroken, onHealthy };
}

describe('the media path', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('is broken when a transport does not connect in time', () => {
    const { send, watch, onBroken } = setup();
    send.connectionState = 'connecting';
    watch.connecting(send);
    vi.advanceTimersByTime(9999);
    expect(onBroken).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(onBroken).toHaveBeenCalledTimes(1);
  });

  it('is not broken by an ICE restart of a transport that stays connected', () => {
    const { send, recv, watch, set, onBroken, onHealthy } = setup();
    set(send, 'connected');
    set(recv, 'connected');
    set(send, 'disconnected');
    vi.advanceTimersByTime(2500);
    expect(onBroken).toHaveBeenCalledTimes(1);
    onHealthy.mockClear();
    for (const transport of [send, recv]) watch.connecting(transport);
    expect(onHealthy).not.toHaveBeenCalled();
    set(send, 'connected');
    expect(onHealthy).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(60_000);
    expect(onBroken).toHaveBeenCalledTimes(1);
  });

  it('is healthy at once when everything is connected again before the restart', () => {
    const { send, recv, watch, set, onBroken, onHealthy } = setup();
    set(send, 'connected');
    set(recv, 'connected');
    onHealthy.mockClear();
    watch.connecting(send);
    expect(onHealthy).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(60_000);
    expect(onBroken).not.toHaveBeenCalled();
  });

  it('is not healthy while the other transport has failed', () => {
    const { send, recv, set, onBroken, onHealthy } = setup();
    set(recv, 'connecting');
    set(recv, 'failed');
    expect(onBroken).toHaveBeenCalledTimes(1);
    set(send, 'connected');
    expect(onHealthy).not.toHaveBeenCalled();
  });

  it('heals a short break by itself, and tells nothing after closing', () => {
    const { send, watch, set, onBroken } = setup();
    set(send, 'disconnected');
    vi.advanceTimersByTime(2000);
    set(send, 'connected');
    vi.advanceTimersByTime(10_000);
    set(send, 'disconnected');
    watch.close();
    vi.advanceTimersByTime(10_000);
    expect(onBroken).not.toHaveBeenCalled();
  });
});
