// SPDX-License-Identifier: Apache-2.0
// A Chromium in a home of its own, in a call: e2e's Person behind a link. It enters as after a reload, since a gateway
// without speech services has no language to choose in the lobby.
import { Person } from '../../e2e/lib/person.mjs';
import { until } from '../../e2e/lib/wait.mjs';
import { meter } from './meter.mjs';
import { ORIGIN } from './world.mjs';

/** `codec`: of the pictures that this person sends, where it is not the one everybody sends. */
export async function call(world, home, room, name, { codec, ...options } = {}) {
  const browser = home.space.wrapper(world.directory, process.env.CHROMIUM ?? '/usr/bin/chromium');
  const person = await Person.launch(name, {
    browser,
    ...options,
    // A page over plain HTTP has no microphone unless its address is trusted.
    flags: [`--unsafely-treat-insecure-origin-as-secure=${ORIGIN}`, ...(options.flags ?? [])],
  });
  await person.context.addInitScript(meter);
  await person.context.addInitScript(([code, intent]) => {
    if (!sessionStorage.getItem('jb.call')) sessionStorage.setItem('jb.call', JSON.stringify({ code, ...intent }));
  }, [room, { name, speaks: 'en', hears: 'en', voice: 'original' }]);
  await person.page.goto(`${ORIGIN}/r/${room}${codec ? `?codec=${codec}` : ''}`);
  await person.live();
  return person;
}

/** Anna and Benito in one call, each behind a link of their own: [anna, benito]. `hers`, `his`: their homes. */
export async function callBetween(world, room, [hers, his], options) {
  const pair = await Promise.all([call(world, hers, room, 'Anna', options), call(world, his, room, 'Benito', options)]);
  await seeEachOther(pair);
  return pair;
}

export const seeEachOther = ([anna, benito]) => Promise.all([anna.sees('Benito'), benito.sees('Anna')]);

/** Sound arrives at both of them right now. */
export async function hearEachOther(pair) {
  for (const person of pair) {
    let before = -1;
    await until(`sound arrives at ${person.name}`, async () => {
      const now = (await person.stats()).received.filter(({ kind }) => kind === 'audio').reduce((sum, { packets }) => sum + packets, 0);
      const grew = before >= 0 && now > before + 3;
      before = now;
      return grew;
    }, { within: 20_000, every: 250 });
  }
}

/** Of a test that may have failed to open any of it. */
export async function close(world, people) {
  await Promise.all(people.map((person) => person?.close()));
  await world?.close();
}
