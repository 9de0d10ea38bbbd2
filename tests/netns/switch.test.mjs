// SPDX-License-Identifier: Apache-2.0
// Anna has two ways out, Wi-Fi and a phone, and goes from one to the other in the middle of a call; Benito's way is good.
// What is measured are the holes in the sound both ways, from the moment in which everything goes the new way.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sleep } from '../e2e/lib/wait.mjs';
import { spanishChatter } from '../e2e/lib/speech.mjs';
import { callBetween, close, hearEachOther } from './lib/caller.mjs';
import { keepFigures, percentile } from './lib/figures.mjs';
import { holes } from './lib/meter.mjs';
import { World } from './lib/world.mjs';

// docs/testing-networks.md
const MAX_GAP_MS = 2000;
const SWITCHES = 8;
const WAYS = ['phone', 'wan'];
const GOOD = { latencyMs: 20 };

let world, anna, benito, home;
const links = {};

before(async () => {
  world = await World.open('switch', { seed: 7 });
  const room = world.createRoom();
  home = await world.home('anna');
  const his = await world.home('benito');
  links.wan = home.link;
  links.phone = await home.connect('phone');
  await Promise.all(Object.values(links).map((link) => link.shape(GOOD)));
  [anna, benito] = await callBetween(world, room, [home, his], { microphone: spanishChatter(world.directory) });
}, { timeout: 60_000 });

after(() => close(world, [anna, benito]), { timeout: 30_000 });

const idOf = async (person) => (await person.state()).selfId;

/** Everything of Anna's that Benito sees: one of her, the same, and nobody told him that she went or came. */
async function assertNobodyNoticed(self) {
  const { participants, notices } = await benito.state();
  assert.deepEqual(participants.map(({ id }) => id), [self], 'the same participant, once');
  assert.deepEqual(notices.map(({ key }) => key).filter((key) => /left|joined/.test(key)), []);
}

/** `move(from, to)`, there and back again and again. The other network is there before it is used, as a phone's is. */
async function switches(t, name, move) {
  const self = await idOf(anna);
  const gaps = [];
  for (let i = 0; i < SWITCHES; ++i) {
    // At different moments between two checks of the browser.
    const [to, from] = i % 2 === 0 ? WAYS : [...WAYS].reverse();
    home.raise(to);
    await sleep(2500 + 217 * i);
    gaps.push(await holes([anna, benito], () => move(from, to), 3000));
    await hearEachOther([anna, benito]);
    await assertNobodyNoticed(self);
  }
  const worst = gaps.map(({ down, up }) => Math.max(down, up));
  const figures = { gaps, p50: percentile(worst, 0.5), p95: percentile(worst, 0.95) };
  keepFigures('switch', name, figures);
  t.diagnostic(`holes of ${worst.join(', ')} ms: p50 ${figures.p50}, p95 ${figures.p95}`);
  assert.ok(figures.p95 <= MAX_GAP_MS, `p95 ${figures.p95} ms`);
  assert.equal(await idOf(anna), self);
}

test('a call that changes networks', { timeout: 400_000 }, async (t) => {
  await t.test('the one it was on is gone: same participant, nobody joins again', (t) =>
    switches(t, 'gone', (from, to) => {
      home.drop(from);
      home.use(to);
    }));

  await t.test('the one it was on falls silent, and its address stays', (t) =>
    switches(t, 'silent', async (from, to) => {
      await Promise.all([links[from].shape({ ...GOOD, down: 1 }), links[to].shape(GOOD)]);
      home.use(to);
    }));

  await t.test('the one it was on still works', async (t) => {
    await Promise.all(Object.values(links).map((link) => link.shape(GOOD)));
    await switches(t, 'still there', (_, to) => home.use(to));
  });

  await t.test('no page reported an error', () =>
    assert.deepEqual([anna, benito].flatMap(({ complaints }) => complaints).filter((line) => !/ERR_|WebSocket/.test(line)), []));
});
