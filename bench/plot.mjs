// SPDX-License-Identifier: Apache-2.0
// Line charts as SVG text: a few series over one axis each way, with the spread of each point where it is known.
//   chart({title, note, x: {label, log}, y: {label, log}, series: [{name, points: [[x, y, low?, high?], …]}]})
// Values must be above 0 on a logarithmic axis.

// Okabe and Ito's palette: told apart with any colour vision, and each series has a mark of its own.
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00'];
const MARKS = [
  (x, y) => `<circle cx="${x}" cy="${y}" r="4"/>`,
  (x, y) => `<rect x="${x - 3.5}" y="${y - 3.5}" width="7" height="7"/>`,
  (x, y) => `<path d="M${x} ${y - 5}l4.6 8h-9.2z"/>`,
  (x, y) => `<path d="M${x} ${y - 5.5}l4.5 5.5-4.5 5.5-4.5-5.5z"/>`,
];
const SIZE = { width: 640, height: 360 };
const PLOT = { left: 64, right: 500, top: 44, bottom: 300 };

const escape = (text) => String(text).replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]);
const round = (value) => Math.round(value * 10) / 10;
const format = (value) => (value >= 1000 ? String(Math.round(value)) : String(Number(value.toPrecision(3))));

function linearTicks(high) {
  const rough = high / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((s) => s >= rough);
  return Array.from({ length: Math.floor(high / step + 1e-9) + 1 }, (_, i) => i * step);
}

function logTicks(low, high) {
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); ++power) {
    for (const n of [1, 2, 5]) {
      const tick = n * 10 ** power;
      if (tick >= low * 0.999 && tick <= high * 1.001) ticks.push(tick);
    }
  }
  return ticks;
}

/** Value → pixel, and the ticks. */
function axis({ log, ticks }, values, from, to) {
  const high = Math.max(...values) * (log ? 1.15 : 1.08);
  const low = log ? Math.min(...values) / 1.15 : 0;
  const place = log
    ? (v) => from + ((Math.log(v) - Math.log(low)) / (Math.log(high) - Math.log(low))) * (to - from)
    : (v) => from + ((v - low) / (high - low)) * (to - from);
  return { place: (v) => round(place(v)), ticks: ticks ?? (log ? logTicks(low, high) : linearTicks(high)) };
}

function drawSeries({ name, points }, index, x, y) {
  const colour = COLOURS[index % COLOURS.length];
  const at = points.map(([px, py]) => [x.place(px), y.place(py)]);
  const spread = points
    .filter(([, , low, high]) => low !== undefined && high !== undefined && high > low)
    .map(([px, , low, high]) => `<path d="M${x.place(px)} ${y.place(low)}V${y.place(high)}"/>`);
  const labelY = PLOT.top + 10 + 20 * index;
  return [
    `<g fill="none" stroke="${colour}" stroke-width="1.5"><path d="M${at.map(([px, py]) => `${px} ${py}`).join('L')}"/>${spread.join('')}</g>`,
    `<g fill="${colour}">${at.map(([px, py]) => MARKS[index % MARKS.length](px, py)).join('')}`,
    `${MARKS[index % MARKS.length](PLOT.right + 16, labelY - 4)}<text x="${PLOT.right + 26}" y="${labelY}">${escape(name)}</text></g>`,
  ].join('');
}

export function chart({ title, note = '', x: xAxis, y: yAxis, series }) {
  const points = series.flatMap((one) => one.points);
  const x = axis(xAxis, points.map(([px]) => px), PLOT.left, PLOT.right);
  const y = axis(yAxis, points.flatMap(([, ...values]) => values.filter((v) => v !== undefined)), PLOT.bottom, PLOT.top);
  const grid = [
    ...x.ticks.map((t) => `<path d="M${x.place(t)} ${PLOT.bottom}v5"/><text x="${x.place(t)}" y="${PLOT.bottom + 19}" text-anchor="middle">${format(t)}</text>`),
    ...y.ticks.map((t) => `<path d="M${PLOT.left} ${y.place(t)}H${PLOT.right}" stroke="#ddd"/><text x="${PLOT.left - 8}" y="${y.place(t) + 4}" text-anchor="end">${format(t)}</text>`),
  ];
  const middle = (PLOT.top + PLOT.bottom) / 2;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${SIZE.width} ${SIZE.height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${SIZE.width}" height="${SIZE.height}" fill="#fff"/>`,
    `<text x="${PLOT.left}" y="24" font-size="15" font-weight="bold">${escape(title)}</text>`,
    `<g stroke="#888" fill="none">${grid.map((g) => g.replace('<text', '<text stroke="none" fill="#333"')).join('')}<path d="M${PLOT.left} ${PLOT.top}V${PLOT.bottom}H${PLOT.right}"/></g>`,
    `<text x="${(PLOT.left + PLOT.right) / 2}" y="${PLOT.bottom + 38}" text-anchor="middle" fill="#333">${escape(xAxis.label)}</text>`,
    `<text transform="rotate(-90 16 ${middle})" x="16" y="${middle}" text-anchor="middle" fill="#333">${escape(yAxis.label)}</text>`,
    ...series.map((one, index) => drawSeries(one, index, x, y)),
    `<text x="${PLOT.left}" y="${SIZE.height - 6}" font-size="10" fill="#777">${escape(note)}</text>`,
    '</svg>\n',
  ].join('\n');
}
