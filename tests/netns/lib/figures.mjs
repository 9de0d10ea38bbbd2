// SPDX-License-Identifier: Apache-2.0
// What was measured, kept as tests/artifacts/netns-FILE.json: one object by step, written anew with each.
import { writeFileSync } from 'node:fs';
import path from 'node:path';

const kept = new Map();

export function keepFigures(file, step, figures) {
  const all = kept.get(file) ?? {};
  all[step] = figures;
  kept.set(file, all);
  writeFileSync(path.join(process.env.JB_ARTIFACTS, `netns-${file}.json`), `${JSON.stringify(all, null, 2)}\n`);
}

/** The value that this share of them does not exceed (nearest rank). */
export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}
