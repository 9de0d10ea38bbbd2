// SPDX-License-Identifier: Apache-2.0
// Debian's own Firefox, driven over WebDriver BiDi: as much of it as these tests need. Playwright drives only a Firefox of
// its own, which is not what people have.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import WebSocket from 'ws';
import { until } from './wait.mjs';

const PREFERENCES = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.autoplay.default': 0,
  'media.autoplay.blocking_policy': 0,
  // A WebRTC page on loopback: nothing else is there to connect to.
  'media.peerconnection.ice.loopback': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'media.gmp-manager.updateEnabled': false,
  'browser.shell.checkDefaultBrowser': false,
  'browser.startup.page': 0,
  'datareporting.policy.dataSubmissionEnabled': false,
  'app.update.disabledForTesting': true,
  'toolkit.telemetry.reportingpolicy.firstRun': false,
  'remote.active-protocols': 1,
};

export const firefoxPath = process.env.FIREFOX ?? '/usr/bin/firefox-esr';
export const hasFirefox = () => existsSync(firefoxPath);

export class Firefox {
  static async launch() {
    const firefox = new Firefox();
    firefox.profile = mkdtempSync(path.join(os.tmpdir(), 'jb-e2e-firefox-'));
    const lines = Object.entries(PREFERENCES).map(([key, value]) => `user_pref(${JSON.stringify(key)}, ${JSON.stringify(value)});`);
    writeFileSync(path.join(firefox.profile, 'user.js'), lines.join('\n'));
    firefox.process = spawn(firefoxPath,
      ['--headless', '--no-remote', '--profile', firefox.profile, '--remote-debugging-port=0', '--width=1280', '--height=760'],
      { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, HOME: firefox.profile, MOZ_DISABLE_CONTENT_SANDBOX: '1' } });
    let output = '';
    firefox.process.stderr.on('data', (chunk) => (output += chunk));
    const url = await until('Firefox listens', () => /WebDriver BiDi listening on (ws:\S+)/.exec(output)?.[1], { within: 45_000 });
    firefox.socket = new WebSocket(`${url}/session`);
    await new Promise((resolve, reject) => firefox.socket.once('open', resolve).once('error', reject));
    firefox.pending = new Map();
    firefox.socket.on('message', (data) => firefox.#answer(JSON.parse(data)));
    await firefox.send('session.new', { capabilities: {} });
    firefox.complaints = [];
    await firefox.send('session.subscribe', { events: ['log.entryAdded'] });
    const tree = await firefox.send('browsingContext.getTree', {});
    firefox.tab = tree.contexts[0].context;
    return firefox;
  }

  #next = 1;

  #answer(message) {
    if (message.type === 'event') {
      const { level, text, source } = message.params;
      if (level === 'error') this.complaints.push(`Firefox: ${text} (${source?.context === this.tab ? 'page' : 'elsewhere'})`);
      return;
    }
    const waiting = this.pending.get(message.id);
    if (!waiting) return;
    this.pending.delete(message.id);
    if (message.type === 'error') waiting.reject(new Error(`${message.error}: ${message.message}`));
    else waiting.resolve(message.result);
  }

  send(method, params) {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve, reject });
      this.socket.send(JSON.stringify({ id, method, params }));
    });
  }

  goto(url) {
    return this.send('browsingContext.navigate', { context: this.tab, url, wait: 'complete' });
  }

  /** Runs a function in the page; its answer has to be JSON. */
  async evaluate(fn, ...args) {
    const expression = `Promise.resolve((${fn})(...${JSON.stringify(args)})).then((v) => JSON.stringify(v ?? null))`;
    const answer = await this.send('script.evaluate',
      { expression, target: { context: this.tab }, awaitPromise: true, userActivation: true });
    if (answer.type !== 'success') throw new Error(answer.exceptionDetails?.text ?? 'script failed');
    return JSON.parse(answer.result.value);
  }

  async screenshot(file) {
    const { data } = await this.send('browsingContext.captureScreenshot', { context: this.tab });
    writeFileSync(path.join(process.env.JB_ARTIFACTS, `${file}.png`), Buffer.from(data, 'base64'));
  }

  async close() {
    this.socket?.terminate();
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.kill('SIGTERM');
    const timer = setTimeout(() => this.process.kill('SIGKILL'), 5000);
    await ended;
    clearTimeout(timer);
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
