// SPDX-License-Identifier: Apache-2.0
// mediasoup behind room_server.mjs: one worker, one router per room. Its own API is where ours comes from, so this is
// little more than names.
import { execFileSync } from 'node:child_process';
import * as mediasoup from 'mediasoup';

// What our own server takes (src/sfu/ortc_router.cc), in its order.
const mediaCodecs = [
  { kind: 'audio', mimeType: 'audio/opus', clockRate: 48000, channels: 2 },
  { kind: 'video', mimeType: 'video/VP8', clockRate: 90000 },
  { kind: 'video', mimeType: 'video/VP9', clockRate: 90000, parameters: { 'profile-id': 0 } },
  { kind: 'video', mimeType: 'video/H264', clockRate: 90000, parameters: { 'packetization-mode': 1, 'profile-level-id': '42e01f', 'level-asymmetry-allowed': 1 } },
  { kind: 'video', mimeType: 'video/AV1', clockRate: 90000 },
];

// Where its estimate begins: what the largest of our meetings needs. It probes at three and six times this, so that
// much more costs much more: at 1 Gbit/s it sent two probes for each packet of video.
const INITIAL_OUTGOING_BITRATE = 10_000_000;

/** `ports`: [lowest, highest]. `shared`: one UDP port for everybody (WebRtcServer) instead of one per transport. */
export async function startMediasoup({ cpu, ports, address, shared = true }) {
  const worker = await mediasoup.createWorker({ logLevel: 'error', rtcMinPort: ports[0], rtcMaxPort: ports[1], disableLiburing: false });
  worker.on('died', (error) => {
    console.error(`the mediasoup worker died: ${error}`);
    process.exit(1);
  });
  if (cpu !== undefined) execFileSync('taskset', ['-a', '-p', '-c', String(cpu), String(worker.pid)], { stdio: 'ignore' });
  const listen = { protocol: 'udp', ip: address };
  const webRtcServer = shared ? await worker.createWebRtcServer({ listenInfos: [{ ...listen, port: ports[0] }] }) : null;

  return {
    processes: () => [{ name: 'worker', pid: worker.pid }, { name: 'signaling', pid: process.pid }],
    close: () => worker.close(),
    openRoom: async () => {
      const router = await worker.createRouter({ mediaCodecs });
      return {
        routerRtpCapabilities: router.rtpCapabilities,
        close: () => router.close(),
        openTransport: async () => openTransport(await router.createWebRtcTransport({
          ...(webRtcServer ? { webRtcServer } : { listenInfos: [listen] }),
          enableUdp: true, enableTcp: false, initialAvailableOutgoingBitrate: INITIAL_OUTGOING_BITRATE,
        })),
      };
    },
  };
}

function openTransport(transport) {
  const { id, iceParameters, iceCandidates, dtlsParameters } = transport;
  return {
    id,
    options: { id, iceParameters, iceCandidates, dtlsParameters },
    connect: (dtlsParameters) => transport.connect({ dtlsParameters }),
    restartIce: () => transport.restartIce(),
    close: () => transport.close(),
    produce: async ({ kind, rtpParameters, paused }) => {
      const producer = await transport.produce({ kind, rtpParameters, paused });
      return {
        id: producer.id, kind, type: producer.type, ready: Promise.resolve(),
        pause: () => producer.pause(), resume: () => producer.resume(), close: () => producer.close(),
      };
    },
    consume: async (producer, rtpCapabilities) => {
      const consumer = await transport.consume({ producerId: producer.id, rtpCapabilities, paused: true });
      const self = {
        id: consumer.id, kind: consumer.kind, type: consumer.type, rtpParameters: consumer.rtpParameters, onLayers: null,
        pause: () => consumer.pause(), resume: () => consumer.resume(), close: () => consumer.close(),
        requestKeyFrame: () => consumer.requestKeyFrame(), setPreferredLayers: (layers) => consumer.setPreferredLayers(layers),
      };
      consumer.on('layerschange', (layers) => layers && self.onLayers?.(layers));
      return self;
    },
  };
}
