// SPDX-License-Identifier: Apache-2.0
// The rows of parts.mjs as Markdown, and as plots.
import { chart } from '../plot.mjs';
import { FAN_OUT_NAMES, GROWTH_SIZES, LOADS } from './parts.mjs';
import { median, short, spread, table, withSpread } from './statistics.mjs';

const LISTENERS = { '1→2': 2, '1→10': 10, '1→100': 100 };
// More of the SFU's core than this used by others: softirqs and the kernel's own threads stay below.
const MOST_OF_OTHERS_PERCENT = 15;
const MOST_LEFT_OUT = 0.1; // of all runs; beyond that the machine was busy with something else
const kinds = ['audio', 'video'];
const LOAD_TITLES = { light: 'Light load, that all three carry', heavy: 'Three times that, which Janus does not carry' };
const sizeOf = { audio: '160 B', video: '1200 B' };

const isOf = (row, where) => Object.entries(where).every(([key, value]) => row[key] === value);

export class Report {
  constructor(rows, { servers }) {
    const disturbed = rows.filter((row) => row.othersPercent > MOST_OF_OTHERS_PERCENT);
    this.leftOut = disturbed.length;
    this.measured = rows.filter((row) => !row.error).length;
    this.rows = rows.filter((row) => !disturbed.includes(row));
    this.names = servers.map((server) => server.name);
  }

  /** Values of one figure over the runs that match. */
  values(where, figure) {
    const matches = this.rows.filter((row) => !row.error && isOf(row, where));
    return matches.map(typeof figure === 'function' ? figure : (row) => row[figure]);
  }

  cost(load, kind, fanOut, server) {
    const where = { part: 'cost', load, kind, fanOut, server };
    return {
      all: spread(this.values(where, 'cpuUs')), user: median(this.values(where, 'userUs')),
      system: median(this.values(where, 'systemUs')), signaling: median(this.values(where, 'signalingSeconds')),
      rate: median(this.values(where, 'packetsPerSecond')), core: median(this.values(where, 'corePercent')),
    };
  }

  costTable(load) {
    const names = this.names.filter((server) => this.has({ part: 'cost', load, server }));
    const [ours, ...others] = names;
    const measured = kinds.filter((kind) => this.has({ part: 'cost', load, kind }));
    const rows = measured.flatMap((kind) => FAN_OUT_NAMES.map((fanOut) => {
      const of = Object.fromEntries(names.map((name) => [name, this.cost(load, kind, fanOut, name)]));
      const cell = ({ all, user, system, core }) => (all ? `${withSpread(all)} = ${short(user)} + ${short(system)}; ${short(core)} %` : '-');
      const times = (name) => (of[name].all && of[ours].all ? `${short(of[name].all.median / of[ours].all.median)}×` : '-');
      return [`${kind} ${sizeOf[kind]}`, fanOut, short(of[ours].rate), ...names.map((name) => cell(of[name])), ...others.map(times)];
    }));
    return table(['packets', 'fan-out', 'packets/s out', ...names.map((name) => `${name}, µs; of the core`), ...others.map((name) => `${name} / ours`)], rows);
  }

  /** The largest load that was held, and whether more would have been the generator's to carry. */
  held(kind, server) {
    const good = this.rows.filter((row) => row.part === 'capacity' && row.kind === kind && row.server === server && !row.error
      && row.step !== 'half' && row.lossPercent < 1 && !row.silent);
    return good.sort((a, b) => a.consumers - b.consumers).at(-1) ?? null;
  }

  capacityTable() {
    const measured = kinds.filter((kind) => this.has({ part: 'capacity', kind }));
    const rows = measured.flatMap((kind) => this.names.map((server) => {
      const held = this.held(kind, server);
      const broken = this.rows.some((row) => row.part === 'capacity' && row.kind === kind && row.server === server && row.step === 'search' && row.lossPercent >= 1);
      const atHalf = (q) => short(median(this.values({ part: 'capacity', kind, server, step: 'half' }, (row) => row.delayUs[q])));
      const memory = median(this.values({ part: 'capacity', kind, server, step: 'probe' }, (row) => (row.residentBytes - row.idleBytes) / row.consumers / 1024));
      const limit = held && held.generatorLimits ? 'the generator is the limit' : held && broken ? 'loss beyond' : '';
      const full = held ? short((held.consumers * 100) / held.corePercent) : '-';
      return [kind, server, held ? `${held.generatorLimits || !broken ? '≥ ' : ''}${held.consumers}` : '-', held ? `${short(held.corePercent)} %` : '-', full, limit, atHalf('p50'), atHalf('p99'), short(memory)];
    }));
    return table(['kind', 'server', 'consumers held, loss < 1 %', 'of the core then', 'a whole core at that cost', 'why no more', 'forwarding p50 at half, µs', 'p99 at half, µs', 'memory per consumer, KiB'], rows);
  }

