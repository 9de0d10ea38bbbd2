// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSdp, placeholderMedia, receivingMedia, sendingMedia, toRtpParameters, writeSdp } from './sdp.mjs';

const ice = { usernameFragment: 'abcd', password: 'efghijklmnopqrstuvwxyz' };
const fingerprint = { algorithm: 'sha-256', value: 'AA:BB' };
const MID = 'urn:ietf:params:rtp-hdrext:sdes:mid';

const opus = {
  mid: '0',
  codecs: [{ mimeType: 'audio/opus', payloadType: 111, clockRate: 48000, channels: 2, parameters: { minptime: 10, useinbandfec: 1 }, rtcpFeedback: [{ type: 'transport-cc', parameter: '' }] }],
  headerExtensions: [{ uri: MID, id: 4, encrypt: false, parameters: {} }],
  encodings: [{ ssrc: 1234 }],
  rtcp: { cname: 'anna', reducedSize: true },
};
const vp8 = {
  mid: '1',
  codecs: [
    { mimeType: 'video/VP8', payloadType: 96, clockRate: 90000, parameters: {}, rtcpFeedback: [{ type: 'nack', parameter: 'pli' }] },
    { mimeType: 'video/rtx', payloadType: 97, clockRate: 90000, parameters: { apt: 96 }, rtcpFeedback: [] },
  ],
  headerExtensions: [],
  encodings: [{ ssrc: 11, rtx: { ssrc: 12 } }],
  rtcp: { cname: 'anna', reducedSize: true },
};

const write = (...media) => writeSdp({ version: 1, ice, fingerprint, media });

test('what is written for a sender reads back as the same parameters', () => {
  const { media } = parseSdp(write(sendingMedia('audio', '0', opus), sendingMedia('video', '1', vp8)));
  assert.deepEqual(media.map((m) => m.direction), ['sendonly', 'sendonly']);
  assert.deepEqual(toRtpParameters(media[0]), opus);
  assert.deepEqual(toRtpParameters(media[1]), vp8);
});

test('ICE, fingerprint and candidates of a server are found in its media or session part', () => {
  const sdp = [
    'v=0', 'o=- 1 1 IN IP4 192.0.2.1', 's=-', 't=0 0', 'a=ice-lite', 'a=fingerprint:SHA-256 01:02', 'a=group:BUNDLE 0 1',
    ...['0', '1'].flatMap((mid) => [
      'm=audio 9 UDP/TLS/RTP/SAVPF 111', 'c=IN IP4 192.0.2.1', `a=mid:${mid}`, 'a=recvonly', 'a=ice-ufrag:u+/', 'a=ice-pwd:p',
      'a=candidate:1 1 udp 2015363327 192.0.2.1 40000 typ host', 'a=end-of-candidates',
    ]),
  ].join('\r\n');
  const { ice: found, fingerprint: print, candidates } = parseSdp(sdp);
  assert.deepEqual(found, { usernameFragment: 'u+/', password: 'p', iceLite: true });
  assert.deepEqual(print, { algorithm: 'sha-256', value: '01:02' });
  assert.deepEqual(candidates, [{ foundation: '1', priority: 2015363327, address: '192.0.2.1', ip: '192.0.2.1', protocol: 'udp', port: 40000, type: 'host' }]);
});

test('an answer takes every codec and extension of the offer, and nothing of what is inactive', () => {
  const offer = parseSdp(write(sendingMedia('video', 'v1', vp8), placeholderMedia('none')));
  const answer = parseSdp(write(...offer.media.map(receivingMedia)));
  assert.deepEqual(answer.media.map((m) => [m.mid, m.direction, m.payloads]), [['v1', 'recvonly', [96, 97]], ['none', 'inactive', [111]]]);
  assert.deepEqual(answer.media[0].all('rtcp-fb'), ['96 nack pli']);
  assert.deepEqual(answer.media[0].all('ssrc'), []);
});

test('simulcast is described by rid, or by SSRC where those are known', () => {
  const byRid = parseSdp(write(sendingMedia('video', '1', { ...vp8, encodings: [{ rid: 'r0' }, { rid: 'r1' }] }))).media[0];
  assert.deepEqual(byRid.all('rid'), ['r0 send', 'r1 send']);
  assert.deepEqual(byRid.all('simulcast'), ['send r0;r1']);
  const bySsrc = parseSdp(write(sendingMedia('video', '1', { ...vp8, encodings: [{ ssrc: 1 }, { ssrc: 2 }] }))).media[0];
  assert.deepEqual(bySsrc.all('ssrc-group'), ['SIM 1 2']);
});

test('a retransmission codec without a stream of its own is left out', () => {
  const { media } = parseSdp(write(sendingMedia('video', '1', { ...vp8, encodings: [{ ssrc: 11 }] })));
  const { codecs, encodings } = toRtpParameters(media[0]);
  assert.deepEqual(codecs.map((c) => c.mimeType), ['video/VP8']);
  assert.deepEqual(encodings, [{ ssrc: 11 }]);
});

test('profiles that begin with a zero stay text', () => {
  const h264 = { ...vp8, codecs: [{ ...vp8.codecs[0], mimeType: 'video/H264', parameters: { 'profile-level-id': '042e01', 'packetization-mode': 1 } }] };
  const [codec] = toRtpParameters(parseSdp(write(sendingMedia('video', '1', h264))).media[0]).codecs;
  assert.deepEqual(codec.parameters, { 'profile-level-id': '042e01', 'packetization-mode': 1 });
});
