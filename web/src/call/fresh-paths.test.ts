// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it, vi } from 'vitest';
import { preferFreshPaths, raised } from './fresh-paths';

const UDP = 1_076_302_079, TCP = 1_076_276_479;
const sdp = (fragment: string, ...priorities: number[]) => [
  'v=0', 'm=audio 7 UDP/TLS/RTP/SAVPF 111', `a=ice-ufrag:${fragment}`,
  ...priorities.map((priority, index) => `a=candidate:${index}candidate 1 ${index ? 'tcp' : 'udp'} ${priority} 198.51.100.1 40000 typ host`), '',
].join('\r\n');
const priorities = (text: string) => [...text.matchAll(/candidate:\S+ 1 \S+ (\d+)/g)].map(([, priority]) => Number(priority));

describe('the candidates of the server', () => {
  it('are what they were before the first restart', () => expect(raised(sdp('a', UDP, TCP), 0)).toBe(sdp('a', UDP, TCP)));

  it('count for more with every restart, in the same order, and never for more than ours', () => {
    let before: number[] = [0, 0];
    for (const steps of [0, 1, 2, 3, 699, 700]) {
      const now = priorities(raised(sdp('a', UDP, TCP), steps));
      expect(now[1]).toBeGreaterThan(before[0]!);
      expect(now[0]).toBeGreaterThan(now[1]!);
      before = now;
    }
    expect(priorities(raised(sdp('a', UDP), 5000))[0]).toBeLessThan(110 * 2 ** 24);
  });
});

describe('a connection of the browser', () => {
  afterEach(() => void vi.unstubAllGlobals());

  it('gives them more with each new fragment, and not when only its streams change', async () => {
    const seen: number[] = [];
    vi.stubGlobal('RTCPeerConnection', class {
      async setRemoteDescription(description: RTCSessionDescriptionInit): Promise<void> {
        seen.push(...priorities(description.sdp ?? ''));
      }
    });
    preferFreshPaths();
    preferFreshPaths();
    const connection = new RTCPeerConnection();
    for (const fragment of ['a', 'a', 'b', 'b', 'c']) await connection.setRemoteDescription({ type: 'answer', sdp: sdp(fragment, UDP) });
    const steps = seen.map((priority) => (priority - UDP) / 2 ** 20);
    expect(steps).toEqual([0, 0, 1, 1, 2]);
  });
});
