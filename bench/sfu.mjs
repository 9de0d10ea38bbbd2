// SPDX-License-Identifier: Apache-2.0
// Our SFU beside mediasoup and Janus, in one run on one machine: docs/benchmarks.md.
//   node bench/sfu.mjs BINARY [--parts cost-audio,…] [--rows FILE.json] [--plots DIR] [--rounds 5] [--seconds 3] [--ports 20000]
// Progress goes to stderr, Markdown to stdout. With --rows, what was measured is kept there and parts measured earlier
// are reported too: a long run can be made in pieces. --parts none only reports.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { makeContext, PARTS } from './sfu/parts.mjs';
import { Report } from './sfu/report.mjs';
import { listServers } from './sfu/servers.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    parts: { type: 'string', default: Object.keys(PARTS).join(',') },
    peers: { type: 'string', default: 'mediasoup,janus' },
    rows: { type: 'string' },
    plots: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    ports: { type: 'string', default: '20000' },
    quiet: { type: 'boolean', default: false },
  },
});
const [binary] = positionals;
const wanted = values.parts.split(',').filter((part) => part !== 'none');
const unknown = wanted.filter((part) => !PARTS[part]);
if (!binary || unknown.length > 0) {
  console.error(`usage: sfu.mjs BINARY [--parts ${Object.keys(PARTS).join(',')}|none] …${unknown.length ? `; unknown: ${unknown}` : ''}`);
  process.exit(2);
}
const cores = os.availableParallelism();
if (cores < 2) {
  console.log('Not measured: SFU and generator need a core each.');
  process.exit(0);
}

const cpus = ['0', String(cores - 1)]; // generator, SFU
const { servers, missing } = listServers({ binary, cpu: cpus[1], names: values.peers.split(',').filter(Boolean) });
const context = makeContext({
  binary, cpu: cpus[0], sfuCpu: cpus[1], servers, rounds: Number(values.rounds), seconds: Number(values.seconds), port: Number(values.ports), quiet: values.quiet,
});

const kept = values.rows && existsSync(values.rows) ? JSON.parse(readFileSync(values.rows, 'utf8')) : {};
for (const part of wanted) {
  try {
    kept[part] = await PARTS[part](context);
  } catch (error) {
    console.log(`${part} was not measured: ${error.message}`);
    continue;
  }
  if (values.rows) writeFileSync(values.rows, JSON.stringify(kept));
}

const machine = `${os.cpus()[0].model}, ${cores} cores`;
const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8', cwd: path.dirname(fileURLToPath(import.meta.url)) }).trim();
const date = new Date().toISOString().slice(0, 10);
const report = new Report(Object.values(kept).flat(), { servers });
console.log(`${servers.map((server) => server.version).join(', ')}; ${machine}; SFU on core ${cpus[1]}, generator on core ${cpus[0]}.`);
for (const why of missing) console.log(`Not there: ${why}`);
console.log(`AEAD_AES_128_GCM for all, the same recorded trace, ${values.rounds} turns of ${values.seconds} s.\n`);
const disturbed = report.disturbed();
if (disturbed) console.log(`${disturbed}\n`);
console.log(report.markdown());
if (values.plots) {
  mkdirSync(values.plots, { recursive: true });
  for (const [file, svg] of Object.entries(report.plots(`${date}, ${machine}, commit ${commit}`))) writeFileSync(path.join(values.plots, file), svg);
}
