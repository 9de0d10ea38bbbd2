// SPDX-License-Identifier: Apache-2.0
// Firefox ESR and Chromium in one call: mediasoup-client's other handler against the same server.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Firefox, hasFirefox } from './lib/firefox.mjs';
import { Person } from './lib/person.mjs';
import { Server } from './lib/server.mjs';
import { spanishChatter } from './lib/speech.mjs';
import { until } from './lib/wait.mjs';

const work = mkdtempSync(path.join(os.tmpdir(), 'jb-e2e-speech-'));
let server, firefox, benito, room;

before(async () => {
  if (hasFirefox()) server = await Server.start('firefox');
}, { timeout: 90_000 });

after(async () => {
  await benito?.close();
  await firefox?.close();
  await server?.stop();
  rmSync(work, { recursive: true, force: true });
}, { timeout: 30_000 });

const state = () => firefox.evaluate(() => window.__jb?.state() ?? null);
const received = () => firefox.evaluate(() => window.__jb.stats().then(({ received }) => received));

test('a call between Firefox and Chromium', { timeout: 120_000, skip: !hasFirefox() && 'no Firefox here' }, async (t) => {
  await t.test('Benito waits in Chromium', async () => {
    const created = await fetch(`${server.url}/api/v1/rooms`, {
      method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}',
    });
    room = (await created.json()).code;
    benito = await Person.launch('Benito', { microphone: spanishChatter(work) });
    await benito.openLobby(`${server.url}/r/${room}`);
    await benito.join('es', 'es');
  });

  await t.test('Fiona joins in Firefox', async () => {
    firefox = await Firefox.launch();
    await firefox.goto(`${server.url}/r/${room}`);
    await firefox.evaluate(() => {
      localStorage.setItem('jb.preferences', JSON.stringify({ name: 'Fiona', videoQuality: 'low', speaks: 'en', hears: 'en' }));
    });
    // Not location.reload(): that returns while the old page is still there to be clicked.
    await firefox.goto(`${server.url}/r/${room}`);
    await until('the lobby is ready', () =>
      firefox.evaluate(() => Boolean(document.querySelector('.lobby-card button.primary:not([disabled])'))), { within: 30_000 });
    await firefox.evaluate(() => document.querySelector('.lobby-card button.primary').click());
    await until('Fiona is in the call', async () => (await state())?.link.phase === 'live', { within: 20_000 });
  });

  await t.test('both see and hear each other', async () => {
    await benito.sees('Fiona');
    await until('Firefox decodes the picture of Benito', async () =>
      (await received()).some(({ kind, framesDecoded }) => kind === 'video' && framesDecoded > 10), { within: 20_000 });
    await until('Firefox receives his voice', async () =>
      (await received()).some(({ kind, packets }) => kind === 'audio' && packets > 50), { within: 20_000 });
    const microphone = (await benito.producer('Fiona', 'mic')).id;
    await until('and he hears hers', async () =>
      (await benito.levelsSince(0)).some(({ producerId, rms }) => producerId === microphone && rms > 0.01), { within: 20_000 });
    await firefox.screenshot('call-firefox');
  });

  await t.test('muting in Firefox stops its packets', async () => {
    await firefox.evaluate(() => document.querySelector('[data-control=mic]').click());
    await until('Benito sees her muted', async () => (await benito.producer('Fiona', 'mic')).paused);
    const microphone = (await benito.producer('Fiona', 'mic')).id;
    let last = -1;
    await until('no packet comes', async () => {
      const { packets } = await benito.received(microphone);
      const still = packets === last;
      last = packets;
      return still;
    }, { every: 700 });
  });

  await t.test('a reload in Firefox joins again', async () => {
    await firefox.evaluate(() => {
      window.isOldPage = true;
      setTimeout(() => location.reload(), 50);
    });
    const isNewPage = () => firefox.evaluate(() => !window.isOldPage).catch(() => false);
    await until('Fiona is back', async () => (await isNewPage()) && (await state())?.link.phase === 'live' &&
      (await received()).some(({ kind, framesDecoded }) => kind === 'video' && framesDecoded > 10), { within: 30_000 });
    assert.equal((await benito.state()).participants.length, 1, 'no ghost');
  });

  await t.test('no page reported an error', () => assert.deepEqual(benito.complaints, []));
});
