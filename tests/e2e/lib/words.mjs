// SPDX-License-Identifier: Apache-2.0
// Word error rate, on words without case and punctuation.

export function words(text) {
  return text.toLowerCase().normalize('NFC').replace(/[^\p{L}\p{N}' ]+/gu, ' ').split(/\s+/).filter(Boolean);
}

/** Substitutions, insertions and deletions per word of the reference. */
export function wordErrorRate(reference, heard) {
  const a = words(reference), b = words(heard);
  let previous = b.map((_, j) => j + 1);
  previous.unshift(0);
  for (let i = 1; i <= a.length; ++i) {
    const current = [i];
    for (let j = 1; j <= b.length; ++j) {
      const substituted = previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      current[j] = Math.min(substituted, previous[j] + 1, current[j - 1] + 1);
    }
    previous = current;
  }
  return a.length === 0 ? b.length : previous[b.length] / a.length;
}
