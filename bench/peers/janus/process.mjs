// SPDX-License-Identifier: Apache-2.0
// Debian's Janus as a child process with a configuration of its own, in a folder that goes with it: the video room and
// the WebSocket API on loopback, nothing else.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const PATIENCE_MS = 3000;

/**
 * `home`: where the package's files are ("" when it is installed). `eventLoops`: 0 is Janus's default, a thread for
 * each handle.
 */
function configure(folder, { home, apiPort, ports, address, eventLoops, logLevel }) {
  const lib = `${home}/usr/lib/${{ x64: 'x86_64', arm64: 'aarch64' }[process.arch] ?? process.arch}-linux-gnu/janus`;
  const only = (kind, file) => {
    mkdirSync(path.join(folder, kind));
    symlinkSync(`${lib}/${kind}/${file}`, path.join(folder, kind, file));
  };
  only('plugins', 'libjanus_videoroom.so');
  only('transports', 'libjanus_websockets.so');
  for (const kind of ['events', 'loggers']) mkdirSync(path.join(folder, kind));
  writeFileSync(path.join(folder, 'janus.jcfg'), `general: {
  configs_folder = "${folder}"
  plugins_folder = "${folder}/plugins"
  transports_folder = "${folder}/transports"
  events_folder = "${folder}/events"
  loggers_folder = "${folder}/loggers"
  debug_level = ${logLevel}
  session_timeout = 0
  ${eventLoops > 0 ? `event_loops = ${eventLoops}` : ''}
}
media: {
  rtp_port_range = "${ports[0]}-${ports[1]}"
  no_media_timer = 0
  slowlink_threshold = 0
}
nat: {
  ice_lite = true
  ice_tcp = false
  full_trickle = false
  ice_enforce_list = "${address}"
  ignore_mdns = true
}
`);
  writeFileSync(path.join(folder, 'janus.transport.websockets.jcfg'), `general: {
  json = "compact"
  ws = true
  ws_port = ${apiPort}
  ws_ip = "127.0.0.1"
  ws_logging = "err"
}
admin: {
  admin_ws = false
}
`);
  writeFileSync(path.join(folder, 'janus.plugin.videoroom.jcfg'), 'general: {\n}\n');
}

/** Resolves when its API can be asked. */
export async function startJanusProcess(options) {
  const { cpu, home, libraries, iceLite, apiPort, logLevel } = options;
  const folder = mkdtempSync(path.join(os.tmpdir(), 'jb-janus-'));
  configure(folder, options);
  const command = [`${home}/usr/bin/janus`, '-F', folder, '-C', path.join(folder, 'janus.jcfg')];
  const pinned = cpu === undefined ? command : ['taskset', '-c', String(cpu), ...command];
  const env = { ...process.env, ...(libraries && { LD_LIBRARY_PATH: libraries }), LD_PRELOAD: iceLite };
  const child = spawn(pinned[0], pinned.slice(1), { stdio: ['ignore', logLevel > 0 ? 'inherit' : 'ignore', 'inherit'], env });
  let over = false;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.once('exit', (code) => {
    rmSync(folder, { recursive: true, force: true });
    if (over) return;
    console.error(`janus ended by itself (${code})`);
    process.exit(1);
  });
  await waitForPort(apiPort);
  return {
    pid: child.pid,
    stop: async () => {
      over = true;
      child.kill('SIGTERM');
      // It waits for its loops, which may not come back.
      const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}

async function waitForPort(port) {
  const { connect } = await import('node:net');
  for (let attempt = 0; attempt < 100; ++attempt) {
    const open = await new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
      socket.on('close', () => resolve(false));
      socket.on('connect', () => socket.destroy());
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`janus does not answer on port ${port}`);
}
