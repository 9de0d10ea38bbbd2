// SPDX-License-Identifier: Apache-2.0
// One thing that this participant may send (microphone, camera, or screen with its sound), from the wish to the
// producer. Opening and publishing take time, and wishes change meanwhile: one runner does one step after the other
// and looks at the wish again after each. The tracks outlive connections; whoever opened one here stops it here.
import { Failure } from '../protocol/failure';
import type { SentSource } from '../protocol/types';

export type Tracks = ReadonlyMap<SentSource, MediaStreamTrack>;

/** What a media connection does for us. */
export interface Target {
  /** The track that is sent as this source, or null. */
  sent(source: SentSource): MediaStreamTrack | null;
  unpublish(source: SentSource): Promise<void>;
}

export interface Owner<T extends Target> {
  /** The media connection of the present join. */
  target(): T | null;
  /** Null when the person changed their mind. */
  open(): Promise<Tracks | null>;
  publish(target: T, source: SentSource, track: MediaStreamTrack): Promise<void>;
  /** Other tracks than before, or none. */
  changed(): void;
  openFailed(error: unknown): void;
  publishFailed(source: SentSource, error: unknown): void;
  /** The device went away by itself. */
  lost(): void;
}

export class LocalSource<T extends Target> {
  private tracks: Tracks = new Map();
  private wish = false;
  /** Another device was chosen: the tracks are to be opened again. */
  private stale = false;
  /** The connection that refused to take this; it is not asked again before the next wish. */
  private refusedBy: T | null = null;
  /** The connection over which the server could not be asked; it is tried again when something has changed. */
  private unreached: T | null = null;
  private running = false;
  private closed = false;

  constructor(
    private readonly sources: readonly SentSource[],
    private readonly owner: Owner<T>,
  ) {}

  get wanted(): boolean {
    return this.wish;
  }

  track(source: SentSource): MediaStreamTrack | null {
    return this.tracks.get(source) ?? null;
  }

  /** Takes over tracks that somebody else opened. */
  adopt(tracks: Tracks): void {
    this.wish = true;
    this.hold(tracks);
  }

  want(on: boolean): void {
    this.wish = on;
    this.refusedBy = null;
    // The light of the camera goes out at once, whatever is still going on.
    if (!on) this.hold(new Map());
    this.settle();
  }

  /** Opens the tracks again, with the device that is chosen now. */
  renew(): void {
    if (!this.wish) return;
    this.stale = true;
    this.refusedBy = null;
    this.settle();
  }

  /** Something changed that this depends on: there is another connection, or another way to the server. */
  settle(): void {
    this.unreached = null;
    if (this.running || this.closed) return;
    this.running = true;
    void this.run();
  }

  close(): void {
    this.closed = true;
    this.wish = false;
    this.hold(new Map());
  }

  private async run(): Promise<void> {
    try {
      for (let step = this.nextStep(); step; step = this.nextStep()) await step();
    } finally {
      this.running = false;
    }
  }

  private nextStep(): (() => Promise<void>) | null {
    if (this.closed) return null;
    if (this.wish && (this.tracks.size === 0 || this.stale)) return () => this.open();
    const target = this.owner.target();
    if (!target) return null;
    for (const source of this.sources) {
      const track = this.track(source);
      if (target.sent(source) === track) continue;
      if (!track) return () => target.unpublish(source);
      if (this.refusedBy !== target && this.unreached !== target) return () => this.publish(target, source, track);
    }
    return null;
  }

  private async open(): Promise<void> {
    this.stale = false;
    let opened: Tracks | null = null;
    try {
      opened = await this.owner.open();
    } catch (error) {
      if (this.closed || !this.wish) return;
      // With another device chosen the old one goes on.
      this.wish = this.tracks.size > 0;
      return this.owner.openFailed(error);
    }
    if (this.closed || !this.wish) return stopAll(opened);
    if (opened) return this.hold(opened);
    this.wish = this.tracks.size > 0;
    this.owner.changed();
  }

  private async publish(target: T, source: SentSource, track: MediaStreamTrack): Promise<void> {
    try {
      await this.owner.publish(target, source, track);
    } catch (error) {
      // Another connection, or another wish: that is looked at next.
      if (this.closed || this.owner.target() !== target || this.track(source) !== track) return;
      if (Failure.of(error).code === 'not_connected') this.unreached = target;
      else this.refusedBy = target;
      this.owner.publishFailed(source, error);
    }
  }

  private hold(tracks: Tracks): void {
    const before = this.tracks;
    if (before.size === 0 && tracks.size === 0) return;
    this.tracks = tracks;
    stopAll(before);
    for (const track of tracks.values()) track.addEventListener('ended', () => this.onEnded(track), { once: true });
    this.owner.changed();
  }

  private onEnded(track: MediaStreamTrack): void {
    if (this.closed || ![...this.tracks.values()].includes(track)) return;
    this.want(false);
    this.owner.lost();
  }
}

function stopAll(tracks: Tracks | null): void {
  for (const track of tracks?.values() ?? []) track.stop();
}
