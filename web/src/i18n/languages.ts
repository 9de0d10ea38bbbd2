// SPDX-License-Identifier: Apache-2.0
// Names of languages, and what can be done with each on this server.
import type { Language, ServerLanguages } from '../protocol/types';

/** Languages of the translators that no browser has a name for. */
const UNKNOWN_TO_BROWSERS: Record<string, string> = {
  frp: 'Arpetan',
  hbs: 'Srpskohrvatski',
  szl: 'Ślōnski',
  arg: 'Aragonés',
  jbo: 'Lojban',
  pap: 'Papiamentu',
};

function capitalised(text: string, locale: string): string {
  const [first = '', ...rest] = [...text];
  try {
    return first.toLocaleUpperCase(locale) + rest.join('');
  } catch {
    return first.toUpperCase() + rest.join('');
  }
}

function displayName(language: Language, locale: string): string | null {
  try {
    return new Intl.DisplayNames([locale], { type: 'language', fallback: 'none' }).of(language) ?? null;
  } catch {
    return null;
  }
}

function isLocale(language: Language): boolean {
  try {
    return Intl.DisplayNames.supportedLocalesOf([language]).length > 0;
  } catch {
    return false;  // not a well-formed tag
  }
}

/** «Tiếng Việt», «Español»: the language's own name. */
export function nativeName(language: Language): string {
  // A browser without data for a language answers in its own default locale; then the English name is no worse.
  const name = isLocale(language) ? displayName(language, language) : null;
  const base = language.split('-')[0] ?? language;
  return capitalised(name ?? UNKNOWN_TO_BROWSERS[base] ?? displayName(language, 'en') ?? language, language);
}

/** The name in the language of the interface, for sentences: «tiếng Tây Ban Nha». */
export function nameIn(language: Language, ui: string): string {
  return displayName(language, ui) ?? nativeName(language);
}

/** «EN», for badges. */
export function shortName(language: Language): string {
  return (language.split('-')[0] ?? language).toUpperCase();
}

function sorted(languages: Iterable<Language>): Language[] {
  return [...new Set(languages)].sort((a, b) => nativeName(a).localeCompare(nativeName(b), 'en'));
}

export interface SpeakChoices {
  recognised: Language[];
  /** Known to the server, but not to its recogniser. */
  unrecognised: Language[];
}

export function speakChoices(server: ServerLanguages): SpeakChoices {
  const known = server.translation.flatMap(({ from, to }) => [from, to]);
  const recognised = new Set(server.stt);
  return {
    recognised: sorted(server.stt),
    unrecognised: sorted([...known, ...server.tts].filter((language) => !recognised.has(language))),
  };
}

export interface HearChoices {
  voice: Language[];
  captions: Language[];
  chat: Language[];
}

/** What «I want to hear» can mean here: targets of speech that is recognised, and languages that are spoken anyway. */
export function hearChoices(server: ServerLanguages, speaks: Language | null): HearChoices {
  const recognised = new Set(server.stt);
  const spoken = new Set<Language>(speaks ? [...server.stt, speaks] : server.stt);
  const reached = new Set(server.translation.filter(({ from }) => recognised.has(from)).map(({ to }) => to));
  const voices = new Set(server.tts);
  const voice = [...reached].filter((language) => voices.has(language));
  const captions = [...reached].filter((language) => !voices.has(language));
  const chat = server.translation.map(({ to }) => to).filter((to) => !reached.has(to) && !spoken.has(to));
  return {
    voice: sorted([...voice, ...[...spoken].filter((language) => !captions.includes(language))]),
    captions: sorted(captions),
    chat: sorted(chat),
  };
}

/** What can be heard by who speaks that: what is wanted where it is offered, else the language spoken itself. */
export function hearsFor(server: ServerLanguages, speaks: Language, wanted: Language | null): Language {
  const { voice, captions, chat } = hearChoices(server, speaks);
  const offered = [...voice, ...captions, ...chat];
  return [wanted, speaks].find((language) => language !== null && offered.includes(language)) ?? offered[0] ?? speaks;
}

/** Whether words spoken in one language are read in the other: recognised, and translated where that is needed. */
export function canRead(server: ServerLanguages, speaks: Language, hears: Language): boolean {
  const same = (a: Language, b: Language) => baseOf(a) === baseOf(b);
  if (!server.stt.some((language) => same(language, speaks))) return false;
  return same(speaks, hears) || server.translation.some(({ from, to }) => same(from, speaks) && same(to, hears));
}

const baseOf = (language: Language) => language.toLowerCase().split('-')[0];

/** The best guess before anybody chose: what is remembered, the browser's languages, English, whatever there is. */
export function guessLanguage(offered: Language[], remembered: Language | null, browser: readonly string[]): Language | null {
  const base = (tag: string) => tag.toLowerCase().split('-')[0] ?? tag;
  const wanted = [remembered ?? '', ...browser.flatMap((tag) => [tag.toLowerCase(), base(tag)]), 'en'];
  return wanted.find((tag) => offered.includes(tag)) ?? offered[0] ?? null;
}
