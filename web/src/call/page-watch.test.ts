// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PageWatch } from './page-watch';

describe('a page that stood still', () => {
  const page = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  const view = Object.assign(new EventTarget(), { location: { reload: vi.fn() } });
  const open = (woke: () => void, visible = vi.fn(), left = vi.fn()) => new PageWatch({ woke, visible, left });
  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal('document', page);
    vi.stubGlobal('window', view);
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  it('is noticed by the clock, and a tick that is late is not', () => {
    const woke = vi.fn();
    const watch = open(woke);
    vi.advanceTimersByTime(30_000);
    vi.setSystemTime(Date.now() + 9000);
    vi.advanceTimersByTime(1000);
    expect(woke).not.toHaveBeenCalled();
    vi.setSystemTime(Date.now() + 60_000);
    vi.advanceTimersByTime(5000);
    expect(woke).toHaveBeenCalledTimes(1);
    watch.close();
  });

  it('is told by the browser that froze it, and not after the call', () => {
    const woke = vi.fn();
    const watch = open(woke);
    vi.setSystemTime(Date.now() + 60_000);
    page.dispatchEvent(new Event('resume'));
    vi.advanceTimersByTime(3000);
    expect(woke).toHaveBeenCalledTimes(1);
    watch.close();
    page.dispatchEvent(new Event('resume'));
    vi.advanceTimersByTime(60_000);
    expect(woke).toHaveBeenCalledTimes(1);
  });

  it('is told of another network, and once it is shown, hidden or left', () => {
    const woke = vi.fn(), visible = vi.fn(), left = vi.fn();
    const watch = open(woke, visible, left);
    view.dispatchEvent(new Event('online'));
    page.visibilityState = 'hidden';
    page.dispatchEvent(new Event('visibilitychange'));
    view.dispatchEvent(new Event('pagehide'));
    expect([woke.mock.calls.length, visible.mock.calls, left.mock.calls.length]).toEqual([1, [[true], [false]], 1]);
    page.visibilityState = 'visible';
    watch.close();
    for (const name of ['online', 'pagehide']) view.dispatchEvent(new Event(name));
    expect([woke.mock.calls.length, left.mock.calls.length]).toEqual([1, 1]);
  });

  it('is loaded anew when the browser brings back what had been left', () => {
    const watch = open(vi.fn());
    view.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: false }));
    expect(view.location.reload).not.toHaveBeenCalled();
    view.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }));
    expect(view.location.reload).toHaveBeenCalledTimes(1);
    watch.close();
  });
});
