// SPDX-License-Identifier: Apache-2.0
// Words of the interface: one typed table per language. A new language is a new table and a line in TABLES.
import type { UiLanguage } from '../state/preferences';
import { en, type Key, type Table } from './en';
import { vi } from './vi';

export const TABLES: Record<UiLanguage, Table> = { en, vi };

export type Params = Record<string, string | number>;
export type Translate = (key: Key, params?: Params) => string;

export function fill(template: string, params: Params = {}): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => String(params[name] ?? whole));
}

export function translator(ui: UiLanguage): Translate {
  return (key, params) => fill(TABLES[ui][key], params);
}

/** For keys that are put together at run time (failure.CODE); unknown ones get the general sentence. */
export function dynamicText(ui: UiLanguage, key: string, params?: Params): string {
  const table: Record<string, string> = TABLES[ui];
  return fill(table[key] ?? TABLES[ui]['failure.unexpected'], params);
}
