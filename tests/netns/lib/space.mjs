// SPDX-License-Identifier: Apache-2.0
// Network namespaces of this run, and programs inside them. Everything made here goes with close(), also when the test
// process is interrupted: a namespace whose last process ends and whose name is removed is gone with its devices.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const PREFIX = 'jbns';
const run = (command, ...args) => execFileSync(command, args, { stdio: ['ignore', 'pipe', 'pipe'] }).toString();

/** Those of runs that were killed. */
export function removeLeftovers() {
  if (!existsSync('/run/netns')) return;
  for (const name of readdirSync('/run/netns')) {
    const owner = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
    if (owner && !existsSync(`/proc/${owner}`)) run('ip', 'netns', 'delete', name);
  }
}

const spaces = new Set();
process.on('exit', () => spaces.forEach((space) => space.close()));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

export class Space {
  constructor(name) {
    this.name = `${PREFIX}${process.pid}-${name}`;
    run('ip', 'netns', 'add', this.name);
    spaces.add(this);
    this.write('/proc/sys/net/ipv6/conf/all/disable_ipv6', '1');
    this.write('/proc/sys/net/ipv6/conf/default/disable_ipv6', '1');
    this.ip('link', 'set', 'lo', 'up');
  }

  /** The command line that runs something in here. */
  enter(...command) {
    return ['nsenter', `--net=/run/netns/${this.name}`, '--', ...command];
  }

  exec(...command) {
    const [program, ...args] = this.enter(...command);
    return run(program, ...args);
  }

  ip(...args) {
    return run('ip', '-netns', this.name, ...args);
  }

  write(file, value) {
    this.exec('sh', '-c', `echo ${value} > ${file}`);
  }

  spawn(command, options) {
    const [program, ...args] = this.enter(...command);
    return spawn(program, args, options);
  }

  /** A program that runs another one in here: for those who can only be given the path of one. */
  wrapper(directory, program) {
    const file = path.join(directory, `in-${this.name}`);
    writeFileSync(file, `#!/bin/sh\nexec ${this.enter(program).join(' ')} "$@"\n`, { mode: 0o755 });
    return file;
  }

  close() {
    if (!spaces.delete(this)) return;
    try {
      run('ip', 'netns', 'delete', this.name);
    } catch {
      // It went by itself.
    }
  }
}
