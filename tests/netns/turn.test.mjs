// SPDX-License-Identifier: Apache-2.0
// TURN: coturn with the configuration that we ship, credentials from the gateway, and a home whose firewall lets nothing
// through but web pages and the relay.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { until } from '../e2e/lib/wait.mjs';
import { spanishChatter } from '../e2e/lib/speech.mjs';
import { call, close } from './lib/caller.mjs';
import { PORT, SERVER, TURN, World } from './lib/world.mjs';

const SECRET = 'a secret of the test, as long as one should be';
const TEMPLATE = new URL('../../deploy/coturn/turnserver.conf', import.meta.url);
// Reliability 2.7; what of IPv6 cannot even be asked for over an IPv4 relay is refused with 443.
const FORBIDDEN = [
  '127.0.0.1', '0.0.0.0', '10.0.0.1', '172.16.0.1', '192.168.1.2', '169.254.169.254', '100.64.0.1', '198.51.100.2', '203.0.113.9', '8.8.8.8',
  '224.0.0.1', '255.255.255.255', '::1', '::', 'fc00::1', 'fe80::1', 'ff02::1', '2001:db8::1', '::ffff:127.0.0.1', '::ffff:198.51.100.1',
  '::127.0.0.1', '2002:7f00:1::', '64:ff9b::7f00:1',
];

let world, room, home, tina, benito;

before(async () => {
  world = await World.open('turn', {
    settings: { 'turn.urls': `turn:${TURN}:3478?transport=udp,turn:${TURN}:3478?transport=tcp`, 'turn.secret': SECRET },
  });
  const values = { TURN_ADDRESS: TURN, SFU_ADDRESS: SERVER, REALM: 'calls.test', SECRET };
  const config = readFileSync(TEMPLATE, 'utf8').replace(/@([A-Z_]+)@/g, (_, key) => values[key]);
  const file = path.join(world.directory, 'turnserver.conf');
  writeFileSync(file, config);
  const own = (name) => path.join(world.directory, name);
  const relay = world.run(world.internet,
    ['turnserver', '-c', file, '--userdb', own('turndb'), '--pidfile', own('turn.pid')], 'turn-coturn');
  home = await world.home('tina');
  await until('coturn answers', async () => {
    if (relay.exitCode !== null) throw new Error('coturn ended: see tests/artifacts/turn-coturn.log');
    return (await probe(credentials(), [])).allocate === 0;
  }, { within: 10_000 });
  room = world.createRoom();
  const his = await world.home('benito');
  benito = await call(world, his, room, 'Benito', { microphone: spanishChatter(world.directory) });
}, { timeout: 60_000 });

after(() => close(world, [tina, benito]), { timeout: 30_000 });

const password = (username, secret = SECRET) => crypto.createHmac('sha1', secret).update(username).digest('base64');

function credentials(secondsFromNow = 300, secret = SECRET) {
  const username = `${Math.floor(Date.now() / 1000) + secondsFromNow}:somebody`;
  return [username, password(username, secret)];
}

/** What coturn answers to somebody in Tina's home. */
function probe(who, peers) {
  const program = home.space.spawn(
    [process.execPath, new URL('lib/turn-probe.mjs', import.meta.url).pathname, TURN, ...who, ...peers], { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  program.stdout.on('data', (data) => { out += data; });
  return new Promise((resolve, reject) => program.once('close', (code) => (code === 0 ? resolve(JSON.parse(out)) : reject(new Error('no answer')))));
}

/** The kinds of the local candidates in use: "relay", "host", … */
const kinds = (person) => person.page.evaluate(async () => {
  const reports = await Promise.all(window.__e2e.peers().map((peer) => peer.getStats()));
  return reports.map((report) => {
    const transport = [...report.values()].find(({ type }) => type === 'transport');
    const local = report.get(report.get(transport?.selectedCandidatePairId)?.localCandidateId);
    return local && `${local.candidateType} ${local.relayProtocol ?? local.protocol}`;
  });
});

async function joinsBy(firewall, expected) {
  await home.link.firewall(firewall);
  tina = await call(world, home, room, 'Tina', { microphone: spanishChatter(world.directory) });
  try {
    await Promise.all([tina.sees('Benito'), benito.sees('Tina')]);
    for (const kind of await kinds(tina)) assert.match(kind, expected);
  } finally {
    await tina.close();
  }
  await until('Tina is gone', async () => !(await benito.other('Tina')));
}

test('a relay for homes that let nothing else through', { timeout: 150_000 }, async (t) => {
  await t.test('only the relay’s port is open: the call goes over it', () =>
    joinsBy({ ports: [PORT, 3478] }, /^relay/));

  await t.test('and for TCP alone: over that', () =>
    joinsBy({ udp: false, ports: [PORT, 3478] }, /^relay tcp$/));

  await t.test('the relay’s passwords are made for each participant and last five minutes', async () => {
    await home.link.firewall({});
    tina = await call(world, home, room, 'Tina', { microphone: spanishChatter(world.directory) });
    const [server] = (await tina.page.evaluate(() => window.__e2e.peers()[0].getConfiguration())).iceServers;
    const [expiry, id] = server.username.split(':');
    const left = Number(expiry) - Date.now() / 1000;
    assert.ok(left > 240 && left <= 301, `${left} s`);
    assert.equal(id, (await tina.state()).selfId);
    assert.equal(server.credential, password(server.username));
    assert.equal((await probe([server.username, server.credential], [])).allocate, 0);
  });

  await t.test('a wrong, forged or expired password opens nothing', async () => {
    assert.equal((await probe(credentials(300, 'another secret'), [])).allocate, 401);
    assert.equal((await probe(credentials(-10), [])).allocate, 401);
    const [username] = credentials();
    assert.equal((await probe([`9${username}`, password(username)], [])).allocate, 401);
  });

  await t.test('nothing but the media server can be reached over it', async () => {
    const { allocate, peers } = await probe(credentials(), [SERVER, ...FORBIDDEN]);
    assert.equal(allocate, 0);
    assert.deepEqual(peers[SERVER], { permission: 0, channel: 0 });
    for (const address of FORBIDDEN) {
      for (const [how, code] of Object.entries(peers[address])) {
        const expected = address.includes(':') ? [403, 443] : [403];
        assert.ok(expected.includes(code), `${address} by ${how}: ${code}`);
      }
    }
  });
});
