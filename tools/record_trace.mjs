// SPDX-License-Identifier: Apache-2.0
// Records what `jbcalling load` replays: the sizes, times, key frames and temporal layers of the packets that a real
// Chromium sends to our server, three encodings of VP8 simulcast and Opus. No payload is kept.
//
//   tools/record_trace.mjs BINARY OUT.trace [SECONDS]
//
// Needs the packages of web/ and tests/e2e (npm ci), chromium, ffmpeg and flite. The packets come from Chromium's own
// log of what it hands to SRTP (field trial WebRTC-Debugging-RtpDump). The picture is a moving test pattern with film
// grain, 1280x720 at 30 frames per second; the sound is a voice with pauses. docs/load.md describes the format.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const requireWeb = createRequire(path.join(root, 'web/package.json'));
const requireE2e = createRequire(path.join(root, 'tests/e2e/package.json'));
const esbuild = requireWeb('esbuild');
const { chromium } = await import(pathToFileURL(requireE2e.resolve('playwright-core')).href).then((m) => m.default ?? m);

const [binary, out, secondsText = '20'] = process.argv.slice(2);
if (!binary || !out) {
  console.error('usage: tools/record_trace.mjs BINARY OUT.trace [SECONDS]');
  process.exit(2);
}
const SECONDS = Number(secondsText);
const WARM_UP_S = 8;  // until the encoder has found its rate
const ENCODINGS = [
  { scaleResolutionDownBy: 4, maxBitrate: 150_000 },
  { scaleResolutionDownBy: 2, maxBitrate: 500_000 },
  { scaleResolutionDownBy: 1, maxBitrate: 1_500_000 },
];
const work = mkdtempSync(path.join(os.tmpdir(), 'jb-trace-'));

