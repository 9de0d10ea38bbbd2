// SPDX-License-Identifier: Apache-2.0
// What people read when something is in the way: every refusal has words and a way on.
import assert from 'node:assert/strict';
import os from 'node:os';
import { after, before, test } from 'node:test';
import { Person } from './lib/person.mjs';
import { Server } from './lib/server.mjs';
import { until } from './lib/wait.mjs';

let server, person, refused;

before(async () => {
  server = await Server.start('words', { 'gateway.host': '0.0.0.0' });
  person = await Person.launch('Vera', {});
}, { timeout: 90_000 });

after(async () => {
  await person?.close();
  await refused?.close();
  await server?.stop();
}, { timeout: 30_000 });

async function createRoom(options = {}) {
  const answer = await fetch(`${server.url}/api/v1/rooms`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(options),
  });
  assert.equal(answer.status, 201);
  return answer.json();
}

const message = (page, words) => page.locator('.message.bad', { hasText: words }).first().waitFor({ timeout: 8000 });
const joinButton = (page) => page.locator('.lobby-card button.primary:not([disabled])');

test('words when something is in the way', { timeout: 120_000 }, async (t) => {
  await t.test('a code that cannot be one', async () => {
    await person.page.goto(server.url);
    await person.page.fill('#code', 'no!');
    await person.page.click('.join-form .button');
    await person.page.getByText('not a room code').waitFor();
  });

  await t.test('a room that is gone', async () => {
    await person.page.goto(`${server.url}/r/aaaaa-bbbbb-ccccc`);
    await message(person.page, 'does not exist, or is gone');
    await person.page.getByRole('button', { name: 'Back to start' }).click();
    await person.page.locator('.start-card').waitFor();
  });

  await t.test('a wrong passcode, then the right one', async () => {
    const { code } = await createRoom({ passcode: 'blue whale', name: 'Weekly planning' });
    await person.openLobby(`${server.url}/r/${code}`);
    await person.page.getByText('Weekly planning').waitFor();
    await joinButton(person.page).click();
    await message(person.page, 'asks for a passcode');
    await person.page.fill('#passcode', 'red whale');
    await joinButton(person.page).click();
    await message(person.page, 'passcode is wrong');
    await person.page.fill('#passcode', 'blue whale');
    await joinButton(person.page).click();
    await person.live();
    await person.page.click('[data-control=leave]');
    await person.page.getByText('You left the call').waitFor();
  });

  await t.test('a full room', async () => {
    const { code } = await createRoom({ maxParticipants: 2 });
    const pages = [];
    for (const name of ['One', 'Two']) {
      const page = await person.context.newPage();
      pages.push(page);
      await page.goto(`${server.url}/r/${code}`);
      await page.fill('#name', name);
      await joinButton(page).click();
      await until(`${name} is in`, () => page.evaluate(() => window.__jb?.state().link.phase === 'live'));
    }
    const inside = async () => (await (await fetch(`${server.url}/api/v1/rooms/${code}`)).json()).participants;
    await person.openLobby(`${server.url}/r/${code}`);
    await message(person.page, 'room is full');

    // A lobby that knows of nobody yet: the words come when the server refuses.
    const answers = '**/api/v1/rooms/*';
    await person.page.route(answers, async (route) => {
      const answer = await route.fetch();
      await route.fulfill({ response: answer, json: { ...(await answer.json()), participants: 0 } });
    });
    await person.openLobby(`${server.url}/r/${code}`);
    await person.page.getByText('Nobody is here yet').waitFor();
    assert.equal(await person.page.locator('.message.bad').count(), 0);
    await person.page.unroute(answers);
    await joinButton(person.page).click();
    await message(person.page, 'room is full');
    assert.equal(await inside(), 2);
    assert.equal(await person.page.evaluate(() => window.__jb ?? null), null, 'not in the call');
    await Promise.all(pages.map((page) => page.close()));
    // Somebody has left: the same button works now.
    await until('there is room', async () => (await inside()) === 0);
    await joinButton(person.page).click();
    await person.live();
  });

  await t.test('the owner ends the call for everybody', async () => {
    await person.page.goto(server.url);
    await person.page.click('.start-card .button.primary');
    await person.fillLobby();
    await joinButton(person.page).click();
    await person.live();
    await person.page.click('[data-control=settings]');
    const end = person.page.locator('dialog .button.danger');
    await end.click();
    await end.click();
    await person.page.getByText('This call was ended').waitFor();
  });

  await t.test('a language without a recogniser', async () => {
    const { code } = await createRoom();
    await person.openLobby(`${server.url}/r/${code}`);
    await person.page.selectOption('#speak', 'vi');
    await person.page.getByText('cannot recognise Vietnamese yet').waitFor();
    await person.page.selectOption('#speak', 'en');
    await person.page.getByText('cannot recognise').waitFor({ state: 'detached' });
    const { stt, translation, tts } = await server.languages();
    const offered = await person.page.locator('#hear option').evaluateAll((options) => options.map((option) => option.value));
    const known = new Set([...stt, ...tts, ...translation.flatMap(({ from, to }) => [from, to])]);
    assert.deepEqual(offered.filter((language) => !known.has(language)), [], 'nothing is offered that the server has not');
    await person.screenshot('lobby-english');
  });

  await t.test('microphone and camera refused: words, and a way in without them', async () => {
    const { code } = await createRoom();
    refused = await Person.launch('Rita', { fakeUi: false });
    await refused.openLobby(`${server.url}/r/${code}`);
    await message(refused.page, 'microphone is blocked');
    await message(refused.page, 'camera is blocked');
    await refused.screenshot('lobby-refused');
    await refused.page.getByRole('button', { name: 'Join without a microphone' }).click();
    await refused.live();
  });

  const lan = Object.values(os.networkInterfaces()).flat().find(({ family, internal }) => family === 'IPv4' && !internal);
  await t.test('a page that is not secure', { skip: !lan && 'no address but loopback' }, async () => {
    const { code } = await createRoom();
    await refused.page.goto(`${server.url.replace('127.0.0.1', lan.address)}/r/${code}`);
    await message(refused.page, 'secure pages only');
  });

  await t.test('the server is away, and comes back', async () => {
    const { code } = await createRoom();
    await person.page.route('**/api/**', (route) => route.abort());
    await person.page.goto(`${server.url}/r/${code}`);
    await message(person.page, 'server does not answer');
    await person.page.unroute('**/api/**');
    await joinButton(person.page).waitFor({ timeout: 15_000 });
  });

  await t.test('no page failed on the way', () => {
    const failures = [...person.complaints, ...refused.complaints].filter((line) => !/Failed to load resource/.test(line));
    assert.deepEqual(failures, []);
  });
});
