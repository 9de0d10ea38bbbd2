// SPDX-License-Identifier: Apache-2.0
// A TURN client (RFC 8656) that asks for what it should not get: allocates a relay and tries peers over it.
//   node turn-probe.mjs SERVER USERNAME PASSWORD PEER...
// Prints {"allocate":code,"peers":{PEER:{"permission":code,"channel":code}}}; 0 is success.
import crypto from 'node:crypto';
import dgram from 'node:dgram';
import net from 'node:net';

const COOKIE = Buffer.from('2112a442', 'hex');
const [ALLOCATE, CREATE_PERMISSION, CHANNEL_BIND] = [0x003, 0x008, 0x009];
const [USERNAME, INTEGRITY, ERROR_CODE, CHANNEL_NUMBER, PEER_ADDRESS, REALM, NONCE, TRANSPORT] =
  [0x0006, 0x0008, 0x0009, 0x000c, 0x0012, 0x0014, 0x0015, 0x0019];

const attribute = (type, value) => {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(value.length, 2);
  return Buffer.concat([head, value, Buffer.alloc((4 - (value.length % 4)) % 4)]);
};

function message(type, attributes, { key = null, id = crypto.randomBytes(12) } = {}) {
  const head = (size) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt16BE(type, 0);
    bytes.writeUInt16BE(size, 2);
    return Buffer.concat([bytes, COOKIE, id]);
  };
  const body = Buffer.concat(attributes);
  if (!key) return { id, bytes: Buffer.concat([head(body.length), body]) };
  // RFC 8489 section 14.5: the length as if the MAC were there already.
  const mac = crypto.createHmac('sha1', key).update(Buffer.concat([head(body.length + 24), body])).digest();
  return { id, bytes: Buffer.concat([head(body.length + 24), body, attribute(INTEGRITY, mac)]) };
}

function parse(bytes) {
  const attributes = new Map();
  for (let at = 20; at + 4 <= bytes.length;) {
    const size = bytes.readUInt16BE(at + 2);
    attributes.set(bytes.readUInt16BE(at), bytes.subarray(at + 4, at + 4 + size));
    at += 4 + size + ((4 - (size % 4)) % 4);
  }
  const error = attributes.get(ERROR_CODE);
  return { id: bytes.subarray(8, 20), attributes, code: error ? error[2] * 100 + error[3] : 0 };
}

function ipv6Bytes(text) {
  const [head, tail = ''] = text.split('::');
  const words = (part) => part.split(':').filter(Boolean).flatMap((word) => word.includes('.')
    ? [0, 2].map((at) => Number(word.split('.')[at]) * 256 + Number(word.split('.')[at + 1]))
    : [parseInt(word, 16)]);
  const [a, b] = [words(head), words(tail)];
  const all = text.includes('::') ? [...a, ...Array(8 - a.length - b.length).fill(0), ...b] : a;
  const bytes = Buffer.alloc(16);
  all.forEach((word, index) => bytes.writeUInt16BE(word, 2 * index));
  return bytes;
}

/** XOR-PEER-ADDRESS, RFC 8489 section 14.2. */
function peer(text, port, id) {
  const v6 = net.isIPv6(text);
  const address = v6 ? ipv6Bytes(text) : Buffer.from(text.split('.').map(Number));
  const mask = Buffer.concat([COOKIE, id]);
  const value = Buffer.alloc(4 + address.length);
  value[1] = v6 ? 2 : 1;
  value.writeUInt16BE(port ^ 0x2112, 2);
  address.forEach((byte, index) => { value[4 + index] = byte ^ mask[index]; });
  return attribute(PEER_ADDRESS, value);
}

const [server, username, password, ...peers] = process.argv.slice(2);
const socket = dgram.createSocket('udp4');
const waiting = new Map();
socket.on('message', (bytes) => {
  const answer = parse(bytes);
  waiting.get(answer.id.toString('hex'))?.(answer);
});

function ask({ id, bytes }) {
  return new Promise((resolve, reject) => {
    const send = () => socket.send(bytes, 3478, server);
    const again = setInterval(send, 500);
    const end = (act) => (value) => {
      clearInterval(again);
      clearTimeout(limit);
      act(value);
    };
    const limit = setTimeout(end(reject), 5000, new Error('no answer'));
    waiting.set(id.toString('hex'), end(resolve));
    send();
  });
}

const udp = attribute(TRANSPORT, Buffer.from([17, 0, 0, 0]));
const challenge = await ask(message(ALLOCATE, [udp]));
const realm = challenge.attributes.get(REALM);
const key = crypto.createHash('md5').update(`${username}:${realm}:${password}`).digest();
const signed = (type, attributes, id = crypto.randomBytes(12)) => message(type, [
  ...attributes, attribute(USERNAME, Buffer.from(username)), attribute(REALM, realm), attribute(NONCE, challenge.attributes.get(NONCE)),
], { key, id });

const result = { allocate: (await ask(signed(ALLOCATE, [udp]))).code, peers: {} };
let channel = 0x4000;
for (const address of result.allocate === 0 ? peers : []) {
  const withPeer = (type, more = []) => {
    const id = crypto.randomBytes(12);
    return signed(type, [...more, peer(address, 40_000, id)], id);
  };
  const number = Buffer.alloc(4);
  number.writeUInt16BE(channel++, 0);
  result.peers[address] = {
    permission: (await ask(withPeer(CREATE_PERMISSION))).code,
    channel: (await ask(withPeer(CHANNEL_BIND, [attribute(CHANNEL_NUMBER, number)]))).code,
  };
}
console.log(JSON.stringify(result));
socket.close();
