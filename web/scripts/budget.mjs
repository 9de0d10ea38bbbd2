// SPDX-License-Identifier: Apache-2.0
// Fails when the JavaScript of web/dist, compressed, is larger than what a first visit may load. Counts every script,
// also those that are loaded later, so that nothing hides behind a dynamic import.
import { readFileSync, readdirSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const LIMIT_KIB = 210;
const assets = new URL('../dist/assets/', import.meta.url);
let total = 0;
for (const name of readdirSync(assets).filter((name) => name.endsWith('.js')).sort()) {
  const size = gzipSync(readFileSync(new URL(name, assets)), { level: 9 }).length;
  total += size;
  console.log(`${(size / 1024).toFixed(1).padStart(8)} KiB  ${name}`);
}
const ok = total > 0 && total <= LIMIT_KIB * 1024;
console.log(`${(total / 1024).toFixed(1).padStart(8)} KiB  of ${LIMIT_KIB} KiB: ${ok ? 'ok' : 'too much'}`);
process.exit(ok ? 0 : 1);
