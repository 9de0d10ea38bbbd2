// SPDX-License-Identifier: Apache-2.0
// A translated call, seen through real browsers: Anna speaks English, Benito hears Spanish; then Clara (English) and
// Dolors (Catalan) come in; then the speech services are killed one after the other while Anna speaks.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { flow, hasFinished, isLoud, loudTimes, percentile, SILENT, voicesOf } from './lib/hearing.mjs';
import { Person } from './lib/person.mjs';
import { unreachableControls } from './lib/screen.mjs';
import { Server } from './lib/server.mjs';
import { englishSpeech, pickSentences, seedOfToday, silence, spanishChatter } from './lib/speech.mjs';
import { sleep, until } from './lib/wait.mjs';
import { wordErrorRate } from './lib/words.mjs';

// Word error rate of the translated captions against the translation of what was really said. The recogniser errs on
// about 5 % of such words, and one wrong word can change two or three of its translation.
const MAX_WER = 0.35;
// From a moment of the translated voice back to the last original word: the longest of these sentences takes 4 s to say
// in Spanish, and that begins up to 2 s after its end, while recogniser and browsers share two cores.
const VOICE_AFTER_MS = 6000;
const LISTEN_AFTER_MS = 12_000;
// A packet leaves every 20 ms. On two busy cores a browser or the server is sometimes not run for longer than this,
// whether something is killed or not. That is chance; what the kill itself brings about is there each time. So the best of
// some attempts has to keep this bound, and all of them the count of packets.
const MAX_GAP_MS = 400;
const ATTEMPTS = 3;

const seed = seedOfToday();
const sentences = pickSentences(4, seed);
const work = mkdtempSync(path.join(os.tmpdir(), 'jb-e2e-speech-'));
let server, anna, benito, clara, dolors, room, heardFrom, once, slowly, withoutEnd;

before(async () => {
  // Said once per opening of the microphone: the silence at the end is longer than the test.
  once = englishSpeech(work, 'once', sentences, { lead: 12, gap: 1.8, tail: 400 }).file;
  // So long apart that no two of them are ever waiting to be spoken at the same time.
  slowly = englishSpeech(work, 'slowly', sentences.slice(0, 3), { lead: 2, gap: 4, tail: 400 }).file;
  // Chromium plays a file again from its beginning: this one is a speech that does not end.
  withoutEnd = englishSpeech(work, 'without-end', pickSentences(6, seed + 1), { lead: 0.5, gap: 0.6, tail: 0.1 }).file;
  server = await Server.start('call');
}, { timeout: 90_000 });

after(async () => {
  await Promise.all([anna, benito, clara, dolors].map((person) => person?.close()));
  await server?.stop();
  rmSync(work, { recursive: true, force: true });
}, { timeout: 30_000 });

/** Anna's microphone plays that file from its beginning; it stays the same producer. */
async function annaSays(file) {
  anna.willSay(file);
  await anna.changeMicrophone();
}

/** Four browsers that encode, decode and draw video leave two cores too little for the recogniser. */
async function camerasOff(...people) {
  for (const person of people) {
    await person.page.click('[data-control=camera]');
    await until(`the camera of ${person.name} is off`, async () => !(await person.state()).cameraOn);
  }
}

const allUp = (services) => Object.values(services).every((condition) => typeof condition !== 'string' || condition === 'up');

const bySpeaker = (captions, id) => captions.filter((caption) => caption.speakerId === id);

/** A step without which the later ones make no sense: false when it failed. */
async function needed(t, name, run) {
  let done = false;
  await t.test(name, async (t) => {
    await run(t);
    done = true;
  });
  return done;
}

