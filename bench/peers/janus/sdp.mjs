// SPDX-License-Identifier: Apache-2.0
// SDP (RFC 8866, with RFC 8829's attributes) to and from the rtpParameters of mediasoup-client: as much as is needed to
// speak for a client towards Janus. No I/O and no packages.

const lines = (sdp) => sdp.split(/\r?\n/).filter(Boolean);

/** One m-section as {kind, mid, direction, …}; `attributes` has every a= line as [name, value]. */
function parseMedia(section) {
  const [kind, port, , ...payloads] = section[0].slice(2).split(' ');
  const attributes = section.slice(1).filter((line) => line.startsWith('a=')).map((line) => {
    const at = line.indexOf(':');
    return at < 0 ? [line.slice(2), ''] : [line.slice(2, at), line.slice(at + 1)];
  });
  const all = (name) => attributes.filter(([n]) => n === name).map(([, value]) => value);
  const direction = ['sendrecv', 'sendonly', 'recvonly', 'inactive'].find((d) => attributes.some(([n]) => n === d)) ?? 'sendrecv';
  return { kind, port: Number(port), payloads: payloads.map(Number), mid: all('mid')[0], direction, attributes, all };
}

export function parseSdp(sdp) {
  const sections = [[]];
  for (const line of lines(sdp)) {
    if (line.startsWith('m=')) sections.push([]);
    sections.at(-1).push(line);
  }
  const media = sections.slice(1).map(parseMedia);
  const first = (name) => {
    const session = sections[0].find((line) => line.startsWith(`a=${name}:`));
    return session?.slice(name.length + 3) ?? media.map((m) => m.all(name)[0]).find((value) => value !== undefined);
  };
  const [algorithm, value] = (first('fingerprint') ?? ' ').split(' ');
  const candidates = media.flatMap((m) => m.all('candidate')).map(parseCandidate);
  return {
    ice: { usernameFragment: first('ice-ufrag'), password: first('ice-pwd'), iceLite: sections[0].includes('a=ice-lite') },
    fingerprint: { algorithm: algorithm.toLowerCase(), value },
    candidates: candidates.filter((c, i) => candidates.findIndex((other) => other.ip === c.ip && other.port === c.port) === i),
    media,
  };
}

// RFC 8839 section 5.1: foundation component transport priority address port typ type …
function parseCandidate(text) {
  const [foundation, , protocol, priority, address, port, , type] = text.split(' ');
  return { foundation, priority: Number(priority), address, ip: address, protocol: protocol.toLowerCase(), port: Number(port), type };
}

// "a=1;b=x" → {a: 1, b: "x"}; numbers as numbers, as mediasoup-client has them.
const parseFmtp = (text) => Object.fromEntries(text.split(';').map((pair) => pair.trim()).filter(Boolean).map((pair) => {
  const [key, value = ''] = pair.split(/=(.*)/s);
  return [key, /^-?\d+$/.test(value) && !/^0\d/.test(value) ? Number(value) : value];
}));

function parseCodecs(media) {
  return media.payloads.map((payloadType) => {
    const of = (name) => media.all(name).map((text) => text.split(/ (.*)/s)).filter(([pt]) => Number(pt) === payloadType).map(([, rest]) => rest);
    const [name, clockRate, channels] = (of('rtpmap')[0] ?? '').split('/');
    if (!name) return null;
    const rtcpFeedback = of('rtcp-fb').map((text) => {
      const [type, parameter = ''] = text.split(/ (.*)/s);
      return { type, parameter };
    });
    return {
      mimeType: `${media.kind}/${name}`, payloadType, clockRate: Number(clockRate),
      ...(media.kind === 'audio' ? { channels: Number(channels ?? 1) } : {}),
      parameters: parseFmtp(of('fmtp')[0] ?? ''), rtcpFeedback,
    };
  }).filter(Boolean);
}

/** What a receiver of this m-section has to know, as a consumer's rtpParameters. */
export function toRtpParameters(media) {
  const ssrcs = media.all('ssrc').map((text) => text.split(/ (.*)/s));
  const cname = ssrcs.map(([, rest]) => /^cname:(.*)/.exec(rest ?? '')?.[1]).find(Boolean);
  const fid = media.all('ssrc-group').find((group) => group.startsWith('FID '))?.split(' ').slice(1).map(Number);
  const ssrc = fid?.[0] ?? Number(ssrcs[0]?.[0]);
  // A retransmission codec without a stream of its own would stop a receiver.
  const codecs = parseCodecs(media).filter((codec) => fid || !/\/rtx$/i.test(codec.mimeType));
  return {
    mid: media.mid,
    codecs,
    headerExtensions: media.all('extmap').map((text) => {
      const [id, uri] = text.split(' ');
      return { uri, id: parseInt(id, 10), encrypt: false, parameters: {} };
    }),
    encodings: [{ ssrc, ...(fid ? { rtx: { ssrc: fid[1] } } : {}) }],
    rtcp: { cname: cname ?? 'janus', reducedSize: true },
  };
}

