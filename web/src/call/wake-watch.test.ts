// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WakeWatch } from './wake-watch';

describe('a page that stood still', () => {
  const page = new EventTarget();
  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal('document', page);
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  it('is noticed by the clock, and a tick that is late is not', () => {
    const woke = vi.fn();
    const watch = new WakeWatch(woke);
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
    const watch = new WakeWatch(woke);
    vi.setSystemTime(Date.now() + 60_000);
    page.dispatchEvent(new Event('resume'));
    vi.advanceTimersByTime(3000);
    expect(woke).toHaveBeenCalledTimes(1);
    watch.close();
    page.dispatchEvent(new Event('resume'));
    vi.advanceTimersByTime(60_000);
    expect(woke).toHaveBeenCalledTimes(1);
  });
});
