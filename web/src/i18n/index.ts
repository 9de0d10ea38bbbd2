// SPDX-License-Identifier: Apache-2.0
// The words of the interface for components.
import { preferences, type UiLanguage } from '../state/preferences';
import { useStore } from '../state/store';
import { dynamicText, translator, type Translate } from './text';

export type { Key } from './en';
export { dynamicText } from './text';

export function useUi(): UiLanguage {
  return useStore(preferences, (state) => state.ui);
}

export function useT(): Translate {
  return translator(useUi());
}

export function useFailureText(): (failure: { code: string; message: string }) => string {
  const ui = useUi();
  return ({ code, message }) => dynamicText(ui, `failure.${code}`, { message });
}
