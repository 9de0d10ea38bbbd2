// SPDX-License-Identifier: Apache-2.0
// Packet loss between browsers and the server: Anna's link loses packets both ways, Benito's does not. What she hears and
// sees of him went through her lossy way down, what he hears and sees of her through her lossy way up.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sleep } from '../e2e/lib/wait.mjs';
import { spanishChatter } from '../e2e/lib/speech.mjs';
import { callBetween, close } from './lib/caller.mjs';
import { samplesOf, startMeter, streams, summary } from './lib/meter.mjs';
import { keepFigures } from './lib/figures.mjs';
import { World } from './lib/world.mjs';

const MEASURED_MS = 20_000;
// Longer than what may be sent again at the start of a stream without having been earned lasts.
const BURSTS_MS = 40_000;
// Until encoders and jitter buffers have got used to the link.
const SETTLE_MS = 6000;
// docs/testing-networks.md: bad networks (P1 to P3).
const MAX_CONCEALED_PERCENT = 3;
const MAX_FROZEN_SECONDS_PER_MINUTE = 2;

let world, anna, benito;

before(async () => {
  world = await World.open('loss', { seed: 3 });
  const room = world.createRoom();
  const microphone = spanishChatter(world.directory);
  const homes = [await world.home('anna'), await world.home('benito')];
  [anna, benito] = await callBetween(world, room, homes, { microphone, quality: 'standard', flags: ['--use-fake-device-for-media-stream=fps=30'] });
}, { timeout: 60_000 });

after(() => close(world, [anna, benito]), { timeout: 30_000 });

/** What both receive over Anna's link shaped like that. */
async function measure(t, name, profile, measuredMs = MEASURED_MS) {
  const { link } = world.homes[0];
  await link.shape(profile);
  await sleep(SETTLE_MS);
  await Promise.all([startMeter(anna), startMeter(benito), link.figures()]);
  await sleep(measuredMs);
  const of = async (person) => {
    const samples = await samplesOf(person);
    return Object.fromEntries(['audio', 'video'].map((kind) => [kind, summary(streams(samples, kind)[0])]));
  };
  const figures = { profile, down: await of(anna), up: await of(benito), link: await link.figures() };
  for (const way of ['down', 'up']) {
    const { audio, video } = figures[way];
    t.diagnostic(`${name}, ${way}: ${audio.concealedPercent} % of the sound concealed, the picture frozen ` +
      `${video.frozenSecondsPerMinute} s/min at ${video.fps} fps; packets lost on the link: ${share(figures.link[way])} %`);
  }
  keepFigures('loss', name, figures);
  return figures;
}

const share = ({ lost, sent }) => Math.round(1000 * lost / sent) / 10;

test('media over links that lose packets', { timeout: 180_000 }, async (t) => {
  await t.test('without loss nothing is concealed and nothing stands still', async (t) => {
    const { down, up } = await measure(t, 'clean', { latencyMs: 20 }, 10_000);
    for (const { audio, video } of [down, up]) {
      assert.ok(audio.concealedPercent < 1, `${audio.concealedPercent} % concealed`);
      assert.equal(video.freezes, 0);
    }
  });

  await t.test('10 % random loss: concealed sound and frozen pictures stay within bounds, both ways', async (t) => {
    const { down, up } = await measure(t, '10 % random loss', { latencyMs: 20, loss: 0.1 });
    for (const [way, { audio, video }] of [['down', down], ['up', up]]) {
      assert.ok(audio.concealedPercent < MAX_CONCEALED_PERCENT, `${way}: ${audio.concealedPercent} % concealed`);
      assert.ok(video.frozenSecondsPerMinute < MAX_FROZEN_SECONDS_PER_MINUTE, `${way}: frozen ${video.frozenSecondsPerMinute} s/min`);
      // Sound is not sent again on the way down: what her link loses has to be told to him who speaks.
      assert.ok(audio.fecPackets > audio.packets / 2, `${way}: ${audio.fecPackets} of ${audio.packets} packets repair others`);
    }
  });

  await t.test('30 % lost in bursts: sound never stops, and all is well again when they end', async (t) => {
    // On average four packets in a row, of all that is on the link.
    const bursts = { latencyMs: 20, burstToBad: 0.107, burstToGood: 0.25 };
    const { down, up } = await measure(t, '30 % in bursts', bursts, BURSTS_MS);
    for (const [way, { audio, video }] of [['down', down], ['up', up]]) {
      assert.ok(audio.longestGapMs < 1000, `${way}: no sound for ${audio.longestGapMs} ms`);
      assert.ok(audio.concealedPercent < 30, `${way}: ${audio.concealedPercent} % concealed`);
      assert.ok(video.frozenSecondsPerMinute < 30, `${way}: frozen ${video.frozenSecondsPerMinute} s/min`);
    }
    const after = await measure(t, 'after the bursts', { latencyMs: 20 }, 10_000);
    for (const { audio, video } of [after.down, after.up]) {
      assert.ok(audio.concealedPercent < 1, `${audio.concealedPercent} % concealed afterwards`);
      assert.ok(video.frozenSecondsPerMinute < MAX_FROZEN_SECONDS_PER_MINUTE, `frozen ${video.frozenSecondsPerMinute} s/min afterwards`);
    }
  });
});
