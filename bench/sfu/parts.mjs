// SPDX-License-Identifier: Apache-2.0
// What is measured of each SFU. Every part gets the same servers and returns rows of plain data, one a run:
// {part, server, …}; report.mjs makes figures of them. Every run has a server of its own, just started: none has grown by the
// runs before, and none runs beside another.
import { runLoad } from './load.mjs';
import { RunningServer } from './servers.mjs';

// The packet sizes that DESIGN.md 5 speaks of. 160 bytes every 20 ms is 64 kbit/s; 1200 bytes at 1 Mbit/s, 104 a second.
const AUDIO = { kind: 'audio', payload: 160 };
const VIDEO = { kind: 'video', payload: 1200, bitrate: 1_000_000 };
export const KINDS = { audio: AUDIO, video: VIDEO };

// [rooms, participants, publishers of them]. Whoever publishes is heard by all others: more publishers are more packets at the
// same fan-out. Our gateway lets one address make 60 rooms and 512 connections.
// light: 6000 to 20000 packets leave in a second, which the slowest of the three carries; most of a packet's cost is then waking
// for it. heavy: three times that, which ours and mediasoup carry; what counts on a server that is used.
const FAN_OUTS = {
  light: {
    audio: { '1→2': [60, 3, 1], '1→10': [30, 11, 1], '1→100': [4, 101, 1], '10×10': [4, 10, 10] },
    video: { '1→2': [50, 3, 1], '1→10': [16, 11, 1], '1→100': [2, 101, 1], '10×10': [2, 10, 10] },
  },
  heavy: {
    audio: { '1→2': [60, 3, 3], '1→10': [30, 11, 3], '1→100': [4, 101, 3], '10×10': [12, 10, 10] },
    video: { '1→2': [50, 3, 3], '1→10': [16, 11, 3], '1→100': [2, 101, 3], '10×10': [6, 10, 10] },
  },
};
export const LOADS = Object.keys(FAN_OUTS);
export const FAN_OUT_NAMES = Object.keys(FAN_OUTS.light.audio);
const TOO_SLOW = { light: [], heavy: ['Janus'] };

const shapeOf = (kind, [rooms, participants, publishers], seconds) => ({ ...KINDS[kind], rooms, participants, publishers, seconds });

async function once(context, server, shape) {
  let running;
  try {
    running = await RunningServer.start(server, context.ports);
  } catch (error) {
    return { error: error.message };
  }
  try {
    return await runLoad(context, running, shape);
  } finally {
    await running.stop();
  }
}

/** CPU of a forwarded packet: every fan-out, `rounds` times, the servers taking turns. */
export const cost = (kind, load) => async (context) => {
  const rows = [];
  const servers = context.servers.filter(({ name }) => !TOO_SLOW[load].includes(name));
  for (const [fanOut, sizes] of Object.entries(FAN_OUTS[load][kind])) {
    for (let round = 0; round < context.rounds; ++round) {
      for (const server of servers) {
        const result = await once(context, server, { ...shapeOf(kind, sizes, context.seconds), seed: round + 1 });
        rows.push({ part: 'cost', load, kind, fanOut, round, server: server.name, ...result });
        context.note(`${kind} ${fanOut} ${load}, turn ${round + 1}, ${server.name}: ${result.error ?? `${result.cpuUs.toFixed(2)} µs`}`);
      }
    }
  }
  return rows;
};

// People in a meeting, all of whom send: ours takes 512 connections of one address.
const MEETING = { audio: 20, video: 10 };
const PROBE = { audio: 2, video: 2 }; // meetings
const MOST_PARTICIPANTS = 500;
const MAX_LOSS_PERCENT = 1;
const STEPS = 4;
const STEP_UP = 1.3;
const FIRST_AIM_PERCENT = 75; // of the core, by what the probe cost

/** How many such meetings fit on one core with less than 1 % loss, the delay at half of that, and memory on the way. */
export const capacity = (kind) => async (context) => {
  const rows = [];
  for (const server of context.servers) {
    const run = async (step, meetings) => {
      const result = await once(context, server, shapeOf(kind, [meetings, MEETING[kind], MEETING[kind]], context.seconds));
      rows.push({ part: 'capacity', step, kind, meetings, server: server.name, ...result });
      const told = () => `${result.consumers} consumers, loss ${result.lossPercent.toFixed(2)} %, ${result.corePercent.toFixed(0)} % of the core, generator ${result.generatorPercent.toFixed(0)} %`;
      context.note(`${kind}, ${meetings} meetings, ${server.name}: ${result.error ?? told()}`);
      return result;
    };
    await search(run, kind);
  }
  return rows;
};

async function search(run, kind) {
  const probe = await run('probe', PROBE[kind]);
  if (probe.error) return;
  const most = Math.floor(MOST_PARTICIPANTS / MEETING[kind]);
  let held = 0;
  let broken = most + 1;
  let meetings = Math.round((FIRST_AIM_PERCENT * PROBE[kind]) / probe.corePercent);
  for (let step = 0; step < STEPS; ++step) {
    meetings = Math.min(Math.max(meetings, held + 1), broken - 1);
    if (meetings <= held) break;
    const result = await run('search', meetings);
    const ok = !result.error && result.lossPercent < MAX_LOSS_PERCENT && !result.silent;
    if (ok) held = meetings;
    else broken = meetings;
    if (ok && result.generatorLimits) break; // more would measure the generator
    meetings = ok && broken > most ? Math.ceil(meetings * STEP_UP) : Math.floor((held + broken) / 2);
  }
  if (held > 0) await run('half', Math.max(1, Math.round(held / 2)));
}

const JOINERS = { rooms: 20, participants: 10, publishers: 1 };

/** Joins: as fast as the server lets them in. */
export const joins = async (context) => {
  const rows = [];
  for (let round = 0; round < Math.min(context.rounds, 3); ++round) {
    for (const server of context.servers) {
      const result = await once(context, server, { ...AUDIO, ...JOINERS, seconds: 1, ramp: 10_000 });
      rows.push({ part: 'joins', round, server: server.name, ...result });
      context.note(`joins ${server.name}: ${result.error ?? result.joinsPerSecond.toFixed(0)}`);
    }
  }
  return rows;
};

export const GROWTH_SIZES = [2, 5, 10, 15, 20];

/** One meeting that grows: all send video, all see all. */
export const growth = async (context) => {
  const rows = [];
  for (const people of GROWTH_SIZES) {
    for (const server of context.servers) {
      const result = await once(context, server, shapeOf('video', [1, people, people], context.seconds));
      rows.push({ part: 'growth', people, server: server.name, ...result });
      context.note(`meeting of ${people} ${server.name}: ${result.error ?? `${result.corePercent.toFixed(0)} % of the core`}`);
    }
  }
  return rows;
};

export const PARTS = {
  'cost-audio': cost('audio', 'light'), 'cost-video': cost('video', 'light'),
  'cost-audio-heavy': cost('audio', 'heavy'), 'cost-video-heavy': cost('video', 'heavy'),
  'capacity-audio': capacity('audio'), 'capacity-video': capacity('video'),
  joins, growth,
};

/** `port`: the first of a thousand, for one server at a time. */
export function makeContext({ port, quiet, ...rest }) {
  return {
    ...rest,
    ports: { port, mediaPorts: [port + 20, port + 999] },
    note: (text) => quiet || console.error(`  ${text}`),
  };
}
