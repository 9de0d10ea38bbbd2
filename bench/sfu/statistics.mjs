// SPDX-License-Identifier: Apache-2.0
// Medians and spreads of a few runs, and how they are written down.

export function median(values) {
  const sorted = values.filter((v) => v !== null && v !== undefined && !Number.isNaN(v)).sort((a, b) => a - b);
  if (sorted.length === 0) return null;
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2;
}

/** {median, low, high, count} of a figure over runs. */
export function spread(values) {
  const known = values.filter((v) => Number.isFinite(v));
  if (known.length === 0) return null;
  return { median: median(known), low: Math.min(...known), high: Math.max(...known), count: known.length };
}

/** Three significant digits, without exponents. */
export const short = (value) => {
  if (value === null || value === undefined || !Number.isFinite(value)) return '-';
  return Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
};

export const withSpread = (s) => (s ? `${short(s.median)} (${short(s.low)}-${short(s.high)})` : '-');

/** A Markdown table of rows of cells. */
export function table(header, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}
