// SPDX-License-Identifier: Apache-2.0
// Waiting for something to become true, with a deadline and a sentence for when it does not.

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Calls `probe` until it returns something truthy, and returns that. */
export async function until(what, probe, { within = 15_000, every = 200 } = {}) {
  const end = Date.now() + within;
  let last;
  for (;;) {
    try {
      last = await probe();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) {
      const seen = last instanceof Error ? last.message : JSON.stringify(last);
      throw new Error(`not within ${within / 1000} s: ${what}${seen === undefined ? '' : ` (last: ${seen})`}`);
    }
    await sleep(every);
  }
}
