// SPDX-License-Identifier: Apache-2.0
// Puts NAME.gz beside each text file of web/dist: the gateway sends it to browsers that take gzip.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const dist = new URL('../dist/', import.meta.url);
for (const name of readdirSync(dist, { recursive: true })) {
  if (/\.(html|js|css|svg)$/.test(name)) {
    const file = new URL(name, dist);
    writeFileSync(`${file.pathname}.gz`, gzipSync(readFileSync(file), { level: 9 }));
  }
}
