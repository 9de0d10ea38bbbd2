// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { isTyping } from './keys';

const target = (tagName: string, type?: string) => ({ tagName, type }) as unknown as EventTarget;

describe('the keys of a call', () => {
  it('are letters where one writes or chooses', () => {
    for (const field of [target('INPUT', 'text'), target('INPUT', 'password'), target('TEXTAREA'), target('SELECT')]) {
      expect(isTyping(field)).toBe(true);
    }
  });

  it('still work after a click on a checkbox or a slider', () => {
    for (const field of [target('INPUT', 'checkbox'), target('INPUT', 'range'), target('BUTTON'), null]) {
      expect(isTyping(field)).toBe(false);
    }
  });
});
