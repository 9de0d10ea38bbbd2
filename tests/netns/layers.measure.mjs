// SPDX-License-Identifier: Apache-2.0
// One camera, two receivers with links of their own: each gets the size that its link carries, soon after the link changes
// and without going to and fro. Chromium sends and receives, and its getStats judge: VP8 simulcast, VP9 and AV1 SVC.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sleep, until } from '../e2e/lib/wait.mjs';
import { spanishChatter } from '../e2e/lib/speech.mjs';
import { livelyCamera } from './lib/camera.mjs';
import { call, close } from './lib/caller.mjs';
import { freezes, samplesOf, settledAfter, startMeter, streams, summary, switchesIn10s, widthsOf } from './lib/meter.mjs';
import { keepFigures } from './lib/figures.mjs';
import { World } from './lib/world.mjs';

const NARROW = { latencyMs: 20, rateBps: 300_000, maxQueueMs: 500 };
const WIDE = { latencyMs: 20, rateBps: 3_000_000, maxQueueMs: 500 };
const HALF = { latencyMs: 20, rateBps: 500_000, maxQueueMs: 500 };
// The others take more of a processor than there is beside two receivers on two cores: JB_CODECS=vp9,av1 by hand.
const CODECS = (process.env.JB_CODECS ?? 'vp8').split(',');

const STEP_MS = 20_000;
const REST_MS = 10_000;
const MAX_SETTLE_MS = 5000;
const MAX_FREEZE_MS = 500;
const MAX_FREEZE_WHEN_IT_CHANGES_MS = 2500;
const MAX_SWITCHES_IN_10_S = 1;
const MAX_QUEUE_P95_MS = 200;
const MAX_AUDIO_LOSS_PERCENT = 1;

// Widths of the camera's sizes.
const SMALL = [240], HALF_WIDTHS = [240, 480], WHOLE = [960];
const CAMERA = { width: 960, height: 540, fps: 15 };
// Two thirds of a screen: the place on the page is worth the whole picture.
const VIEWPORT = { width: 1920, height: 1080 };

/** Anna with a camera in that codec, Benito and Clara without. */
async function open(t, codec) {
  const world = await World.open(`layers-${codec}`, { seed: 7 });
  const people = [];
  t.after(() => close(world, people));
  const room = world.createRoom();
  // 15 frames a second, since two cores encode and decode all of this.
  const camera = `--use-file-for-fake-video-capture=${livelyCamera(world.directory, CAMERA)}`;
  const enter = async (name, options) => {
    const home = await world.home(name.toLowerCase());
    const person = await call(world, home, room, name, options);
    people.push(person);
    return { person, link: home.link };
  };
  const { person: anna } = await enter('Anna', { codec, quality: 'high', microphone: spanishChatter(world.directory), flags: [camera] });
  const receivers = [];
  for (const name of ['Benito', 'Clara']) receivers.push(await enter(name, { camera: false, viewport: VIEWPORT }));
  await Promise.all(receivers.map(({ person }) => person.sees('Anna')));
  await sendsAll(anna);
  return { receivers };
}

/** Her browser starts with the small sizes, until it has found out what her own link carries. */
async function sendsAll(anna) {
  await until('Anna sends the whole picture', async () => {
    const sent = await anna.page.evaluate(async () => {
      const reports = await Promise.all(window.__e2e.peers().map((peer) => peer.getStats()));
      return reports.flatMap((report) => [...report.values()]).filter(({ type, kind }) => type === 'outbound-rtp' && kind === 'video');
    });
    return Math.max(0, ...sent.map(({ frameWidth = 0, framesPerSecond = 0 }) => (framesPerSecond > 0 ? frameWidth : 0))) === WHOLE[0];
  }, { within: 30_000 });
}

