// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { dynamicText, fill, TABLES } from './text';
import { canRead, guessLanguage, hearChoices, hearsFor, nameIn, nativeName, shortName, speakChoices } from './languages';

const placeholders = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();

describe('the language tables', () => {
  const keys = Object.keys(TABLES.en) as (keyof typeof TABLES.en)[];

  it.each(Object.keys(TABLES) as (keyof typeof TABLES)[])('%s has every key, with words and the same placeholders', (ui) => {
    expect(Object.keys(TABLES[ui]).sort()).toEqual([...keys].sort());
    for (const key of keys) {
      expect(TABLES[ui][key].trim(), key).not.toBe('');
      expect(placeholders(TABLES[ui][key]), key).toEqual(placeholders(TABLES.en[key]));
    }
  });

  it('have no key that nothing shows', () => {
    const sources = import.meta.glob('../**/*.{ts,tsx}', { query: '?raw', import: 'default', eager: true });
    const code = Object.entries(sources).filter(([path]) => !/\/(en|vi)\.ts$/.test(path)).map(([, text]) => String(text)).join();
    // Put together at run time.
    const dynamic = /^(failure|service|settings\.quality)\.|^lobby\.(microphone|camera|speaker)$/;
    expect(keys.filter((key) => !dynamic.test(key) && !code.includes(`'${key}'`))).toEqual([]);
  });

  it('are in Unicode NFC, so that searching finds Vietnamese words', () => {
    for (const text of Object.values(TABLES.vi)) expect(text).toBe(text.normalize('NFC'));
  });

  it('fill placeholders and leave unknown ones alone', () => {
    expect(fill('{name} said {what}', { name: 'Anna' })).toBe('Anna said {what}');
  });

  it('have a general sentence for codes they do not know', () => {
    expect(dynamicText('en', 'failure.not_yet_known', { message: 'odd' })).toBe('That did not work: odd');
  });
});

describe('names of languages', () => {
  it('are the own names', () => {
    expect(nativeName('vi')).toBe('Tiếng Việt');
    expect(nativeName('es')).toBe('Español');
    expect(nativeName('en')).toBe('English');
    expect(nativeName('ca')).toBe('Català');
  });

  it('are never empty and never throw, whatever a server offers', () => {
    for (const code of ['szl', 'frp', 'hbs', 'ia', 'qya', 'zz', 'en-gb-scotland', 'vi-vn-x-central', 'x']) {
      expect(nativeName(code).length, code).toBeGreaterThan(0);
      expect(nameIn(code, 'vi').length, code).toBeGreaterThan(0);
    }
  });

  it('have a short form for badges', () => {
    expect(shortName('en-us')).toBe('EN');
    expect(shortName('ast')).toBe('AST');
  });
});

describe('what can be chosen', () => {
  const server = {
    stt: ['en'],
    translation: [
      { from: 'en', to: 'es' },
      { from: 'en', to: 'eo' },
      { from: 'en', to: 'szl' },
      { from: 'es', to: 'pt' },
    ],
    tts: ['en', 'es', 'eo', 'vi'],
  };

  it('to speak: recognised languages first, others that the server knows apart', () => {
    const { recognised, unrecognised } = speakChoices(server);
    expect(recognised).toEqual(['en']);
    expect(unrecognised).toContain('vi');
    expect(unrecognised).not.toContain('en');
  });

  it('to hear: by what really arrives', () => {
    expect(hearChoices(server, 'vi')).toEqual({ voice: ['en', 'es', 'eo', 'vi'], captions: ['szl'], chat: ['pt'] });
  });

  it('to hear after speaking another language: the same while it is offered, else that language', () => {
    expect(hearsFor(server, 'vi', 'vi')).toBe('vi');
    expect(hearsFor({ ...server, tts: ['en'] }, 'en', 'vi')).toBe('en');
    expect(hearsFor(server, 'en', 'es')).toBe('es');
    expect(hearsFor(server, 'en', null)).toBe('en');
  });

  it('knows who is read in which language', () => {
    expect(canRead(server, 'en', 'es')).toBe(true);
    expect(canRead(server, 'en-us', 'en')).toBe(true);
    expect(canRead(server, 'es', 'pt')).toBe(false);
    expect(canRead(server, 'en', 'pt')).toBe(false);
  });

  it('guesses what is remembered, else the browser, else English', () => {
    expect(guessLanguage(['en', 'es', 'vi'], 'es', ['vi-VN'])).toBe('es');
    expect(guessLanguage(['en', 'es', 'vi'], 'fr', ['vi-VN'])).toBe('vi');
    expect(guessLanguage(['en', 'es'], null, ['ja'])).toBe('en');
    expect(guessLanguage([], null, [])).toBeNull();
  });
});
