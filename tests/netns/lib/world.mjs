// SPDX-License-Identifier: Apache-2.0
// A server on «the internet», and people in homes of their own, each behind a link of their own:
//
//   home (192.168.N.2) ── link, NAT ── 203.0.113.N │ internet: gateway 198.51.100.1, TURN 198.51.100.2
//
// A home can have a second way out, a phone: 192.168.1NN.2, seen as 203.0.113.1NN.
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { until } from '../../e2e/lib/wait.mjs';
import { Link } from './link.mjs';
import { removeLeftovers, Space } from './space.mjs';

export const SERVER = '198.51.100.1';
export const TURN = '198.51.100.2';
export const PORT = 3000;
export const ORIGIN = `http://${SERVER}:${PORT}`;

export class World {
  static async open(name, { settings = {}, seed = 1 } = {}) {
    removeLeftovers();
    const world = new World();
    world.name = name;
    world.seed = seed;
    world.homes = [];
    world.programs = [];
    world.directory = mkdtempSync(path.join(os.tmpdir(), 'jb-netns-'));
    world.internet = new Space('internet');
    for (const address of [SERVER, TURN]) world.internet.ip('address', 'add', `${address}/32`, 'dev', 'lo');
    await world.startGateway(settings);
    return world;
  }

  /** Calls without translation: no speech service, which would take the processor from the browsers. */
  async startGateway(settings) {
    const all = {
      'gateway.port': PORT, 'media.port_min': 40_000, 'media.port_max': 40_001, 'media.announce': SERVER,
      'media.listen': SERVER, ...settings,
    };
    const set = Object.entries(all).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
    this.gateway = this.run(this.internet, [process.env.JB_BINARY, 'gateway', ...set], `${this.name}-gateway`);
    await until('the gateway answers', () => {
      if (this.gateway.exitCode !== null) throw new Error(`the gateway ended: see tests/artifacts/${this.name}-gateway.log`);
      return this.rest('GET', '/livez') !== null;
    }, { within: 20_000 });
  }

  /** A program that ends with the world; what it says is kept among the artifacts. */
  run(space, command, log) {
    const child = space.spawn(command, { stdio: ['ignore', 'pipe', 'pipe'] });
    const file = createWriteStream(path.join(process.env.JB_ARTIFACTS, `${log}.log`));
    child.stderr.pipe(file, { end: false });
    child.stdout.pipe(file, { end: false });
    this.programs.push(child);
    return child;
  }

  /** A request from within the internet, past every link. */
  rest(method, target) {
    try {
      const body = method === 'POST' ? ['-H', 'Content-Type: application/json', '-d', '{}'] : [];
      return this.internet.exec('curl', '-s', '-f', '-X', method, ...body, `${ORIGIN}${target}`);
    } catch {
      return null;
    }
  }

  createRoom() {
    return JSON.parse(this.rest('POST', '/api/v1/rooms')).code;
  }

  /** A home with a way out. */
  async home(name) {
    const home = new Home(this, name, this.homes.length + 1);
    this.homes.push(home);
    home.link = await home.connect('wan');
    home.use('wan');
    return home;
  }

  async close() {
    for (const program of this.programs) program.kill('SIGTERM');
    await until('programs end', () => this.programs.every(({ exitCode, signalCode }) => exitCode !== null || signalCode !== null), { within: 5000 })
      .catch(() => this.programs.forEach((program) => program.kill('SIGKILL')));
    this.homes.forEach((home) => home.close());
    this.internet.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

const SECOND = 100;

class Home {
  constructor(world, name, number) {
    this.world = world;
    this.numbers = { wan: number, phone: SECOND + number };
    this.space = new Space(name);
    this.links = [];
  }

  /** A way out, not used before use(): 'wan' or 'phone'. */
  async connect(device) {
    const { internet, seed } = this.world;
    const number = this.numbers[device];
    const publicAddress = `203.0.113.${number}`;
    const far = `wan${number}`;
    const link = await Link.open([this.space, device], [internet, far], { nat: publicAddress, lan: `192.168.${number}.0`, seed: seed * 1000 + number });
    internet.ip('link', 'set', far, 'up');
    internet.ip('route', 'add', `${publicAddress}/32`, 'dev', far);
    this.links.push(link);
    return link;
  }

  /** The device comes up, as one with a network around it. */
  raise(device) {
    this.space.ip('address', 'replace', `192.168.${this.numbers[device]}.2/24`, 'dev', device);
    this.space.ip('link', 'set', device, 'up');
  }

  /** Everything goes that way from here on. */
  use(device) {
    this.raise(device);
    this.space.ip('route', 'replace', 'default', 'dev', device);
  }

  /** The device loses its address and its way out, as when a phone leaves the Wi-Fi. */
  drop(device) {
    this.space.ip('address', 'flush', 'dev', device);
    this.space.ip('link', 'set', device, 'down');
  }

  close() {
    this.links.forEach((link) => link.close());
    this.space.close();
  }
}