test('a translated call', { timeout: 600_000 }, async (t) => {
  t.diagnostic(`sentences (E2E_SEED=${seed}): ${sentences.join(' | ')}`);

  const waits = await needed(t, 'Benito starts a call from the landing page, which remembers his name, and waits in it', async () => {
    benito = await Person.launch('Benito', { microphone: spanishChatter(work), locale: 'es-ES' });
    await benito.page.goto(server.url);
    const name = benito.page.getByRole('textbox', { name: 'Your name' });
    await name.fill('Benito');
    await benito.page.reload();
    assert.equal(await name.inputValue(), 'Benito');
    await benito.screenshot('landing');
    await benito.page.click('.start-card .button.primary');
    await benito.page.waitForSelector('#speak');
    assert.equal(await name.inputValue(), 'Benito');
    room = /\/r\/([^/]+)$/.exec(benito.page.url())[1];
    await until('the camera preview shows a picture', () =>
      benito.page.evaluate(() => document.querySelector('.preview video')?.videoWidth > 0));
    const meterMoves = () => until('the meter of the microphone moves', async () =>
      Number(await benito.page.getAttribute('.preview .meter', 'aria-valuenow')) > 20);
    await meterMoves();
    for (const kind of ['Microphone', 'Camera']) {
      const picker = benito.page.getByLabel(kind, { exact: true }).and(benito.page.locator('select'));
      await picker.selectOption({ index: (await picker.locator('option').count()) - 1 });
      assert.notEqual(await picker.inputValue(), '', `another ${kind.toLowerCase()} is chosen`);
    }
    await meterMoves();
    await benito.screenshot('lobby');
    assert.equal(await benito.page.locator('#hear option[value=es]').textContent(), 'Español');
    await benito.join('es', 'es');
    // He never stops talking: who has the ring would be chance.
    await benito.page.getByRole('button', { name: /^Mute/ }).click();
    await until('Benito is muted', async () => !(await benito.state()).microphoneOn);
    await benito.page.evaluate(() => window.__e2e.keepRings());
  });
  if (!waits) return;

  const joined = await needed(t, 'Anna joins by the link, and both see each other', async () => {
    anna = await Person.launch('Anna', { microphone: once });
    heardFrom = await benito.now();
    await anna.openLobby(`${server.url}/r/${room}`);
    await anna.join('en', 'en');
    await Promise.all([benito.sees('Anna'), anna.sees('Benito')]);
  });
  if (!joined) return;

  await t.test('Anna’s tile is marked as translated, and rings when she speaks, not only when her translation does', async () => {
    const tile = benito.page.locator('.tile', { hasText: 'Anna' });
    await tile.locator('.translated-mark').waitFor({ timeout: 25_000 });
    const voices = await until('the translated voice sounds', async () => {
      const heard = await voicesOf('Anna', benito, heardFrom);
      return heard.translated.some(isLoud) && heard;
    }, { within: 40_000, every: 100 });
    await benito.screenshot('call');
    const { id } = await benito.other('Anna');
    const rings = await benito.page.evaluate(() => window.__e2e.rings());
    const [firstWord] = loudTimes(voices.original), [firstVoice] = loudTimes(voices.translated);
    const rung = ({ ringed }) => ringed.includes(id);
    const quiet = rings.filter(({ at }) => at < firstWord - 500);
    const speaking = rings.filter(({ at, sounding }) => at > firstWord && at < firstVoice && !sounding.includes(id));
    assert.ok(quiet.length > 10 && !quiet.some(rung), 'no ring before her first word');
    assert.ok(speaking.some((moment) => rung(moment) && moment.active === id),
      `a ring while only she herself speaks; moments looked at: ${speaking.length}`);
  });

  await t.test('captions appear while she speaks and are replaced in place', async () => {
    const seen = new Map();
    await until('a caption grows and becomes final', async () => {
      for (const caption of (await benito.state()).captions) {
        const revisions = seen.get(caption.id) ?? new Set();
        revisions.add(caption.rev);
        seen.set(caption.id, revisions);
        if (caption.final && revisions.size > 1) return true;
      }
    }, { within: 30_000, every: 100 });
    const shown = await until('the panel shows just these captions', () => benito.page.evaluate(() => {
      const known = window.__jb.state().captions.map(({ id }) => id);
      const rows = [...document.querySelectorAll('[data-caption]')].map(({ dataset }) => dataset.caption);
      return rows.join() === known.join() && rows;
    }));
    assert.equal(new Set(shown).size, shown.length, 'each once');
  });

  await t.test('Benito reads the translation of what Anna said', async () => {
    const id = (await benito.other('Anna')).id;
    const said = sentences.join(' ');
    const expected = (await Promise.all(sentences.map((sentence) => server.translate(sentence, 'en', 'es')))).join(' ');
    const spanish = (captions) => captions.map((caption) => caption.translations.es ?? '').join(' ');
    await hasFinished('Anna', benito);
    const last = bySpeaker(await benito.finalCaptions(), id);
    const original = wordErrorRate(said, last.map(({ text }) => text).join(' '));
    const translated = wordErrorRate(expected, spanish(last));
    t.diagnostic(`word error rate: English ${original.toFixed(2)}, Spanish ${translated.toFixed(2)}; captions: ${last.length}`);
    assert.ok(translated <= MAX_WER, `WER ${translated.toFixed(2)}\nexpected: ${expected}\nread:     ${spanish(last)}`);
    await benito.screenshot('captions');
    const rows = await benito.page.locator('[data-caption][data-final=true]').evaluateAll((all) => all.map((row) => ({
      id: row.dataset.caption,
      text: row.querySelector('p').textContent,
      lag: row.querySelector('[title$="after the words"]')?.textContent,
    })));
    for (const { id, translations, lagMs } of last) {
      const row = rows.find((candidate) => candidate.id === id);
      assert.equal(row?.text, translations.es, 'the panel shows the translation');
      assert.ok(lagMs > 0, 'a caption comes after its words');
      assert.equal(row.lag, `${(lagMs / 1000).toFixed(1)} s`, 'and how late it came');
    }
    // Anna reads her own words.
    const own = bySpeaker(await anna.finalCaptions(), (await anna.state()).selfId);
    assert.ok(own.length > 0, 'Anna sees her captions');
  });

  await t.test('the translated voice sounds only while or shortly after she speaks', async () => {
    const { original, translated } = await until('all of it has been heard, and the silence after it', async () => {
      const heard = await voicesOf('Anna', benito, heardFrom);
      return (await benito.now()) > loudTimes(heard.original).at(-1) + LISTEN_AFTER_MS && heard;
    }, { within: LISTEN_AFTER_MS + 10_000, every: 500 });
    const spoken = loudTimes(original), voiced = loudTimes(translated);
    assert.ok(spoken.length > 20, `Anna was heard: ${spoken.length} loud moments`);
    assert.ok(voiced.length > 20, `her translation was heard: ${voiced.length} loud moments`);
    const early = translated.filter(({ at }) => at < spoken[0]);
    assert.ok(early.length > 10 && early.every(({ rms }) => rms < SILENT), 'listened to before her first word: nothing');
    const late = translated.filter(({ at }) => at > spoken.at(-1) + VOICE_AFTER_MS);
    assert.ok(late.length > 20, 'listened to long after her last word');
    const strays = voiced.filter((at) => !spoken.some((s) => s <= at + 100 && at - s <= VOICE_AFTER_MS));
    assert.equal(strays.length, 0, `translated voice without speech at ${strays.slice(0, 5)}`);
    const seconds = (ms) => (ms / 1000).toFixed(2);
    t.diagnostic(`first translated sound ${seconds(voiced[0] - spoken[0])} s after her first word, ` +
      `the last ${seconds(voiced.at(-1) - spoken.at(-1))} s after her last`);
  });

  await t.test('the original is ducked under the translation, and comes back', async () => {
    const { original, translated } = await voicesOf('Anna', benito, heardFrom);
    const voiced = loudTimes(translated);
    // 400 ms after a translated sound began, the gain has settled.
    const settled = (at) => voiced.some((v) => at - v >= 0 && at - v < 200) && voiced.some((v) => at - v > 350 && at - v < 700);
    const under = original.filter(({ at }) => settled(at)).map(({ gain }) => gain);
    const free = original.filter(({ at }) => voiced.every((v) => at < v || at - v > 3500)).map(({ gain }) => gain);
    assert.ok(under.length > 10 && free.length > 10, `${under.length} moments ducked, ${free.length} free`);
    // Not all of them: a starved page once plays a hole, and rightly opens the original for it.
    const ducked = percentile(under, 0.95), opened = percentile(free, 0.05);
    assert.ok(ducked < 0.2, `gain under the translation: ${ducked}`);
    assert.ok(opened > 0.9, `gain without translation: ${opened}`);
  });

  await t.test('the slider between original and translation is followed', async () => {
    const { id } = await benito.other('Anna');
    const become = (original, translated) => until(`gains of ${original} and ${translated}`, async () => {
      const voices = (await benito.page.evaluate(() => window.__jb.voices())).filter(({ participantId }) => participantId === id);
      const near = (role, wanted) => {
        const voice = voices.find((candidate) => candidate.role === role);
        return wanted === null ? !voice : voice && Math.abs(voice.gain - wanted) < 0.03;
      };
      return near('original', original) && near('translated', translated);
    });
    await benito.page.getByRole('button', { name: 'Voices' }).click();
    const slider = benito.page.getByRole('slider', { name: 'What you hear' });
    await slider.fill('100');
    await become(0, 1);
    await slider.fill('25');
    await become(1, 0.5);
    await slider.fill('0');
    // Nobody wants the translated voice any more: it is not even made.
    await become(1, null);
    assert.equal(await benito.producer('Anna', 'translation'), undefined);
    await slider.fill('85');
    await become(1, 1);
    await benito.page.keyboard.press('Escape');
    await slider.waitFor({ state: 'detached' });
  });

  await t.test('chat arrives translated', async () => {
    await anna.page.click('[data-control=chat]');
    await benito.page.click('[data-control=chat]');
    let read, expected;
    // A message waits 1.5 s for its translation and then goes out as it is: a starved machine may need another one.
    for (const text of ['please bring the new map of the city', 'please bring the new book', 'please open the window']) {
      expected = { main: await server.translate(text, 'en', 'es'), original: text };
      await anna.page.fill('.chat-form input', text);
      await anna.page.keyboard.press('Enter');
      const bubble = benito.page.locator('[data-message]', { hasText: text });
      await bubble.waitFor({ timeout: 10_000 });
      read = await bubble.evaluate((element) => ({
        main: element.querySelector('p').textContent, original: element.querySelector('small')?.textContent ?? null,
      }));
      assert.equal(await anna.page.locator('[data-message]', { hasText: text }).count(), 1, 'Anna sees it once');
      if (read.original !== null) break;
    }
    assert.deepEqual(read, expected);
    await benito.screenshot('chat');
  });

  await t.test('Escape closes the side panel', async () => {
    const panel = benito.page.getByRole('complementary', { name: 'Side panel' });
    await panel.waitFor();
    await benito.page.keyboard.press('Escape');
    await panel.waitFor({ state: 'detached' });
  });

  await t.test('mute is honoured: not a packet leaves, and Space talks through it', async () => {
    const microphone = (await anna.producer('Benito', 'mic')).id;
    const packets = async () => (await anna.received(microphone)).packets;
    const heardSince = async (at) => (await anna.levelsSince(at)).filter((sample) => sample.producerId === microphone);
    const start = await anna.now();
    await benito.page.locator('.call-main').focus();
    await benito.page.keyboard.press('m');
    await until('Benito is heard', async () => (await heardSince(start)).some(isLoud));
    await benito.page.keyboard.press('m');
    await until('Anna sees him muted', async () => (await anna.producer('Benito', 'mic')).paused);
    await until('his packets stop', async () => {
      const before = await packets();
      await sleep(600);
      return (await packets()) === before;
    });
    const muted = await packets();
    const since = await anna.now();
    await sleep(2500);
    assert.equal(await packets(), muted, 'no packet while muted');
    const heard = await heardSince(since + 500);
    assert.ok(heard.length > 5 && heard.every(({ rms }) => rms < SILENT), 'no energy while muted');

    await benito.page.keyboard.down('Space');
    await until('Space talks', async () => (await packets()) > muted + 20);
    await benito.page.keyboard.up('Space');
    await until('and stops when it is let go', async () => (await anna.producer('Benito', 'mic')).paused);
    await benito.page.keyboard.press('m');
    await until('he is heard again', async () => !(await anna.producer('Benito', 'mic')).paused);
  });

  await t.test('V turns the camera off and on', async () => {
    await benito.page.locator('.call-main').focus();
    await benito.page.keyboard.press('v');
    await until('Anna sees no camera of his', async () => !(await anna.producer('Benito', 'camera')));
    assert.equal((await benito.state()).cameraOn, false);
    await benito.page.keyboard.press('v');
    await anna.sees('Benito');
  });

  await t.test('another microphone is taken during the call: the same stream goes on with it', async () => {
    const { id } = await anna.producer('Benito', 'mic');
    const heard = async (since) => (await anna.levelsSince(since)).filter(({ producerId }) => producerId === id);
    benito.willSay(silence(work));
    await benito.changeMicrophone();
    await until('the new one, which is silent, is heard', async () => {
      const last = await heard((await anna.now()) - 1500);
      return last.length > 5 && !last.some(isLoud);
    });
    benito.willSay(spanishChatter(work));
    await benito.changeMicrophone();
    const since = await anna.now();
    await until('and then one that is not', async () => (await heard(since)).some(isLoud));
    assert.equal((await anna.producer('Benito', 'mic')).id, id);
  });

  await t.test('a shared screen is seen, and its end too', async () => {
    await anna.page.click('[data-control=screen]');
    await benito.sees('Anna', 'screen');
    await benito.page.locator('figure.screen video').waitFor();
    await benito.screenshot('screen-share');
    await anna.page.click('[data-control=screen]');
    await benito.page.locator('figure.screen').waitFor({ state: 'detached' });
  });

  await t.test('a raised hand and a reaction reach the other', async () => {
    await anna.page.click('[data-control=hand]');
    await benito.page.locator('.tile-hand').waitFor();
    await anna.page.click('[data-control=hand]');
    await benito.page.locator('.tile-hand').waitFor({ state: 'detached' });
    await anna.page.click('[data-control=smile]');
    await anna.page.click('.emojis button:first-child');
    await benito.page.locator('.tile-reactions span').waitFor();
  });

  await t.test('Benito reloads his page and is back, once', async () => {
    const captions = (await benito.finalCaptions()).length;
    await benito.page.reload();
    await benito.live();
    await Promise.all([benito.sees('Anna'), anna.sees('Benito')]);
    assert.equal((await anna.state()).participants.length, 1, 'no ghost of the earlier page');
    assert.ok((await benito.finalCaptions()).length >= Math.min(captions, 3), 'the captions so far are there');
    assert.ok((await benito.state()).chat.length > 0, 'and the chat');
  });

  await t.test('a lost network is told, and the call comes back by itself', async () => {
    const network = await benito.context.newCDPSession(benito.page);
    const offline = (value) => network.send('Network.emulateNetworkConditions',
      { offline: value, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
    await network.send('Network.enable');
    await offline(true);
    await benito.page.locator('[data-banner="call.reconnecting"]').waitFor({ timeout: 15_000 });
    assert.ok((await benito.state()).participants.length > 0, 'the call stays on screen');
    await offline(false);
    await benito.live();
    await Promise.all([benito.sees('Anna'), anna.sees('Benito')]);
    assert.equal((await anna.state()).participants.length, 1, 'no ghost');
  });

  await t.test('one who hears English gets no translated voice; one who hears Catalan does; all work is done once', async () => {
    const silent = silence(work);
    [clara, dolors] = await Promise.all([
      Person.launch('Clara', { microphone: silent, camera: false, viewport: { width: 360, height: 720 } }),
      Person.launch('Dolors', { microphone: silent, camera: false, locale: 'vi-VN' }),
    ]);
    await Promise.all([clara, dolors].map((person) => person.openLobby(`${server.url}/r/${room}`)));
    await dolors.screenshot('lobby-vietnamese');
    await clara.screenshot('lobby-360', { fullPage: true });
    await clara.join('en', 'en');
    await dolors.join('ca', 'ca');
    await dolors.sees('Anna');
    await camerasOff(anna, benito);
    const before = await server.metrics();
    const known = new Set((await dolors.state()).captions.map(({ id }) => id));
    const from = await dolors.now();
    await annaSays(slowly);
    await until('Dolors hears Catalan', async () => {
      const producer = await dolors.producer('Anna', 'translation');
      const { translated } = await voicesOf('Anna', dolors, from);
      return producer?.lang === 'ca' && loudTimes(translated).length > 10;
    }, { within: 35_000 });
    await dolors.screenshot('call-vietnamese');
    await clara.screenshot('call-360');

    // Her longest pause is 4 s.
    await hasFinished('Anna', dolors, { quiet: 7000 });
    const speaking = (await dolors.other('Anna')).id;

    const { producers, audio } = await clara.page.evaluate(async () => {
      const audio = (await window.__jb.stats()).received.filter(({ kind }) => kind === 'audio').map(({ producerId }) => producerId);
      return { producers: window.__jb.state().participants.flatMap((participant) => participant.producers), audio };
    });
    const sourceOf = (producerId) => producers.find(({ id }) => id === producerId)?.source;
    assert.deepEqual(audio.map(sourceOf), ['mic', 'mic', 'mic'], 'Clara receives microphones, and nothing else that sounds');
    assert.ok(producers.every(({ source }) => source !== 'translation'), 'and was not even told of a translated voice');
    const isNew = ({ id }) => !known.has(id);
    const english = bySpeaker(await clara.finalCaptions(), speaking).filter(isNew);
    const catalan = bySpeaker(await dolors.finalCaptions(), speaking).filter(isNew);
    assert.ok(catalan.length >= 3, `each sentence has its caption: ${catalan.length}`);
    assert.deepEqual(english.map(({ text }) => text), catalan.map(({ text }) => text), 'the same words for both');
    assert.ok(catalan.every(({ translations }) => translations.ca), 'each with its Catalan');

    const now = await server.metrics();
    const done = (name) => (now.get(name) ?? 0) - (before.get(name) ?? 0);
    const counts = {
      captions: catalan.length,
      recognised: done('jbcalling_sentences_total'),
      es: done('jbcalling_translations_total{to="es"}'),
      ca: done('jbcalling_translations_total{to="ca"}'),
      en: done('jbcalling_translations_total{to="en"}'),
      synthesized: done('jbcalling_syntheses_total'),
      dropped: done('jbcalling_clauses_dropped_total'),
    };
    t.diagnostic(`work: ${JSON.stringify(counts)}`);
    assert.equal(counts.recognised, counts.captions, 'recognised once');
    assert.equal(counts.es, counts.captions, 'translated once into Spanish');
    assert.equal(counts.ca, counts.captions, 'translated once into Catalan');
    assert.equal(counts.en, 0, 'not translated for who hears English');
    assert.equal(counts.dropped, 0, 'nothing was given up');
    assert.equal(counts.synthesized, 2 * counts.captions, 'synthesized once per language');
  });

  await t.test('every name can be read and every control reached at 360 px', async () => {
    const cut = await clara.page.locator('.plate-name').evaluateAll((all) =>
      all.filter((name) => name.scrollWidth > name.clientWidth).map((name) => name.textContent));
    assert.deepEqual(cut.filter((name) => !name.startsWith('Clara')), []);
    const allReachable = async (where) => {
      const { seen, missing } = await unreachableControls(clara.page);
      assert.ok(seen >= 5, `${where}: ${seen} controls`);
      assert.deepEqual(missing, [], where);
    };
    await allReachable('the call');
    await clara.page.click('[data-control=chat]');
    await allReachable('the chat');
    await clara.page.getByRole('tab', { name: 'Captions' }).click();
    await clara.screenshot('captions-360');
    await allReachable('the captions');
    await clara.page.getByRole('tab', { name: 'People' }).click();
    await allReachable('the people');
    await clara.page.keyboard.press('Escape');
    await clara.page.getByRole('complementary', { name: 'Side panel' }).waitFor({ state: 'detached' });
    await clara.page.getByRole('button', { name: 'Voices' }).click();
    await allReachable('the slider');
    await clara.page.keyboard.press('Escape');
    await clara.page.click('[data-control=more]');
    await clara.screenshot('more-360');
    await allReachable('what does not fit into the bar');
    await clara.page.locator('.popover [data-control=settings]').click();
    await clara.page.locator('dialog[open]').waitFor();
    await clara.screenshot('settings-360');
    await allReachable('the settings');
    await clara.page.keyboard.press('Escape');
    await clara.page.locator('dialog[open]').waitFor({ state: 'detached' });
  });

  await t.test('the transcript has the final captions, in both languages', async () => {
    const answer = await server.transcript(room, 'format=txt&lang=es');
    assert.equal(answer.status, 200);
    const text = await answer.text();
    const caption = (await benito.finalCaptions()).at(-1);
    assert.ok(text.includes(caption.text) && text.includes(caption.translations.es), text);
  });

  await t.test('leaving is seen by the others', async () => {
    await dolors.page.click('[data-control=leave]');
    await dolors.page.locator('.card.ended').waitFor();
    await until('Dolors is gone', async () => !(await benito.other('Dolors')));
    await clara.page.click('[data-control=leave]');
    await until('Clara is gone', async () => !(await benito.other('Clara')));
  });

  const speaks = await needed(t, 'Anna speaks without an end', async (t) => {
    const loud = async (since) => {
      const { original, translated } = await voicesOf('Anna', benito, since);
      return { original: loudTimes(original).length, translated: loudTimes(translated).length };
    };
    // Seen once in five runs: nothing was heard for 30 s after the change. Whether the browser's file or a voice was
    // missing is told; what has to work is the second change at the latest.
    for (let attempt = 1; ; ++attempt) {
      const from = await benito.now();
      await annaSays(withoutEnd);
      try {
        await until('she is heard, and translated', async () => {
          const counts = await loud(from);
          if (counts.original <= 10 || counts.translated <= 10) throw new Error(JSON.stringify(counts));
          return true;
        }, { within: 25_000 });
        return;
      } catch (error) {
        t.diagnostic(`attempt ${attempt}: ${error.message}`);
        if (attempt === 2) throw error;
      }
    }
  });
  if (!speaks) return;

  for (const service of ['tts', 'translation', 'stt']) {
    await t.test(`${service} is killed while Anna speaks: told within 5 s, her voice goes on, it comes back by itself`, async (t) => {
      let gap = Infinity;
      for (let attempt = 0; attempt < ATTEMPTS && gap > MAX_GAP_MS; ++attempt) gap = Math.min(gap, await killOnce(service, t));
      assert.ok(gap <= MAX_GAP_MS, `${gap} ms without a packet of the original, each time`);
    });
  }

  await t.test('after that the call is translated as before', async () => {
    const from = await benito.now();
    const known = new Set((await benito.finalCaptions()).map(({ id }) => id));
    await until('a new translated caption', async () =>
      (await benito.finalCaptions()).some((caption) => !known.has(caption.id) && caption.translations.es), { within: 40_000 });
    await until('and a translated voice', async () =>
      loudTimes((await voicesOf('Anna', benito, from)).translated).length > 10, { within: 20_000 });
  });

  await t.test('no page reported an error', () => {
    const complaints = [anna, benito, clara, dolors].flatMap((person) => person?.complaints ?? [])
      // Said by the browser itself while the network was switched off.
      .filter((line) => !/ERR_INTERNET_DISCONNECTED|WebSocket connection to/.test(line));
    assert.deepEqual(complaints, []);
  });
});

/** Keeps what the banners say from now on: a service may be back before the test looks. */
function watchBanners(person) {
  return person.page.evaluate(() => {
    const box = document.querySelector('.banners');
    const keep = () => window.bannersSeen.push(...[...box.children].map((banner) => banner.dataset.banner));
    window.bannersSeen = [];
    new MutationObserver(keep).observe(box, { childList: true });
  });
}

/** Kills that service in the middle of Anna's speech; the longest time without a packet of hers. */
async function killOnce(service, t) {
  const microphone = (await benito.producer('Anna', 'mic')).id;
  const pid = await until(`${service} runs`, () => server.childPid(service));
  await until('nothing is away before', async () =>
    (await Promise.all([anna, benito].map((person) => person.state()))).every(({ services }) => allUp(services)), { within: 60_000 });
  await Promise.all([anna, benito].map(watchBanners));
  await benito.page.evaluate((id) => window.__e2e.watchReceived(id), microphone);
  await anna.page.evaluate(() => window.__e2e.watchSent());
  await sleep(1000);
  const from = await benito.now();
  process.kill(pid, 'SIGKILL');
  const killed = Date.now();
  await until(`both read that ${service} is away`, async () => {
    const seen = await Promise.all([anna, benito].map((person) => person.page.evaluate(() => window.bannersSeen)));
    return seen.every((banners) => banners.some((banner) => banner.startsWith(`service.${service}.`)));
  }, { within: 5000, every: 100 });
  const told = Date.now() - killed;
  if (service === 'tts') await anna.screenshot('service-away');
  // Another one may be slow just now on a loaded machine; the killed one has to be well again.
  await until(`${service} is back`, async () => {
    const { services } = await anna.state();
    if (services[service] !== 'up' || Object.values(services).includes('down')) throw new Error(JSON.stringify(services));
    return true;
  }, { within: 60_000 });
  const back = Date.now() - killed;
  const watched = async (person, what) =>
    flow(await person.page.evaluate((name) => window.__e2e.endWatch(name), what), killed - 1000, killed + back);
  const received = await watched(benito, 'received');
  const sent = await watched(anna, 'sent');
  const heard = (await voicesOf('Anna', benito, from)).original.filter((sample) => isLoud(sample) && sample.gain > 0).length;
  t.diagnostic(`${service}: told after ${told} ms, back after ${back} ms; ${about(sent, killed)} sent, ` +
    `${about(received, killed)} received, ${heard} loud moments`);
  assert.ok(received.seconds > 3, `watched for ${received.seconds} s`);
  assert.ok(received.perSecond > 0.97 * 50, `${received.perSecond.toFixed(1)} packets a second of 50`);
  assert.ok(received.lost < 0.01, `${received.lost} lost`);
  assert.ok(heard > 10, `her voice was heard: ${heard} loud moments`);
  assert.ok(server.childPid(service) !== pid, 'a new process');
  return received.longestGap;
}

const about = ({ seconds, perSecond, longestGap, gapAt, lost, concealed, blindest }, killed) =>
  `${perSecond.toFixed(1)}/s for ${seconds.toFixed(1)} s (longest gap ${Math.round(longestGap)} ms at ${Math.round(gapAt - killed)}, ` +
  `looked every ${Math.round(blindest)} ms, ${(100 * lost).toFixed(1)} % lost, ${(100 * concealed).toFixed(1)} % concealed)`;
