// SPDX-License-Identifier: Apache-2.0
// Makes browsers take the paths that an ICE restart finds. They rank pairs of candidates by priority first and by age last, so
// that one who has left a network they like better (Wi-Fi for a phone's, or simply the first of two) sends into the void
// until nothing was heard of it for 3.5 s. With every restart the server's candidates count for more here: the priority of a
// pair is above all the lower one of its two (RFC 8445 section 6.1.2.3), and the server's always is that.

/** Above the distance between the server's own candidates, so that their order stays. */
const STEP = 1 << 20;
/** So many steps are left below the lowest priority of a host candidate of ours (RFC 8445 section 5.1.2.2: 110 << 24). */
const MAX_STEPS = 700;

export function raised(sdp: string, steps: number): string {
  return sdp.replace(/^(a=candidate:\S+ \d+ \S+ )(\d+)/gm, (_, head: string, priority: string) =>
    head + String(Number(priority) + STEP * Math.min(steps, MAX_STEPS)));
}

const fragmentOf = (sdp: string) => /^a=ice-ufrag:(\S+)/m.exec(sdp)?.[1];

const patched = new WeakSet<object>();

/** Every connection that is made from here on; may be called again. */
export function preferFreshPaths(): void {
  const Native = globalThis.RTCPeerConnection as typeof RTCPeerConnection | undefined;
  if (!Native || patched.has(Native)) return;
  class Connection extends Native {
    private fragment: string | undefined;
    private restarts = -1;

    override setRemoteDescription(description: RTCSessionDescriptionInit): Promise<void> {
      const { type, sdp } = description;
      if (!sdp) return super.setRemoteDescription(description);
      const fragment = fragmentOf(sdp);
      if (fragment !== this.fragment) ++this.restarts;
      this.fragment = fragment;
      return super.setRemoteDescription({ type, sdp: raised(sdp, this.restarts) });
    }
  }
  patched.add(Connection);
  globalThis.RTCPeerConnection = Connection as typeof RTCPeerConnection;
}
