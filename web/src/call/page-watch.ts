// SPDX-License-Identifier: Apache-2.0
// What happens to the page as a whole: it is hidden and shown, left, and may stand still, because the machine slept or the
// browser froze the tab. Connections may be over then, and nobody has said so yet.

const TICK_MS = 1000;
/** Background tabs tick late, but hardly that late while they are in a call. */
const ASLEEP_MS = 10_000;

export interface PageHandlers {
  /** The page stood still, or has come to another network. May be called twice for one sleep. */
  woke: () => void;
  visible: (visible: boolean) => void;
  left: () => void;
}

export class PageWatch {
  private readonly timer: ReturnType<typeof setInterval>;
  private last = Date.now();

  constructor(private readonly on: PageHandlers) {
    this.timer = setInterval(() => this.tick(), TICK_MS);
    document.addEventListener('resume', this.wake);
    document.addEventListener('visibilitychange', this.look);
    window.addEventListener('online', this.wake);
    window.addEventListener('pagehide', on.left);
    window.addEventListener('pageshow', this.shown);
    this.look();
  }

  close(): void {
    clearInterval(this.timer);
    document.removeEventListener('resume', this.wake);
    document.removeEventListener('visibilitychange', this.look);
    window.removeEventListener('online', this.wake);
    window.removeEventListener('pagehide', this.on.left);
    window.removeEventListener('pageshow', this.shown);
  }

  private readonly wake = () => {
    this.last = Date.now();
    this.on.woke();
  };

  private readonly look = () => this.on.visible(document.visibilityState !== 'hidden');

  /** Brought back by the browser as it was left, when everything had been closed: a reload joins again. */
  private readonly shown = (event: PageTransitionEvent) => {
    if (event.persisted) window.location.reload();
  };

  /** The wall clock: the other one stops on some systems while they sleep. */
  private tick(): void {
    const now = Date.now();
    const slept = now - this.last > ASLEEP_MS;
    this.last = now;
    if (slept) this.on.woke();
  }
}
