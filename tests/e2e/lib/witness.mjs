// SPDX-License-Identifier: Apache-2.0
// Runs in a page before any script of it, as window.__e2e: what its connections do, sampled inside the page, so that a
// slow answer to the test is never taken for a gap of the media. It can also stand in the way of connections.

/** `onlyTcp`: no UDP candidate of the server is believed. */
export function witness({ onlyTcp = false }) {
  const Native = window.RTCPeerConnection;
  if (!Native || window.__e2e) return;
  const connections = [];
  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  let candidatesDropped = 0;

  const isUdp = (line) => /^a=candidate:\S+ \d+ udp /i.test(line);
  function withoutUdp(sdp) {
    const lines = sdp.split('\r\n');
    candidatesDropped += lines.filter(isUdp).length;
    return lines.filter((line) => !isUdp(line)).join('\r\n');
  }

  window.RTCPeerConnection = class RTCPeerConnection extends Native {
    #claimed = null;
    constructor(...args) {
      super(...args);
      connections.push(this);
    }
    get connectionState() {
      return this.#claimed ?? super.connectionState;
    }
    /** From now on this is the state that the page sees; null: the true one again. */
    claim(state) {
      this.#claimed = state;
      this.dispatchEvent(new Event('connectionstatechange'));
    }
    setRemoteDescription(description, ...rest) {
      const given = onlyTcp && description?.sdp ? { type: description.type, sdp: withoutUdp(description.sdp) } : description;
      return super.setRemoteDescription(given, ...rest);
    }
  };

  const open = () => connections.filter((connection) => connection.signalingState !== 'closed');
  const find = async (of, type) => {
    for (const entry of (await of.getStats()).values()) if (entry.type === type) return entry;
  };

  /** The receiver of a producer: the one that has just as many bytes as the page's own statistics say. */
  async function receiverOf(producerId) {
    const bytes = async () => (await window.__jb.stats()).received.find((entry) => entry.producerId === producerId)?.bytes;
    for (let attempt = 0; attempt < 20; ++attempt) {
      const receivers = open().flatMap((connection) => connection.getReceivers()).filter(({ track }) => track.kind === 'audio');
      const before = await bytes();
      const counts = await Promise.all(receivers.map(async (receiver) => (await find(receiver, 'inbound-rtp'))?.bytesReceived));
      const after = await bytes();
      const fitting = receivers.filter((_, index) => before > 0 && before <= counts[index] && counts[index] <= after);
      if (fitting.length === 1) return fitting[0];
      await sleep(100);
    }
    throw new Error(`no receiver for ${producerId}`);
  }

  const senderOfMicrophone = () =>
    open().flatMap((connection) => connection.getSenders()).find(({ track }) => track?.kind === 'audio' && track.readyState === 'live');

  /** Samples of one stream about every 50 ms until the answer is called; `at` is the browser's own time of a sample. */
  function sample(from, type) {
    const samples = [];
    let running = true;
    const loop = (async () => {
      while (running) {
        const entry = await find(from, type);
        if (entry) {
          const { timestamp: at, packetsReceived, packetsSent, packetsLost = 0, concealedSamples = 0, totalSamplesReceived = 0 } = entry;
          samples.push({ at, packets: packetsReceived ?? packetsSent, packetsLost, concealedSamples, totalSamplesReceived });
        }
        await sleep(50);
      }
    })();
    return async () => {
      running = false;
      await loop;
      return samples;
    };
  }

  const watches = new Map();
  const rings = [];

  window.__e2e = {
    async watchReceived(producerId) {
      watches.set('received', sample(await receiverOf(producerId), 'inbound-rtp'));
    },
    watchSent() {
      watches.set('sent', sample(senderOfMicrophone(), 'outbound-rtp'));
    },
    endWatch: (name) => watches.get(name)(),

    /** Keeps who speaks and whose tile is ringed, with performance.now(). */
    keepRings() {
      setInterval(() => {
        const state = window.__jb?.state();
        if (!state) return;
        const ringed = [...document.querySelectorAll('[data-participant].speaking')].map((tile) => tile.dataset.participant);
        rings.push({ at: performance.now(), active: state.activeSpeakerId, sounding: state.sounding, ringed });
      }, 50);
    },
    rings: () => rings,

    /** Of each connection: what the page believes, the pair in use, its credentials and the packets over it. */
    connections: () => Promise.all(open().map(async (connection, index) => {
      const report = await connection.getStats();
      const transport = [...report.values()].find(({ type }) => type === 'transport');
      const pair = report.get(transport?.selectedCandidatePairId);
      const ufrag = (description) => /^a=ice-ufrag:(\S+)/m.exec(description?.sdp ?? '')?.[1] ?? null;
      return {
        index,
        state: connection.connectionState,
        sends: connection.getSenders().some(({ track }) => track),
        protocol: report.get(pair?.localCandidateId)?.protocol ?? null,
        selectedUfrag: transport?.iceLocalUsernameFragment ?? null,
        localUfrag: ufrag(connection.localDescription),
        remoteUfrag: ufrag(connection.remoteDescription),
        packetsSent: transport?.packetsSent ?? 0,
        packetsReceived: transport?.packetsReceived ?? 0,
      };
    })),
    claim: (index, state) => open()[index].claim(state),
    /** For other scripts in the page. */
    peers: open,
    candidatesDropped: () => candidatesDropped,
  };
}
