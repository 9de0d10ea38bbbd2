// SPDX-License-Identifier: Apache-2.0
// Firefox ESR and Chromium in one call: mediasoup-client's other handler against the same server.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Firefox, firefoxPath, hasFirefox } from './lib/firefox.mjs';
import { isLoud } from './lib/hearing.mjs';
import { Person } from './lib/person.mjs';
import { Server } from './lib/server.mjs';
import { englishSpeech, pickSentences, seedOfToday } from './lib/speech.mjs';
import { until } from './lib/wait.mjs';

const work = mkdtempSync(path.join(os.tmpdir(), 'jb-e2e-speech-'));
let server, firefox, anna, room, speech;

before(async () => {
  // Again and again, from each opening of the microphone.
  speech = englishSpeech(work, 'without-end', pickSentences(4, seedOfToday()), { lead: 0.5, gap: 1, tail: 1 }).file;
  server = await Server.start('firefox');
}, { timeout: 90_000 });

after(async () => {
  await anna?.close();
  await firefox?.close();
  await server?.stop();
  rmSync(work, { recursive: true, force: true });
}, { timeout: 30_000 });

const state = () => firefox.evaluate(() => window.__jb?.state() ?? null);
const received = () => firefox.evaluate(() => window.__jb.stats().then(({ received }) => received));

/** Whether more sound of Anna's was decoded since the last question. A machine without a sound card has no AudioContext. */
const energies = new Map();
async function energyGrows(source) {
  const { producers } = (await state()).participants.find(({ name }) => name === 'Anna');
  const id = producers.find((producer) => producer.source === source)?.id;
  const now = (await received()).find(({ producerId }) => producerId === id)?.totalAudioEnergy ?? 0;
  const before = energies.get(id);
  energies.set(id, now);
  return before > 0 && now > before + 0.001;
}

test('a call between Firefox and Chromium', { timeout: 180_000 }, async (t) => {
  assert.ok(hasFirefox(), `no Firefox at ${firefoxPath}: tools/setup.sh test installs it`);

  await t.test('Anna waits in Chromium', async () => {
    const created = await fetch(`${server.url}/api/v1/rooms`, {
      method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}',
    });
    room = (await created.json()).code;
    anna = await Person.launch('Anna', { microphone: speech });
    await anna.openLobby(`${server.url}/r/${room}`);
    await anna.join('en', 'en');
  });

  await t.test('Fiona joins in Firefox', async () => {
    firefox = await Firefox.launch();
    await firefox.goto(`${server.url}/r/${room}`);
    await firefox.evaluate(() => {
      localStorage.setItem('jb.preferences', JSON.stringify({ name: 'Fiona', videoQuality: 'low', speaks: 'es', hears: 'es' }));
    });
    // Not location.reload(): that returns while the old page is still there to be clicked.
    await firefox.goto(`${server.url}/r/${room}`);
    await until('the lobby is ready', () =>
      firefox.evaluate(() => Boolean(document.querySelector('.lobby-card button.primary:not([disabled])'))), { within: 30_000 });
    await firefox.evaluate(() => document.querySelector('.lobby-card button.primary').click());
    await until('Fiona is in the call', async () => (await state())?.link.phase === 'live', { within: 30_000 });
  });

  await t.test('both see and hear each other', async () => {
    await anna.sees('Fiona');
    await until('Firefox decodes the picture of Anna', async () =>
      (await received()).some(({ kind, framesDecoded }) => kind === 'video' && framesDecoded > 10), { within: 20_000 });
    await until('Firefox decodes her voice, and goes on', () => energyGrows('mic'), { within: 20_000, every: 1000 });
    const hers = (await anna.producer('Fiona', 'mic')).id;
    await until('and Anna hears Fiona', async () =>
      (await anna.levelsSince(0)).some((sample) => sample.producerId === hers && isLoud(sample)), { within: 20_000 });
  });

  await t.test('Fiona reads the translation of what Anna says, and hears it', async () => {
    const caption = await until('a translated caption', async () =>
      (await state()).captions.find(({ final, translations }) => final && translations.es), { within: 40_000 });
    assert.equal(caption.translations.es, await server.translate(caption.text, 'en', 'es'));
    const rows = await firefox.evaluate(() => [...document.querySelectorAll('[data-caption] p')].map((row) => row.textContent));
    assert.ok(rows.includes(caption.translations.es), `shown: ${rows}`);
    await until('Firefox decodes the translated voice', () => energyGrows('translation'), { within: 30_000, every: 1000 });
    await firefox.screenshot('call-firefox');
  });

  await t.test('muting in Firefox stops its packets', async () => {
    await firefox.evaluate(() => document.querySelector('[data-control=mic]').click());
    await until('Anna sees her muted', async () => (await anna.producer('Fiona', 'mic')).paused);
    const microphone = (await anna.producer('Fiona', 'mic')).id;
    let last = -1;
    await until('no packet comes', async () => {
      const { packets } = await anna.received(microphone);
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
    assert.equal((await anna.state()).participants.length, 1, 'no ghost');
  });

  await t.test('no page reported an error', () => assert.deepEqual([...anna.complaints, ...firefox.complaints], []));
});
