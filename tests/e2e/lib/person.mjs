// SPDX-License-Identifier: Apache-2.0
// A participant: a Chromium of its own with a fake microphone and camera, and the ways through the web app.
// What the page knows comes from window.__jb (web/README.md); what it shows, from the page itself.
import { chromium } from 'playwright-core';
import { copyFileSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { until } from './wait.mjs';
import { witness } from './witness.mjs';

// Headless, with a WAV as the microphone and permissions granted; no traffic of the browser's own.
const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--use-fake-device-for-media-stream=fps=5',
  '--disable-renderer-backgrounding', '--disable-background-timer-throttling',
];

export class Person {
  /**
   * `soundNeedsTouch`: the browser's own autoplay policy; else it plays sound at once. `onlyTcp`: lib/witness.mjs. `browser`
   * and `flags`: another program, and more for its command line.
   */
  static async launch(name, {
    microphone, viewport = { width: 1280, height: 760 }, locale = 'en-US', camera = true, fakeUi = true, soundNeedsTouch = false,
    onlyTcp = false, browser = process.env.CHROMIUM ?? '/usr/bin/chromium', flags = [], quality = 'low',
  }) {
    const person = new Person();
    person.name = name;
    person.profile = mkdtempSync(path.join(os.tmpdir(), 'jb-e2e-'));
    person.microphone = path.join(person.profile, 'microphone.wav');
    if (microphone) person.willSay(microphone);
    person.context = await chromium.launchPersistentContext(person.profile, {
      executablePath: browser,
      headless: true,
      args: [
        ...FLAGS,
        // Grants microphone, camera and screen without asking; without it headless Chromium refuses them.
        ...(fakeUi ? ['--use-fake-ui-for-media-stream'] : []),
        ...(microphone ? [`--use-file-for-fake-audio-capture=${person.microphone}`] : []),
        ...flags,
        ...(soundNeedsTouch ? [] : ['--autoplay-policy=no-user-gesture-required']),
      ],
      ignoreDefaultArgs: ['--mute-audio'],
      viewport,
      locale,
    });
    // Two cores encode, decode and draw all of these pictures: few and small ones.
    await person.context.addInitScript(([cameraOn, videoQuality]) => {
      if (!localStorage.getItem('jb.preferences')) {
        localStorage.setItem('jb.preferences', JSON.stringify({ videoQuality, cameraOn }));
      }
    }, [camera, quality]);
    await person.context.addInitScript(witness, { onlyTcp });
    person.page = person.context.pages()[0] ?? (await person.context.newPage());
    person.complaints = [];
    person.page.on('pageerror', (error) => person.complaints.push(`${name}: ${error.stack ?? error.message}`));
    person.page.on('console', (message) => {
      if (message.type() === 'error') person.complaints.push(`${name}: ${message.text()} ${message.location().url}`);
    });
    return person;
  }

  /** Chromium reads the file when the microphone is opened: this one from the next opening on, from its beginning. */
  willSay(file) {
    copyFileSync(file, `${this.microphone}.new`);
    renameSync(`${this.microphone}.new`, this.microphone);
  }

  /** Another microphone is chosen in the settings of the call; its file starts anew. */
  async changeMicrophone() {
    await this.page.getByRole('button', { name: 'Settings', exact: true }).click();
    const dialog = this.page.getByRole('dialog', { name: 'Settings' });
    const picker = dialog.getByLabel('Microphone', { exact: true });
    const others = await until(`${this.name} can choose a microphone`, async () => {
      const chosen = await picker.inputValue();
      const all = await picker.locator('option').evaluateAll((options) => options.map(({ value }) => value));
      const found = all.filter((value) => value !== '' && value !== chosen);
      return found.length > 0 && found;
    });
    await picker.selectOption(others[0]);
    await this.page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
  }

  async openLobby(url) {
    await this.page.goto(url);
    await this.fillLobby();
  }

  async fillLobby() {
    await this.page.waitForSelector('#speak');
    await this.page.fill('#name', this.name);
  }

  async join(speaks, hears) {
    await this.page.selectOption('#speak', speaks);
    await this.page.selectOption('#hear', hears);
    await this.page.locator('.lobby-card button.primary:not([disabled])').click();
    await this.live();
  }

  async live() {
    await until(`${this.name} is in the call`, async () => (await this.state())?.link.phase === 'live', { within: 30_000 });
  }

  state() {
    return this.page.evaluate(() => window.__jb?.state() ?? null);
  }

  stats() {
    return this.page.evaluate(() => window.__jb.stats());
  }

  now() {
    return this.page.evaluate(() => performance.now());
  }

  levelsSince(at) {
    return this.page.evaluate((since) => window.__jb.levelsSince(since), at);
  }

  async other(name) {
    return (await this.state()).participants.find((participant) => participant.name === name);
  }

  /** The producer of another participant. */
  async producer(name, source) {
    return (await this.other(name))?.producers.find((producer) => producer.source === source);
  }

  async received(producerId) {
    return (await this.stats()).received.find((entry) => entry.producerId === producerId);
  }

  async sees(name, source = 'camera', within = 20_000) {
    await until(`${this.name} decodes the ${source} of ${name}`, async () => {
      const producer = await this.producer(name, source);
      return producer && ((await this.received(producer.id))?.framesDecoded ?? 0) > 10;
    }, { within });
  }

  finalCaptions() {
    return this.page.evaluate(() => window.__jb.state().captions.filter((caption) => caption.final));
  }

  screenshot(file, options = {}) {
    return this.page.screenshot({ path: path.join(process.env.JB_ARTIFACTS, `${file}.png`), ...options });
  }

  async close() {
    await this.context.close().catch(() => undefined);
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
