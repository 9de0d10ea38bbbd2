// SPDX-License-Identifier: Apache-2.0
// A link between two namespaces: the netns_link program and its commands (tests/netns/link.h).
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export class Link {
  /** `near` and `far`: [space, device]; addresses and routes are the caller's. */
  static async open(near, far, { nat = null, lan = null, seed = 1 } = {}) {
    const link = new Link();
    const place = ([space, device]) => `${space.name},${device}`;
    const args = ['--near', place(near), '--far', place(far), '--seed', String(seed), ...(nat ? ['--nat', nat] : []), ...(lan ? ['--lan', lan] : [])];
    link.process = spawn(process.env.JB_LINK, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    link.waiting = [];
    createInterface({ input: link.process.stdout }).on('line', (line) => link.waiting.shift()?.resolve(JSON.parse(line)));
    link.process.once('exit', () => link.waiting.forEach(({ reject }) => reject(new Error('the link has ended'))));
    await link.answer();
    return link;
  }

  async answer() {
    const answer = await new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
    if (!answer.ok) throw new Error(`link: ${answer.error}`);
    return answer;
  }

  command(what) {
    const answer = this.answer();
    this.process.stdin.write(`${JSON.stringify(what)}\n`);
    return answer;
  }

  /** Both ways the same, or each its own; keys as in link.cc. */
  shape(up, down = up) {
    return this.command({ do: 'shape', up, down });
  }
  firewall(rules) {
    return this.command({ do: 'firewall', ...rules });
  }
  rebind({ tcp = false } = {}) {
    return this.command({ do: 'rebind', tcp });
  }
  /** Of the time since they were last asked for. */
  figures() {
    return this.command({ do: 'figures' });
  }

  close() {
    this.process.stdin.end();
  }
}
