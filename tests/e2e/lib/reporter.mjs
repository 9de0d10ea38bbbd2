// SPDX-License-Identifier: Apache-2.0
// One line per step as it ends, the failures in full at the end, and "N passed, N failed" as the last line.
export default async function* report(source) {
  let passed = 0;
  const failures = [];
  for await (const { type, data } of source) {
    if (type === 'test:diagnostic' && !/^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) /.test(data.message)) {
      yield `       ${data.message}\n`;
    }
    // A test with steps inside is not counted itself, unless it failed outside of them.
    const outer = data.details?.type === 'suite' || data.nesting === 0;
    if (type === 'test:pass' && !outer) {
      ++passed;
      yield `ok     ${(data.details.duration_ms / 1000).toFixed(1).padStart(5)} s  ${data.name}\n`;
    }
    if (type === 'test:fail' && data.todo !== undefined) {
      yield `todo   ${(data.details.duration_ms / 1000).toFixed(1).padStart(5)} s  ${data.name}: ${data.todo}\n`;
      continue;
    }
    if (type === 'test:fail') {
      const error = data.details.error;
      if (outer && /subtests? failed/.test(error?.message ?? '')) continue;
      failures.push(`${data.name}\n${indent(describe(error))}`);
      yield `FAILED ${(data.details.duration_ms / 1000).toFixed(1).padStart(5)} s  ${data.name}\n`;
    }
    if (type === 'test:stderr' || type === 'test:stdout') yield data.message;
  }
  if (failures.length > 0) yield `\n${failures.join('\n')}\n`;
  yield `${passed} passed, ${failures.length} failed\n`;
}

const indent = (text) => text.replace(/^/gm, '    ');
const describe = (error) => {
  const cause = error?.cause ?? error;
  return cause?.stack ?? String(cause?.message ?? cause);
};
