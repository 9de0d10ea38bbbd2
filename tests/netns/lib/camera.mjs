// SPDX-License-Identifier: Apache-2.0
// What a camera sees that is not still: Chromium's own fake camera is so easy to encode that every size of it fits every
// link. A Y4M file of a few seconds, which Chromium plays again and again as its camera.
import { closeSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';

const SECONDS = 2;
const NOISE = 24; // of 256: a dim room

/** The file, for --use-file-for-fake-video-capture. */
export function livelyCamera(directory, { width = 1280, height = 720, fps = 15 } = {}) {
  const file = path.join(directory, `camera-${width}x${height}.y4m`);
  const out = openSync(file, 'w');
  writeSync(out, `YUV4MPEG2 W${width} H${height} F${fps}:1 Ip A1:1 C420\n`);
  const random = xorshift(1);
  const frame = Buffer.alloc(width * height * 3 / 2, 128);
  for (let n = 0; n < SECONDS * fps; ++n) {
    // Stripes that move one whole period in the time of the file, so that its end goes on with its beginning.
    const shift = (128 * n) / (SECONDS * fps);
    for (let y = 0; y < height; ++y) {
      for (let x = 0; x < width; ++x) {
        const stripe = (x + y + shift) & 64 ? 150 : 90;
        frame[y * width + x] = stripe + (random() % NOISE);
      }
    }
    writeSync(out, 'FRAME\n');
    writeSync(out, frame);
  }
  closeSync(out);
  return file;
}

function xorshift(seed) {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}
