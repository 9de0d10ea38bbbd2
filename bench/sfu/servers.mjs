// SPDX-License-Identifier: Apache-2.0
// The SFUs that are compared, each as processes of ours on one core: start, health, which processes to account for.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const peers = path.join(here, '../peers');
const TITLES = { mediasoup: 'mediasoup', janus: 'Janus' };
const HEALTHY_WITHIN_MS = 20_000;
const answers = (url) => fetch(`${url}/health`).then((r) => r.status === 200).catch(() => false);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The first address that is not the loopback's: Janus leaves that out, and all are to be measured over the same. */
export function ownAddress() {
  const all = Object.values(os.networkInterfaces()).flat();
  return all.find((a) => a.family === 'IPv4' && !a.internal)?.address ?? null;
}

/** What a peer needs in its environment, and its version; {missing: why} when it cannot be had. */
function prepare(peer) {
  const { status, stdout, stderr } = spawnSync(path.join(peers, 'prepare.sh'), [peer], { encoding: 'utf8' });
  const lines = stdout ?? '';
  if (status !== 0) return { missing: stderr?.trim().split('\n').at(-1) || 'prepare.sh failed' };
  const all = Object.fromEntries([...lines.matchAll(/(\w+)='([^']*)'/g)].map(([, key, value]) => [key, value]));
  const { peer_version: version, ...env } = all;
  return { version, env };
}

/** {servers: [{name, version, command(port, mediaPorts), env}], ours first, missing: [why another one is not there]}. */
export function listServers({ binary, cpu, names = ['mediasoup', 'janus'] }) {
  const address = ownAddress();
  const ours = {
    name: 'JB Calling',
    version: `JB Calling ${execFileSync(binary, ['version'], { encoding: 'utf8' }).trim().replace(/^JB Calling /, '')}`,
    env: {},
    command: (port, [low, high]) => ['taskset', '-c', cpu, binary, 'gateway', ...Object.entries({
      'gateway.host': '127.0.0.1', 'gateway.port': port, 'gateway.workers': 1,
      'media.port_min': low, 'media.port_max': high, 'media.listen': address, 'media.announce': address, 'log.level': 'error',
    }).flatMap(([key, value]) => ['--set', `${key}=${value}`])],
  };
  const found = names.map((name) => {
    const ready = address ? prepare(name) : { missing: `${name}: this machine has no address but the loopback's` };
    return {
      name: TITLES[name], ...ready,
      command: (port, ports) => ['taskset', '-c', cpu, process.execPath, path.join(peers, 'serve.mjs'), name,
        '--port', port, '--cpu', cpu, '--address', address, '--media-ports', ports.join('-')],
    };
  });
  return { servers: [ours, ...found.filter((peer) => !peer.missing)], missing: found.map((peer) => peer.missing).filter(Boolean) };
}

/** A server that answers. `pid` is the process that forwards; `signalingPid` the one beside it, where it is another. */
export class RunningServer {
  static async start({ name, version, command, env }, { port, mediaPorts, extra = [] }) {
    const self = new RunningServer();
    const url = `http://127.0.0.1:${port}`;
    // One left behind by a run that was killed would be measured in its stead.
    if (await answers(url)) throw new Error(`something else answers at ${url}`);
    const [program, ...args] = [...command(port, mediaPorts), ...extra].map(String);
    self.child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, ...env } });
    self.ended = new Promise((resolve) => self.child.once('exit', resolve));
    Object.assign(self, { name, version, url });
    await self.untilHealthy();
    const processes = await fetch(`${self.url}/bench/processes`).then((r) => (r.ok ? r.json() : [])).catch(() => []);
    const pidOf = (part) => processes.find?.((p) => p.name === part)?.pid;
    self.pid = pidOf('worker') ?? self.child.pid;
    self.signalingPid = pidOf('signaling') ?? null;
    return self;
  }

  async untilHealthy() {
    for (const end = Date.now() + HEALTHY_WITHIN_MS; Date.now() < end; await sleep(50)) {
      if (await answers(this.url)) return;
      if (this.child.exitCode !== null) break;
    }
    await this.stop();
    throw new Error(`${this.name} did not become healthy`);
  }

  async stop() {
    this.child.kill('SIGTERM');
    await Promise.race([this.ended, sleep(5000)]);
    if (this.child.exitCode === null) this.child.kill('SIGKILL');
    await this.ended;
  }
}