  joinsTable() {
    return table(['server', 'joins per second'], this.names.map((server) => [server, withSpread(spread(this.values({ part: 'joins', server }, 'joinsPerSecond')))]));
  }

  growthTable() {
    const cell = (people, server) => {
      const [row] = this.rows.filter((r) => r.part === 'growth' && r.people === people && r.server === server);
      if (!row || row.error) return row?.error ?? '-';
      return `${short(row.corePercent)} %, ${short(row.cpuUs)} µs, p99 ${short(row.delayUs.p99)} µs${row.lossPercent >= 1 ? `, loss ${short(row.lossPercent)} %` : ''}`;
    };
    return table(['people', ...this.names], GROWTH_SIZES.map((people) => [String(people), ...this.names.map((server) => cell(people, server))]));
  }

  /** A line that says so when the SFU did not always have its core to itself. */
  disturbed() {
    if (this.leftOut === 0) return '';
    const what = `in ${this.leftOut} of ${this.measured} runs other programs used more than ${MOST_OF_OTHERS_PERCENT} % of the SFU's core`;
    return this.leftOut > MOST_LEFT_OUT * this.measured ? `**Disturbed: ${what}. These figures are no comparison.**` : `Left out: ${what}.`;
  }

  /** Any row, of a failed run too, that has all of these. */
  has(where) {
    return this.rows.some((row) => isOf(row, where));
  }

  markdown() {
    const out = [];
    const add = (part, title, text, how) => this.has({ part }) && out.push(`### ${title}`, '', text, '', how, '');
    const costs = LOADS.filter((load) => this.has({ part: 'cost', load }))
      .map((load) => `${LOAD_TITLES[load]}:\n\n${this.costTable(load)}`).join('\n\n');
    add('cost', 'Processor time of one forwarded packet', costs,
      'how: median (lowest-highest) of the runs = user + system, from /proc/PID/stat of the process that forwards, all its threads; packets that the receivers counted in the same seconds. The servers take turns, the order of the table is the order of the turns.');
    add('capacity', 'What one core holds', this.capacityTable(),
      'how: meetings of ten, all of whom send; more of them until a hundredth of the packets is missing or the generator has no core left. The delay runs from the sender\'s stamp to the kernel\'s time of arrival. Memory: resident set, with the consumers of the first run less before it, in a fresh process.');
    add('joins', 'Joins', this.joinsTable(), 'how: 200 participants in 20 rooms at once, from the first request to the last media connection; the generator has the other core, signaling shares that of the server.');
    add('growth', 'One meeting that grows', this.growthTable(), 'how: all send video of 1 Mbit/s, all see all; share of the core, processor time of a packet out, forwarding p99. One run each.');
    return out.join('\n');
  }

  /** {file name: SVG}. */
  plots(note) {
    const series = (points) => this.names.map((name) => ({ name, points: points(name) })).filter((one) => one.points.length > 0);
    const out = {};
    for (const load of LOADS) {
      for (const kind of kinds) {
        const points = (name) => Object.entries(LISTENERS).flatMap(([fanOut, n]) => {
          const { all } = this.cost(load, kind, fanOut, name);
          return all ? [[n, all.median, all.low, all.high]] : [];
        });
        const drawn = series(points);
        if (drawn.length === 0) continue;
        out[`sfu-cost-${kind}-${load}.svg`] = chart({
          title: `Processor time of a forwarded packet, ${kind} ${sizeOf[kind]}, ${load} load`, note,
          x: { label: 'listeners of one sender', log: true, ticks: Object.values(LISTENERS) }, y: { label: 'µs, user + system', log: true }, series: drawn,
        });
      }
    }
    const grown = (figure) => series((name) => GROWTH_SIZES.flatMap((people) => this.values({ part: 'growth', people, server: name }, figure).map((value) => [people, value])));
    if (this.has({ part: 'growth' })) {
      const x = { label: 'people in one meeting, all send video of 1 Mbit/s', ticks: GROWTH_SIZES };
      out['sfu-growth-cpu.svg'] = chart({ title: 'Share of one core', note, x, y: { label: '% of the core', log: true }, series: grown('corePercent') });
      out['sfu-growth-delay.svg'] = chart({ title: 'Forwarding delay, p99', note, x, y: { label: 'µs', log: true }, series: grown((row) => row.delayUs.p99) });
    }
    return out;
  }
}
