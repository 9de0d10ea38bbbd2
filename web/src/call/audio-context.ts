// SPDX-License-Identifier: Apache-2.0
// One AudioContext for the page (browsers allow few), and its resuming: a context made without a touch of the page
// stays silent until there is one.

let context: AudioContext | null = null;

export function audioContext(): AudioContext {
  if (!context) {
    context = new AudioContext({ latencyHint: 'interactive' });
    const resume = () => void context?.resume();
    for (const event of ['pointerdown', 'keydown', 'touchend']) {
      window.addEventListener(event, resume, { capture: true, passive: true });
    }
  }
  return context;
}

/** Plays through that device, where the browser can choose (Chromium); false where it cannot. */
export async function setOutputDevice(deviceId: string | null): Promise<boolean> {
  const sink = audioContext() as AudioContext & { setSinkId?: (id: string) => Promise<void> };
  if (!sink.setSinkId) return false;
  try {
    await sink.setSinkId(deviceId ?? '');
    return true;
  } catch {
    return false;
  }
}

export function canChooseOutput(): boolean {
  return typeof AudioContext !== 'undefined' && 'setSinkId' in AudioContext.prototype;
}
