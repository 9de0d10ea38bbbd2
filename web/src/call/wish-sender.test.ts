// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Wish } from './viewing';
import { WishSender } from './wish-sender';

/** A server that answers each request after 100 ms, or refuses the next few. */
function setup(first: Wish) {
  const told: string[] = [];
  const state = { refusals: 0 };
  const answer = (request: string) => new Promise<void>((resolve, reject) => {
    told.push(request);
    setTimeout(() => (state.refusals-- > 0 ? reject(new Error('timeout')) : resolve()), 100);
  });
  const sender = new WishSender(
    { pause: () => answer('pause'), resume: () => answer('resume'), prefer: (layer) => answer(`layer ${layer}`) }, first);
  return { sender, told, state };
}

describe('the wishes about a received picture', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('begin with the layer, then the picture', async () => {
    const { sender, told } = setup({ visible: true, spatialLayer: 1 });
    const begun = sender.begin();
    await vi.advanceTimersByTimeAsync(200);
    await begun;
    expect(told).toEqual(['layer 1', 'resume']);
  });

  it('leave a picture paused that nobody sees', async () => {
    const { sender, told } = setup({ visible: false, spatialLayer: 2 });
    await sender.begin();
    expect(told).toEqual([]);
    sender.set({ visible: true, spatialLayer: 2 });
    await vi.advanceTimersByTimeAsync(1000);
    expect(told).toEqual(['layer 2', 'resume']);
  });

  it('are told one at a time, and only the last one counts', async () => {
    const { sender, told } = setup({ visible: true, spatialLayer: null });
    void sender.begin();
    for (const spatialLayer of [0, 1, 2]) sender.set({ visible: true, spatialLayer });
    await vi.advanceTimersByTimeAsync(50);
    expect(told).toEqual(['resume']);
    await vi.advanceTimersByTimeAsync(1000);
    expect(told).toEqual(['resume', 'layer 2']);
  });

  it('fail at first where the server refuses, and are tried again later on', async () => {
    const refused = setup({ visible: true, spatialLayer: null });
    refused.state.refusals = 1;
    const begun = expect(refused.sender.begin()).rejects.toThrow('timeout');
    await vi.advanceTimersByTimeAsync(100);
    await begun;

    const { sender, told, state } = setup({ visible: true, spatialLayer: null });
    void sender.begin();
    await vi.advanceTimersByTimeAsync(100);
    state.refusals = 1;
    sender.set({ visible: false, spatialLayer: null });
    await vi.advanceTimersByTimeAsync(3000);
    expect(told).toEqual(['resume', 'pause', 'pause']);
  });

  it('are told again when the answer was lost, though the wish is the one from before', async () => {
    const { sender, told, state } = setup({ visible: true, spatialLayer: 1 });
    void sender.begin();
    await vi.advanceTimersByTimeAsync(300);
    state.refusals = 1;
    sender.set({ visible: false, spatialLayer: 1 });
    await vi.advanceTimersByTimeAsync(50);
    sender.set({ visible: true, spatialLayer: 1 });
    await vi.advanceTimersByTimeAsync(3000);
    expect(told).toEqual(['layer 1', 'resume', 'pause', 'layer 1', 'resume']);
  });

  it('are told no more after the consumer has gone', async () => {
    const { sender, told, state } = setup({ visible: true, spatialLayer: null });
    void sender.begin();
    await vi.advanceTimersByTimeAsync(100);
    state.refusals = 1;
    sender.set({ visible: false, spatialLayer: null });
    await vi.advanceTimersByTimeAsync(100);
    sender.close();
    sender.set({ visible: true, spatialLayer: 1 });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(told).toEqual(['resume', 'pause']);
  });
});
