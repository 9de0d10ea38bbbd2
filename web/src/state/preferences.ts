// SPDX-License-Identifier: Apache-2.0
// What this browser remembers between visits. Storage may be refused (private windows): then it lasts for the page.
import type { Language } from '../protocol/types';
import { createStore } from './store';

export type VideoQuality = 'low' | 'standard' | 'high';
export type UiLanguage = 'en' | 'vi';

export interface Preferences {
  name: string;
  ui: UiLanguage;
  speaks: Language | null;
  hears: Language | null;
  microphoneId: string | null;
  cameraId: string | null;
  speakerId: string | null;
  microphoneOn: boolean;
  cameraOn: boolean;
  mix: number;
  captionsOn: boolean;
  videoQuality: VideoQuality;
  /** The browser's echo cancelling, noise suppression and gain control. */
  voiceProcessing: boolean;
}

const KEY = 'jb.preferences';

export function defaultPreferences(browserLanguage: string): Preferences {
  return {
    name: '',
    ui: browserLanguage.toLowerCase().startsWith('vi') ? 'vi' : 'en',
    speaks: null,
    hears: null,
    microphoneId: null,
    cameraId: null,
    speakerId: null,
    microphoneOn: true,
    cameraOn: true,
    mix: 0.85,
    captionsOn: true,
    videoQuality: 'high',
    voiceProcessing: true,
  };
}

/** Keeps only known fields of the right type: what is stored may be of another version. */
export function readPreferences(stored: string | null, defaults: Preferences): Preferences {
  let parsed: unknown;
  try {
    parsed = JSON.parse(stored ?? '{}');
  } catch {
    return defaults;
  }
  if (typeof parsed !== 'object' || parsed === null) return defaults;
  const result: Record<string, unknown> = { ...defaults };
  for (const [key, value] of Object.entries(defaults)) {
    const found = (parsed as Record<string, unknown>)[key];
    const fits = value === null ? typeof found === 'string' : typeof found === typeof value;
    if (found !== undefined && fits) result[key] = found;
  }
  if (result['ui'] !== 'en' && result['ui'] !== 'vi') result['ui'] = defaults.ui;
  if (!['low', 'standard', 'high'].includes(result['videoQuality'] as string)) {
    result['videoQuality'] = defaults.videoQuality;
  }
  return result as unknown as Preferences;
}

function load(): Preferences {
  const defaults = defaultPreferences(navigator.language);
  try {
    return readPreferences(localStorage.getItem(KEY), defaults);
  } catch {
    return defaults;
  }
}

export const preferences = createStore<Preferences>(load());

preferences.subscribe(() => {
  try {
    localStorage.setItem(KEY, JSON.stringify(preferences.get()));
  } catch {
    // Not remembered, and nothing else depends on it.
  }
});