const formatFmtp = (parameters) => Object.entries(parameters).map(([key, value]) => `${key}=${value}`).join(';');

// RFC 5576 and RFC 5888 for streams by SSRC, RFC 8851 and RFC 8853 for those by rid.
function streamLines({ encodings, rtcp }) {
  const cname = rtcp?.cname || 'peer';
  const out = [];
  for (const { ssrc, rtx } of encodings) {
    if (ssrc === undefined) continue;
    if (rtx) out.push(`ssrc-group:FID ${ssrc} ${rtx.ssrc}`);
    for (const one of rtx ? [ssrc, rtx.ssrc] : [ssrc]) out.push(`ssrc:${one} cname:${cname}`);
  }
  const bySsrc = encodings.filter(({ ssrc }) => ssrc !== undefined);
  if (bySsrc.length > 1) out.unshift(`ssrc-group:SIM ${bySsrc.map(({ ssrc }) => ssrc).join(' ')}`);
  const rids = encodings.map(({ rid }) => rid).filter(Boolean);
  for (const rid of rids) out.push(`rid:${rid} send`);
  if (rids.length > 0) out.push(`simulcast:send ${rids.join(';')}`);
  return out;
}

/** One m-section that sends what these rtpParameters (of a producer) say. */
export function sendingMedia(kind, mid, rtpParameters) {
  const { codecs, headerExtensions = [] } = rtpParameters;
  const attributes = ['sendonly'];
  for (const { mimeType, payloadType, clockRate, channels, parameters = {}, rtcpFeedback = [] } of codecs) {
    attributes.push(`rtpmap:${payloadType} ${mimeType.split('/')[1]}/${clockRate}${channels > 1 ? `/${channels}` : ''}`);
    if (Object.keys(parameters).length > 0) attributes.push(`fmtp:${payloadType} ${formatFmtp(parameters)}`);
    for (const { type, parameter } of rtcpFeedback) attributes.push(`rtcp-fb:${payloadType} ${[type, parameter].filter(Boolean).join(' ')}`);
  }
  for (const { id, uri } of headerExtensions) attributes.push(`extmap:${id} ${uri}`);
  return { kind, mid, payloads: codecs.map((codec) => codec.payloadType), attributes: [...attributes, ...streamLines(rtpParameters)] };
}

/** One m-section without media, for the ICE and DTLS of a transport on which nobody has said yet what is sent. */
export const placeholderMedia = (mid) => ({
  kind: 'audio', mid, payloads: [111], attributes: ['inactive', 'rtpmap:111 opus/48000/2'],
});

/** The answer to an offered m-section: everything in it is wanted. */
export function receivingMedia({ kind, mid, payloads, direction, all }) {
  const kept = ['rtpmap', 'fmtp', 'rtcp-fb', 'extmap'].flatMap((name) => all(name).map((value) => `${name}:${value}`));
  return { kind, mid, payloads, attributes: [direction === 'sendonly' || direction === 'sendrecv' ? 'recvonly' : 'inactive', ...kept] };
}

/** `ice`: {usernameFragment, password}; the side that this speaks for starts DTLS, so `setup` is active in both. */
export function writeSdp({ version, ice, fingerprint, media }) {
  const out = [
    'v=0', `o=- 1 ${version} IN IP4 127.0.0.1`, 's=-', 't=0 0', `a=group:BUNDLE ${media.map((m) => m.mid).join(' ')}`,
    'a=msid-semantic: WMS *',
  ];
  for (const { kind, mid, payloads, attributes } of media) {
    out.push(
      `m=${kind} 9 UDP/TLS/RTP/SAVPF ${payloads.join(' ')}`, 'c=IN IP4 0.0.0.0', `a=mid:${mid}`, 'a=rtcp-mux', 'a=rtcp-rsize',
      `a=ice-ufrag:${ice.usernameFragment}`, `a=ice-pwd:${ice.password}`,
      `a=fingerprint:${fingerprint.algorithm} ${fingerprint.value}`, 'a=setup:active', ...attributes.map((a) => `a=${a}`),
    );
  }
  return `${out.join('\r\n')}\r\n`;
}
