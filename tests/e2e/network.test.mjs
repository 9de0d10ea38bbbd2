// SPDX-License-Identifier: Apache-2.0
// What stands in the way of media in real browsers: UDP that does not pass, a path that breaks, and sound that waits for
// a touch of the page.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { isLoud } from './lib/hearing.mjs';
import { Person } from './lib/person.mjs';
import { Server } from './lib/server.mjs';
import { spanishChatter } from './lib/speech.mjs';
import { until } from './lib/wait.mjs';

const work = mkdtempSync(path.join(os.tmpdir(), 'jb-e2e-speech-'));
let server, room, benito, tina, greta, chatter;

before(async () => {
  chatter = spanishChatter(work);
  server = await Server.start('network');
  const created = await fetch(`${server.url}/api/v1/rooms`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}',
  });
  room = `${server.url}/r/${(await created.json()).code}`;
  benito = await Person.launch('Benito', { microphone: chatter });
  await benito.openLobby(room);
  await benito.join('es', 'es');
}, { timeout: 120_000 });

after(async () => {
  await Promise.all([benito, tina, greta].map((person) => person?.close()));
  await server?.stop();
  rmSync(work, { recursive: true, force: true });
}, { timeout: 30_000 });

const connections = (person) => person.page.evaluate(() => window.__e2e.connections());

async function hears(person, name) {
  const since = await person.now();
  await until(`${person.name} hears ${name}`, async () => {
    const id = (await person.producer(name, 'mic'))?.id;
    return id && (await person.levelsSince(since)).some((sample) => sample.producerId === id && isLoud(sample));
  }, { within: 20_000 });
}

test('media where something is in its way', { timeout: 240_000 }, async (t) => {
  await t.test('it goes over TCP where UDP does not pass, both ways', async (t) => {
    tina = await Person.launch('Tina', { microphone: chatter, onlyTcp: true });
    await tina.openLobby(room);
    await tina.join('es', 'es');
    await Promise.all([tina.sees('Benito'), benito.sees('Tina')]);
    await Promise.all([hears(tina, 'Benito'), hears(benito, 'Tina')]);
    const hers = await connections(tina);
    t.diagnostic(`UDP candidates withheld: ${await tina.page.evaluate(() => window.__e2e.candidatesDropped())}`);
    assert.ok((await tina.page.evaluate(() => window.__e2e.candidatesDropped())) > 0, 'UDP was offered');
    assert.deepEqual(hers.map(({ protocol }) => protocol), ['tcp', 'tcp']);
    assert.deepEqual((await connections(benito)).map(({ protocol }) => protocol), ['udp', 'udp'], 'and UDP where it passes');
    await tina.page.getByRole('button', { name: 'Leave' }).click();
    await until('Tina is gone', async () => !(await benito.other('Tina')));
  });

  await t.test('with the browser’s own autoplay policy the click that joins turns the sound on', async () => {
    greta = await Person.launch('Greta', { microphone: chatter, soundNeedsTouch: true });
    await greta.openLobby(room);
    await greta.join('es', 'es');
    await hears(greta, 'Benito');
    assert.equal((await greta.state()).audioBlocked, false);
    assert.equal(await greta.page.getByRole('button', { name: 'Turn on sound' }).count(), 0);
    await Promise.all([greta.sees('Benito'), benito.sees('Greta')]);
  });

  await t.test('a broken path is repaired: new ICE credentials, the same streams', async (t) => {
    const streams = async () => Promise.all([['Greta', benito], ['Benito', greta]].flatMap(([name, person]) =>
      ['mic', 'camera'].map(async (source) => (await person.producer(name, source)).id)));
    const ids = await streams();
    const before = await connections(benito);
    assert.equal(before.length, 2);
    // Cutting the path of a browser on the same machine takes root: here the browser only says that both are cut.
    await benito.page.evaluate(() => [0, 1].forEach((index) => window.__e2e.claim(index, 'failed')));
    await benito.page.locator('[data-banner="call.repairing"]').waitFor({ timeout: 5000 });
    const renewed = await until('both connections use new credentials', async () => {
      const now = await connections(benito);
      return now.every((connection, index) => {
        const old = before[index];
        return connection.remoteUfrag !== old.remoteUfrag && connection.localUfrag !== old.localUfrag &&
          connection.selectedUfrag === connection.localUfrag;
      }) && now;
    }, { within: 10_000 });
    await benito.page.evaluate(() => [0, 1].forEach((index) => window.__e2e.claim(index, null)));
    await benito.live();
    await until('packets go on over both', async () => {
      const now = await connections(benito);
      const went = (what) => now.map((connection, index) => connection[what] - renewed[index][what]);
      const good = now.every(({ state }) => state === 'connected') && Math.max(...went('packetsSent')) > 50 &&
        Math.max(...went('packetsReceived')) > 50;
      if (!good) throw new Error(JSON.stringify({ now, renewed }));
      return true;
    });
    await Promise.all([hears(benito, 'Greta'), hears(greta, 'Benito')]);
    const frames = async (person, name) => (await person.received((await person.producer(name, 'camera')).id)).framesDecoded;
    const decoded = [await frames(benito, 'Greta'), await frames(greta, 'Benito')];
    await until('pictures go on both ways', async () =>
      (await frames(benito, 'Greta')) > decoded[0] + 5 && (await frames(greta, 'Benito')) > decoded[1] + 5);
    assert.deepEqual(await streams(), ids, 'nobody had to join again');
    t.diagnostic(`ufrag of the server: ${before.map(({ remoteUfrag }) => remoteUfrag)} → ${renewed.map(({ remoteUfrag }) => remoteUfrag)}`);
  });

  await t.test('no page reported an error', () =>
    assert.deepEqual([benito, tina, greta].flatMap((person) => person?.complaints ?? []), []));
});