async function freePort() {
  const server = net.createServer();
  await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The page: joins, sends a camera in three encodings and a microphone. Runs in the browser. */
const PAGE = `
import { Device } from 'mediasoup-client';
import { io } from 'socket.io-client';
window.record = async (room, encodings) => {
  const socket = io(location.origin, { transports: ['websocket'] });
  await new Promise((resolve) => socket.once('connect', resolve));
  const ask = async (event, data) => {
    const answer = await socket.emitWithAck(event, data);
    if (!answer.ok) throw new Error(event + ': ' + answer.error.code);
    return answer.data;
  };
  const joined = await ask('join', { room, name: 'camera', speaks: 'en', hears: 'en', voice: 'original' });
  const device = new Device();
  await device.load({ routerRtpCapabilities: joined.routerRtpCapabilities });
  const transport = device.createSendTransport(await ask('createTransport', { direction: 'send' }));
  transport.on('connect', ({ dtlsParameters }, done, failed) =>
    ask('connectTransport', { transportId: transport.id, dtlsParameters }).then(done, failed));
  transport.on('produce', ({ kind, rtpParameters }, done, failed) =>
    ask('produce', { transportId: transport.id, kind, rtpParameters, source: kind === 'audio' ? 'mic' : 'camera' }).then(done, failed));
  const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 1280, height: 720, frameRate: 30 } });
  await transport.produce({ track: media.getAudioTracks()[0] });
  await transport.produce({ track: media.getVideoTracks()[0], encodings,
                            codec: device.sendRtpCapabilities.codecs.find((c) => c.mimeType === 'video/VP8') });
};
`;

async function startServer() {
  const port = await freePort();
  const media = 24_100;
  const args = ['gateway', '--set', `gateway.port=${port}`, '--set', 'gateway.host=127.0.0.1', '--set', `media.port_min=${media}`,
    '--set', `media.port_max=${media + 20}`, '--set', 'media.listen=127.0.0.1'];
  const server = spawn(binary, args, { stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  for (let i = 0; i < 100; ++i) {
    if (await fetch(`${url}/livez`).then((r) => r.ok, () => false)) return { server, url };
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('the server does not start');
}

function makePictureAndSound() {
  const ffmpeg = (...args) => execFileSync('ffmpeg', ['-v', 'error', '-y', ...args]);
  const picture = path.join(work, 'picture.y4m');
  ffmpeg('-f', 'lavfi', '-i', 'testsrc2=size=1280x720:rate=30:duration=6,noise=alls=6:allf=t', '-pix_fmt', 'yuv420p', picture);
  const words = path.join(work, 'words.wav');
  execFileSync('flite', ['-voice', 'slt', '-t',
    'good morning everyone. the weather was cold, but the sun was shining all day. what do you think about the plan?', '-o', words]);
  const sound = path.join(work, 'sound.wav');
  ffmpeg('-i', words, '-af', 'apad=pad_dur=2', '-ar', '48000', '-ac', '1', sound);
  return { picture, sound };
}

/**
 * Chromium's log → [{ at (ms), bytes }] of the RTP it sent. A line: "O 00:00:33.710 0000 90 6f … # RTP_DUMP". Its clock
 * leaps by half a minute now and then, with which no packet has anything to do.
 */
function sentPackets(log) {
  const packets = [];
  let at = 0, last = null;
  for (const match of log.matchAll(/O (\d+):(\d+):(\d+\.\d+) 0000 ((?:[0-9a-f]{2} )+)# RTP_DUMP/g)) {
    const bytes = Buffer.from(match[4].replaceAll(' ', ''), 'hex');
    const clock = (Number(match[1]) * 3600 + Number(match[2]) * 60 + Number(match[3])) * 1000;
    const step = last === null ? 0 : clock - last;
    last = clock;
    if (step >= 0 && step < 2000) at += step;
    if (bytes.length < 12 || (bytes[1] >= 192 && bytes[1] <= 223)) continue;  // RTCP
    packets.push({ at, bytes });
  }
  return packets;
}

function parseRtp({ at, bytes }) {
  let offset = 12 + 4 * (bytes[0] & 15);
  let level = null;
  if (bytes[0] & 16) {
    const length = 4 * bytes.readUInt16BE(offset + 2);
    if (bytes.readUInt16BE(offset) === 0xbede) {
      for (let i = offset + 4; i < offset + 4 + length;) {
        if (bytes[i] === 0) { ++i; continue; }
        const [id, size] = [bytes[i] >> 4, (bytes[i] & 15) + 1];
        if (id === 1) level = bytes[i + 1];
        i += 1 + size;
      }
    }
    offset += 4 + length;
  }
  const padding = bytes[0] & 32 ? bytes[bytes.length - 1] : 0;
  return {
    at, level, marker: (bytes[1] & 128) !== 0, payloadType: bytes[1] & 127, sequence: bytes.readUInt16BE(2),
    timestamp: bytes.readUInt32BE(4), ssrc: bytes.readUInt32BE(8), payload: bytes.subarray(offset, bytes.length - padding),
  };
}

/** RFC 7741 section 4.2, as much of it as the trace keeps. `size`: of the descriptor. */
function vp8(payload) {
  const x = payload[0] & 0x80;
  let at = 1;
  const extensions = x ? payload[at++] : 0;
  if (extensions & 0x80) at += payload[at] & 0x80 ? 2 : 1;
  if (extensions & 0x40) ++at;
  let tid = 0, sync = false;
  if (extensions & 0x30) {
    tid = payload[at] >> 6;
    sync = (payload[at++] & 0x20) !== 0;
  }
  const start = (payload[0] & 0x10) !== 0 && (payload[0] & 7) === 0;
  return { size: at, start, tid, sync, nonReference: (payload[0] & 0x20) !== 0, key: start && (payload[at] & 1) === 0 };
}

function audioLines(packets) {
  const lines = [];
  const [{ timestamp: first }] = packets;
  let last = first - 960;
  for (const packet of packets) {
    if (((packet.timestamp - first) >>> 0) / 48 >= SECONDS * 1000) break;
    const frames = ((packet.timestamp - last) >>> 0) / 960;
    last = packet.timestamp;
    lines.push(`a ${frames} ${packet.payload.length} ${packet.level & 127}`);
  }
  return lines;
}

/** Frames of one encoding: { at, line }. `origin`: the time that is 0 in the trace. */
function frameLines(packets, encoding, origin) {
  const frames = [];
  for (const packet of packets) {
    const descriptor = vp8(packet.payload);
    const last = frames.at(-1);
    if (!last || last.timestamp !== packet.timestamp) {
      if (!descriptor.start) continue;  // the recording began within this frame
      frames.push({ timestamp: packet.timestamp, at: packet.at, descriptor, packets: [] });
    }
    frames.at(-1).packets.push({ delay: packet.at - frames.at(-1).at, size: packet.payload.length - descriptor.size });
  }
  return frames.map(({ at, descriptor, packets: parts }) => {
    const flags = `${descriptor.key ? 'k' : 'd'}${descriptor.tid}${descriptor.sync ? 'y' : ''}${descriptor.nonReference ? 'n' : ''}`;
    const sizes = parts.map(({ delay, size }) => (Math.round(delay) > 0 ? `${size}+${Math.round(delay)}` : `${size}`)).join(' ');
    return { at, key: descriptor.key, line: `v ${encoding} ${Math.round(at - origin)} ${flags} ${sizes}` };
  });
}

function traceOf(packets) {
  const all = packets.map(parseRtp);
  const end = all.at(-1).at;
  const opus = all.filter((p) => p.payloadType === 111);
  // Of the video only VP8 itself: the second payload type is RTX, and its probes carry nothing new.
  const video = all.filter((p) => p.payloadType === 96);
  const ssrcs = [...new Set(video.map((p) => p.ssrc))];
  const bytesOf = (ssrc) => video.filter((p) => p.ssrc === ssrc).reduce((sum, p) => sum + p.payload.length, 0);
  ssrcs.sort((a, b) => bytesOf(a) - bytesOf(b));
  if (ssrcs.length !== ENCODINGS.length || opus.length === 0) throw new Error(`recorded ${ssrcs.length} encodings, ${opus.length} Opus packets`);
  const origin = end - SECONDS * 1000;
  const lines = ['jbcalling-trace 1', `duration ${SECONDS * 1000}`, ...audioLines(opus.filter((p) => p.at >= origin))];
  const frames = ssrcs.flatMap((ssrc, encoding) => {
    const own = frameLines(video.filter((p) => p.ssrc === ssrc), encoding, origin);
    // What a key frame of this encoding looks like: the last recorded one, wherever it was.
    const key = own.filter((f) => f.key).at(-1);
    if (!key) throw new Error(`encoding ${encoding} has no key frame`);
    lines.push(key.line.replace(/^v (\d) \S+/, 'k $1 0'));
    return own.filter((f) => f.at >= origin);
  });
  frames.sort((a, b) => a.at - b.at);
  return [...lines, ...frames.map((f) => f.line)].join('\n') + '\n';
}

async function main() {
  const { picture, sound } = makePictureAndSound();
  const { server, url } = await startServer();
  const log = path.join(work, 'chromium.log');
  let context;
  try {
    const room = (await (await fetch(`${url}/api/v1/rooms`, { method: 'POST' })).json()).code;
    const bundle = await esbuild.build({
      stdin: { contents: PAGE, resolveDir: path.join(root, 'web') }, bundle: true, write: false, format: 'iife', logLevel: 'error',
    });
    // Playwright keeps the browser's standard error for itself.
    const wrapper = path.join(work, 'chromium');
    writeFileSync(wrapper, `#!/bin/sh\nexec ${process.env.CHROMIUM ?? '/usr/bin/chromium'} "$@" 2>'${log}'\n`, { mode: 0o755 });
    context = await chromium.launchPersistentContext(path.join(work, 'profile'), {
      executablePath: wrapper, headless: true,
      args: ['--no-sandbox', '--disable-gpu', '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream',
        `--use-file-for-fake-video-capture=${picture}`, `--use-file-for-fake-audio-capture=${sound}`,
        '--enable-logging=stderr', '--v=1', '--disable-background-networking',
        '--force-fieldtrials=WebRTC-Debugging-RtpDump/Enabled/'],
    });
    const page = context.pages()[0];
    await page.goto(`${url}/livez`);
    await page.evaluate(bundle.outputFiles[0].text);
    await page.evaluate(([code, encodings]) => window.record(code, encodings), [room, ENCODINGS]);
    await page.waitForTimeout((WARM_UP_S + SECONDS) * 1000);
  } finally {
    await context?.close();
    server.kill('SIGTERM');
  }
  writeFileSync(out, traceOf(sentPackets(readFileSync(log, 'latin1'))));
}

try {
  await main();
} finally {
  if (process.env.KEEP_WORK) console.error(work);
  else rmSync(work, { recursive: true, force: true });
}
