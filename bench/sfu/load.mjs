// SPDX-License-Identifier: Apache-2.0
// One run of `jbcalling load` against a running server, and what is kept of its report.
import { spawn } from 'node:child_process';
import { CpuWatch, residentBytes } from './accounting.mjs';

// Joins and the way out, beside the time that is measured.
const BESIDES_MS = 60_000;
// A generator that uses more of its core than this cannot be trusted to keep the pace.
const GENERATOR_LIMIT_PERCENT = 90;

function run(command, limitMs) {
  return new Promise((resolve) => {
    const child = spawn(command[0], command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let complaint = '';
    child.stdout.on('data', (chunk) => (out += chunk));
    child.stderr.on('data', (chunk) => (complaint += chunk));
    const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
    child.on('close', () => {
      clearTimeout(timer);
      resolve({ out, complaint });
    });
  });
}

/**
 * `shape`: {kind, rooms, participants, publishers, payload, bitrate, seconds, ramp}. Never throws: {error} says why a run gave
 * nothing.
 */
export async function runLoad({ binary, cpu, sfuCpu }, server, shape) {
  const { kind, rooms, participants, publishers, payload = 0, bitrate = 0, seconds, ramp = 400, seed = 1 } = shape;
  const options = {
    url: server.url, kind, rooms, participants, publishers, payload, bitrate, duration: seconds, ramp, seed, 'server-pid': server.pid,
  };
  const args = Object.entries(options).flatMap(([key, value]) => [`--${key}`, String(value)]);
  const idleBytes = residentBytes(server.pid);
  const watch = new CpuWatch(server.pid, sfuCpu);
  const signaling = server.signalingPid ? new CpuWatch(server.signalingPid) : null;
  const { out, complaint } = await run(['taskset', '-c', cpu, binary, 'load', ...args], 1000 * seconds + BESIDES_MS);
  watch.stop();
  signaling?.stop();
  let report;
  try {
    report = JSON.parse(out.trim().split('\n').at(-1));
  } catch {
    return { error: complaint.trim().split('\n').at(-1) || 'no report' };
  }
  if (report.error) return { error: `${report.error.code}: ${report.error.message}` };
  if (!report.packetsReceived) return { error: 'no packet arrived' };
  const { userSeconds: user, systemSeconds: system } = report.server;
  // The watch is exact to the ns where the report says when it measured; the report's own figures are of ticks of 10 ms.
  const used = report.windowMs ? watch.between(...report.windowMs) : { user, system, total: user + system, ofOthers: 0 };
  if (used.total <= 0) return { error: 'the server used no processor time: it is not what forwarded' };
  return figures(report, used, { idleBytes, signalingSeconds: signaling?.total() ?? null });
}

function figures(report, used, more) {
  const { client, server } = report;
  const perPacket = (seconds) => (1e6 * seconds) / report.packetsReceived;
  return {
    cpuUs: perPacket(used.total),
    userUs: perPacket(used.user),
    systemUs: perPacket(used.system),
    corePercent: (100 * used.total) / report.durationSeconds,
    othersPercent: (100 * used.ofOthers) / report.durationSeconds,
    packetsPerSecond: report.packetsPerSecond,
    consumers: report.consumers,
    lossPercent: report.lossPercent,
    silent: report.silentConsumers,
    delayUs: report.forwardDelayUs,
    joinsPerSecond: report.joinsPerSecond,
    generatorPercent: client.cpuPercent,
    generatorLimits: client.cpuPercent > GENERATOR_LIMIT_PERCENT,
    residentBytes: 1024 * (server.rssKb.at(-1) ?? 0),
    ...more,
  };
}