/** Both links shaped like that, and what both received from then on. */
async function under({ receivers }, profiles, ms) {
  await Promise.all(receivers.flatMap(({ person, link }) => [startMeter(person), link.figures()]));
  await Promise.all(receivers.map(({ link }, i) => link.shape(profiles[i])));
  await sleep(ms);
  return Promise.all(receivers.map(async ({ person, link }) => {
    const samples = await samplesOf(person);
    return { name: person.name, video: streams(samples, 'video')[0], audio: streams(samples, 'audio')[0], down: (await link.figures()).down };
  }));
}

/** What a receiver's getStats say, where its picture is to be one of those widths. */
function figuresOf(t, step, { name, video, audio, down }, widths) {
  const settledMs = settledAfter(video, widths);
  const figures = {
    settledMs, widths: widthsOf(video), switchesIn10s: switchesIn10s(video, settledMs ?? 0), freezes: freezes(video),
    video: summary(video), audio: summary(audio), queueP95Ms: down.queueP95Ms, queueMaxMs: down.queueMaxMs,
  };
  t.diagnostic(`${name}: ${figures.widths.map(({ afterMs, width }) => `${width} at ${(afterMs / 1000).toFixed(1)} s`).join(', ')}; ` +
    `frozen for ${figures.freezes.map(({ ms }) => ms).join(', ') || 'no'} ms, ${figures.video.fps} fps, ${figures.video.kbps} kbit/s, queue p95 ${down.queueP95Ms} ms`);
  keepFigures('layers', `${step}, ${name}`, figures);
  return figures;
}

function judge(name, { settledMs, switchesIn10s: most, freezes }) {
  assert.ok(settledMs !== null && settledMs <= MAX_SETTLE_MS, `${name}: settled after ${settledMs} ms`);
  assert.ok(most <= MAX_SWITCHES_IN_10_S, `${name}: ${most} changes of size in 10 s`);
  for (const { afterMs, ms } of freezes) {
    // A link that has fallen to a tenth is still full of the larger picture.
    const most = afterMs <= MAX_SETTLE_MS ? MAX_FREEZE_WHEN_IT_CHANGES_MS : MAX_FREEZE_MS;
    assert.ok(ms <= most, `${name}: frozen for ${ms} ms, ${afterMs} ms after the change`);
  }
}

for (const codec of CODECS) {
  test(`a camera in ${codec} at two receivers`, { timeout: 240_000 }, async (t) => {
    const here = await open(t, codec);
    for (const [step, profiles, widths] of [
      ['one link of 300 kbit/s, one of 3 Mbit/s', [NARROW, WIDE], [SMALL, WHOLE]],
      ['the links change places', [WIDE, NARROW], [WHOLE, SMALL]],
    ]) {
      await t.test(`${codec}: ${step}`, async (t) => {
        const received = await under(here, profiles, STEP_MS);
        const figures = received.map((one, i) => figuresOf(t, `${codec}: ${step}`, one, widths[i]));
        figures.forEach((one, i) => judge(received[i].name, one));
      });
    }
    await t.test(`${codec}: from 3 Mbit/s to 500 kbit/s and back`, async (t) => {
      await under(here, [WIDE, WIDE], REST_MS);
      const [low] = await under(here, [HALF, WIDE], STEP_MS);
      const lower = figuresOf(t, `${codec}: to 500 kbit/s`, low, HALF_WIDTHS);
      const [back] = await under(here, [WIDE, WIDE], STEP_MS);
      const higher = figuresOf(t, `${codec}: back to 3 Mbit/s`, back, WHOLE);
      judge('at 500 kbit/s', lower);
      judge('back', higher);
      for (const { queueP95Ms } of [lower, higher]) assert.ok(queueP95Ms < MAX_QUEUE_P95_MS, `queue p95 ${queueP95Ms} ms`);
      const lossPercent = 100 * higher.audio.lost / (higher.audio.lost + higher.audio.packets);
      assert.ok(lossPercent < MAX_AUDIO_LOSS_PERCENT, `${lossPercent} % of the sound lost`);
    });
  });
}
