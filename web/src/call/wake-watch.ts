// SPDX-License-Identifier: Apache-2.0
// Whether this page stood still: the machine slept, or the browser froze the tab. Connections may be over then, and
// nobody has said so yet.

const TICK_MS = 1000;
/** Background tabs tick late, but hardly that late while they are in a call. */
const ASLEEP_MS = 10_000;

export class WakeWatch {
  private readonly timer: ReturnType<typeof setInterval>;
  private last = Date.now();

  /** `onWake` may be called twice for one sleep: by the clock, and by the browser's own event. */
  constructor(private readonly onWake: () => void) {
    this.timer = setInterval(() => this.tick(), TICK_MS);
    document.addEventListener('resume', this.wake);
  }

  close(): void {
    clearInterval(this.timer);
    document.removeEventListener('resume', this.wake);
  }

  private readonly wake = () => {
    this.last = Date.now();
    this.onWake();
  };

  /** The wall clock: the other one stops on some systems while they sleep. */
  private tick(): void {
    const now = Date.now();
    const slept = now - this.last > ASLEEP_MS;
    this.last = now;
    if (slept) this.onWake();
  }
}
