// SPDX-License-Identifier: Apache-2.0
// Tells the server what is wished of one consumer, one request after the other: wishes change faster than answers come,
// and only the last one counts. A request that fails is tried again after a while.
import type { Wish } from './viewing';

const AGAIN_MS = 2000;

export interface WishRequests {
  pause(): Promise<unknown>;
  resume(): Promise<unknown>;
  prefer(spatialLayer: number): Promise<unknown>;
}

export class WishSender {
  /** What the server has agreed to; null where that is not known. A consumer begins paused. */
  private agreed: { visible: boolean | null; spatialLayer: number | null } = { visible: false, spatialLayer: null };
  private running = false;
  private closed = false;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly server: WishRequests,
    private wish: Wish,
  ) {}

  get wished(): Wish {
    return this.wish;
  }

  /** The first wish; fails when the server refuses it. */
  async begin(): Promise<void> {
    await this.run();
  }

  set(wish: Wish): void {
    this.wish = wish;
    if (this.running || this.closed) return;
    clearTimeout(this.timer);
    this.run().catch(() => {
      if (!this.closed) this.timer = setTimeout(() => this.set(this.wish), AGAIN_MS);
    });
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
  }

  private async run(): Promise<void> {
    this.running = true;
    try {
      while (!this.closed && (await this.step()));
    } catch (error) {
      // Perhaps only the answer was lost.
      this.agreed = { visible: null, spatialLayer: null };
      throw error;
    } finally {
      this.running = false;
    }
  }

  /** False when nothing is left to tell. The layer goes first: nothing is sent that is too large for its place. */
  private async step(): Promise<boolean> {
    const { visible, spatialLayer } = this.wish;
    if (visible && spatialLayer !== null && spatialLayer !== this.agreed.spatialLayer) {
      await this.server.prefer(spatialLayer);
      this.agreed = { ...this.agreed, spatialLayer };
      return true;
    }
    if (visible === this.agreed.visible) return false;
    await (visible ? this.server.resume() : this.server.pause());
    this.agreed = { ...this.agreed, visible };
    return true;
  }
}
