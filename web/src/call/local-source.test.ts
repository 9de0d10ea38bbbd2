// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it, vi } from 'vitest';
import type { SentSource } from '../protocol/types';
import { Failure } from '../protocol/failure';
import { LocalSource, type Target, type Tracks } from './local-source';

class FakeTrack extends EventTarget {
  readyState: MediaStreamTrackState = 'live';
  stop(): void {
    this.readyState = 'ended';
  }
  unplug(): void {
    this.readyState = 'ended';
    this.dispatchEvent(new Event('ended'));
  }
}

const asTrack = (track: FakeTrack) => track as unknown as MediaStreamTrack;

/** A promise that the test settles. */
function deferred<T>() {
  let resolve!: (value: T) => void, reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => ([resolve, reject] = [yes, no]));
  return { promise, resolve, reject };
}

class FakeTarget implements Target {
  readonly producers = new Map<SentSource, MediaStreamTrack>();
  made = 0;
  sent = (source: SentSource) => this.producers.get(source) ?? null;
  async unpublish(source: SentSource): Promise<void> {
    this.producers.delete(source);
  }
}

const flush = () => new Promise((resolve) => setTimeout(resolve, 0));

function setup(sources: SentSource[] = ['camera']) {
  const opened: FakeTrack[] = [];
  const state = { target: new FakeTarget() as FakeTarget | null };
  const open = vi.fn(async (): Promise<Tracks | null> => {
    const track = new FakeTrack();
    opened.push(track);
    return new Map(sources.map((source) => [source, asTrack(track)]));
  });
  const publish = vi.fn(async (target: FakeTarget, source: SentSource, track: MediaStreamTrack) => {
    ++target.made;
    target.producers.set(source, track);
  });
  const owner = {
    target: () => state.target, open, publish, changed: vi.fn(), openFailed: vi.fn(), publishFailed: vi.fn(), lost: vi.fn(),
  };
  return { source: new LocalSource<FakeTarget>(sources, owner), owner, state, opened };
}

const live = (tracks: FakeTrack[]) => tracks.filter(({ readyState }) => readyState === 'live').length;

describe('a source that is sent', () => {
  it('is opened and published once, however often it is asked for while the device is slow', async () => {
    const { source, owner, state, opened } = setup();
    const slow = deferred<void>();
    const now = owner.open.getMockImplementation()!;
    owner.open.mockImplementation(async () => {
      await slow.promise;
      return now();
    });
    source.want(true);
    source.want(true);
    slow.resolve();
    await flush();
    expect(opened).toHaveLength(1);
    expect(state.target?.made).toBe(1);
  });

  it('leaves neither device nor producer when it is switched off while the device opens', async () => {
    const { source, state, opened } = setup();
    source.want(true);
    source.want(false);
    await flush();
    expect(live(opened)).toBe(0);
    expect(state.target?.producers.size).toBe(0);
    expect(source.track('camera')).toBeNull();
  });

  it('is withdrawn when it is switched off while it is being published', async () => {
    const { source, owner, state, opened } = setup();
    const slow = deferred<void>();
    const now = owner.publish.getMockImplementation()!;
    owner.publish.mockImplementation(async (...given) => {
      await slow.promise;
      return now(...given);
    });
    source.want(true);
    await flush();
    source.want(false);
    expect(live(opened)).toBe(0);
    slow.resolve();
    await flush();
    expect(state.target?.producers.size).toBe(0);
  });

  it('ends as the last of many wishes says', async () => {
    const { source, state, opened } = setup();
    for (const on of [true, false, true, false, true]) source.want(on);
    await flush();
    expect(live(opened)).toBe(1);
    expect(state.target?.sent('camera')).toBe(source.track('camera'));
  });

  it('stops a device that opens after the call has ended', async () => {
    const { source, opened } = setup();
    source.want(true);
    source.close();
    await flush();
    expect(opened).toHaveLength(1);
    expect(live(opened)).toBe(0);
  });

  it('is published again over the next connection', async () => {
    const { source, owner, state } = setup();
    source.want(true);
    await flush();
    state.target = new FakeTarget();
    source.settle();
    await flush();
    expect(state.target.made).toBe(1);
    expect(owner.open).toHaveBeenCalledTimes(1);
  });

  it('goes on with the new track when another device is chosen, and with the old one when that fails', async () => {
    const { source, owner, state, opened } = setup();
    source.want(true);
    await flush();
    source.renew();
    await flush();
    expect(live(opened)).toBe(1);
    expect(state.target?.sent('camera')).toBe(asTrack(opened[1]!));
    owner.open.mockRejectedValueOnce(new Error('busy'));
    source.renew();
    await flush();
    expect(owner.openFailed).toHaveBeenCalledTimes(1);
    expect(source.wanted).toBe(true);
    expect(state.target?.sent('camera')).toBe(asTrack(opened[1]!));
  });

  it('tells once that it was refused, and tries again at the next wish', async () => {
    const { source, owner, state } = setup();
    owner.publish.mockRejectedValueOnce(new Error('limit'));
    source.want(true);
    await flush();
    expect(owner.publishFailed).toHaveBeenCalledTimes(1);
    source.settle();
    await flush();
    expect(owner.publish).toHaveBeenCalledTimes(1);
    source.want(true);
    await flush();
    expect(state.target?.made).toBe(1);
  });

  it('is sent as soon as there is a way to the server again', async () => {
    const { source, owner, state } = setup();
    owner.publish.mockRejectedValueOnce(new Failure('not_connected', 'away'));
    source.want(true);
    await flush();
    expect(owner.publish).toHaveBeenCalledTimes(1);
    source.settle();
    await flush();
    expect(state.target?.made).toBe(1);
  });

  it('says nothing of a failure that belongs to an earlier connection', async () => {
    const { source, owner, state } = setup();
    owner.publish.mockImplementationOnce(async () => {
      state.target = new FakeTarget();
      throw new Error('closed');
    });
    source.want(true);
    await flush();
    expect(owner.publishFailed).not.toHaveBeenCalled();
    expect(state.target?.made).toBe(1);
  });

  it('is told as lost when its device is unplugged', async () => {
    const { source, owner, state, opened } = setup();
    source.want(true);
    await flush();
    opened[0]!.unplug();
    await flush();
    expect(owner.lost).toHaveBeenCalledTimes(1);
    expect(source.wanted).toBe(false);
    expect(state.target?.producers.size).toBe(0);
  });

  it('may be given up by the person in the browser’s own dialog', async () => {
    const { source, owner } = setup(['screen', 'screenAudio']);
    owner.open.mockResolvedValueOnce(null);
    source.want(true);
    await flush();
    expect(source.wanted).toBe(false);
    expect(owner.openFailed).not.toHaveBeenCalled();
    expect(owner.open).toHaveBeenCalledTimes(1);
  });
});
