// SPDX-License-Identifier: Apache-2.0
// The real server on free ports, and its child services.
import { spawn } from 'node:child_process';
import { createWriteStream, existsSync, readFileSync, readdirSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { until } from './wait.mjs';

async function freePort() {
  const server = net.createServer();
  await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export class Server {
  static async start(name, settings = {}) {
    const binary = process.env.JB_BINARY;
    if (!binary || !existsSync(binary)) throw new Error(`no server: JB_BINARY is ${binary}; run tests/e2e/run.sh BUILD_DIR`);
    const [gateway, stt, translation, tts] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
    const media = 42_000 + Math.floor(Math.random() * 18_000);
    const all = {
      'gateway.port': gateway, 'gateway.host': '127.0.0.1', 'stt.port': stt, 'translation.port': translation, 'tts.port': tts,
      'media.port_min': media, 'media.port_max': media + 20, ...settings,
    };
    const args = ['serve', ...Object.entries(all).flatMap(([key, value]) => ['--set', `${key}=${value}`])];
    const server = new Server();
    server.url = `http://127.0.0.1:${gateway}`;
    server.translationUrl = `http://127.0.0.1:${translation}`;
    server.process = spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const log = createWriteStream(path.join(process.env.JB_ARTIFACTS, `${name}-server.log`));
    server.process.stdout.pipe(log, { end: false });
    server.process.stderr.pipe(log, { end: false });
    server.process.once('exit', (code, signal) => {
      server.exited = `exit ${code ?? signal}`;
    });
    await until('the server is ready', async () => {
      if (server.exited) throw new Error(`the server ended: ${server.exited}, see tests/artifacts/${name}-server.log`);
      return (await fetch(`${server.url}/readyz`)).ok;
    }, { within: 30_000 });
    // Ready to carry calls; the recogniser loads its model a moment longer.
    await until('every language service is there', async () => {
      const { stt, translation, tts } = await server.languages();
      return stt.length > 0 && translation.length > 0 && tts.length > 0;
    }, { within: 30_000 });
    return server;
  }

  async languages() {
    return (await fetch(`${this.url}/api/v1/languages`)).json();
  }

  /** What the translation service answers, asked directly. */
  async translate(text, source, target) {
    const response = await fetch(`${this.translationUrl}/translate`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ text, source, target }),
    });
    return (await response.json()).text;
  }

  /** All samples of /metrics: name{labels} → value. */
  async metrics() {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    const samples = new Map();
    for (const line of text.split('\n')) {
      const match = /^([a-z_]+(?:\{[^}]*\})?) (\S+)$/.exec(line);
      if (match) samples.set(match[1], Number(match[2]));
    }
    return samples;
  }

  async transcript(code, query) {
    return fetch(`${this.url}/api/v1/rooms/${code}/transcript?${query}`);
  }

  /** The process of a child service: its own role is the first argument. */
  childPid(role) {
    for (const name of readdirSync('/proc')) {
      if (!/^\d+$/.test(name)) continue;
      try {
        const parent = /^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1];
        const argv = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
        if (Number(parent) === this.process.pid && argv[1] === role) return Number(name);
      } catch {
        // That process ended while we were reading.
      }
    }
    return null;
  }

  async stop() {
    if (this.exited) return;
    this.process.kill('SIGINT'); // SIGTERM waits for calls
    await until('the server stops', () => this.exited, { within: 8000 }).catch(() => this.process.kill('SIGKILL'));
  }
}
