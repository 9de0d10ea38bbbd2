// SPDX-License-Identifier: Apache-2.0
// What a process uses, from its own accounting in /proc: processor time, user and system apart, and memory.
import { readdirSync, readFileSync } from 'node:fs';

const TICKS_PER_SECOND = 100; // USER_HZ, the same on every Linux that Debian supports
const SAMPLE_EVERY_MS = 50;

const read = (file) => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // it has ended
  }
};

function threadsOf(pid) {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

/** Resident memory in bytes. */
export const residentBytes = (pid) => 1024 * Number(/^VmRSS:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0);

// Of all threads, in ticks of 10 ms. proc(5): utime is the 14th field, the 12th after the name in parentheses.
function ticks(pid) {
  const text = read(`/proc/${pid}/stat`);
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { user: Number(fields[11] ?? 0), system: Number(fields[12] ?? 0) };
}

// The same account in ns, without the two apart.
const runNs = (pid) => threadsOf(pid).reduce((sum, thread) => sum + Number(read(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0] || 0), 0);

/** The clock that the processes of a machine share: CLOCK_MONOTONIC, in ms. */
const monotonicMs = () => Number(process.hrtime.bigint()) / 1e6;

// Busy ticks of one core, whoever used them; 0 where there is no such core. proc_stat(5): user nice system idle iowait irq softirq steal.
function busyTicks(core) {
  const [user, nice, system, , , irq, softirq, steal] = (new RegExp(`^cpu${core} (.*)$`, 'm').exec(read('/proc/stat'))?.[1] ?? '').trim().split(' ').map(Number);
  return [user, nice, system, irq, softirq, steal].reduce((sum, n) => sum + (n || 0), 0);
}

/** Watches a process until stop(); between() then tells what it used in a stretch of that time. */
export class CpuWatch {
  /** `core`: the one that it is to have to itself. */
  constructor(pid, core = null) {
    this.pid = pid;
    this.core = core;
    this.samples = [];
    this.sample();
    this.timer = setInterval(() => this.sample(), SAMPLE_EVERY_MS);
  }

  sample() {
    const before = monotonicMs();
    const used = { ns: runNs(this.pid), busy: this.core === null ? 0 : busyTicks(this.core), ...ticks(this.pid) };
    this.samples.push({ at: (before + monotonicMs()) / 2, ...used });
  }

  stop() {
    clearInterval(this.timer);
    this.sample();
  }

  // Linear between two samples.
  at(ms) {
    const after = this.samples.findIndex((s) => s.at >= ms);
    if (after <= 0) return this.samples.at(after);
    const [a, b] = [this.samples[after - 1], this.samples[after]];
    const mix = (key) => a[key] + ((ms - a.at) / (b.at - a.at)) * (b[key] - a[key]);
    return { ns: mix('ns'), user: mix('user'), system: mix('system'), busy: mix('busy') };
  }

  /** In seconds: the whole to the nanosecond, shared out as the ticks are; and what others had of its core. */
  between(fromMs, toMs) {
    const [a, b] = [this.at(fromMs), this.at(toMs)];
    const total = (b.ns - a.ns) / 1e9;
    const inTicks = b.user - a.user + (b.system - a.system);
    const user = inTicks > 0 ? (total * (b.user - a.user)) / inTicks : 0;
    return { total, user, system: total - user, ofOthers: Math.max(0, (b.busy - a.busy) / TICKS_PER_SECOND - total) };
  }

  /** Since it began to watch. */
  total() {
    return (this.samples.at(-1).ns - this.samples[0].ns) / 1e9;
  }
}

