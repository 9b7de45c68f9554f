import { scaleLinear, scaleUtc } from 'd3-scale';
import { area, line } from 'd3-shape';
import { formatNumber } from './format.js';
import { cut, type Html, html } from './html.js';
import type { ReportChart } from './report-data.js';

const WIDTH = 480;
const HEIGHT = 260;
const LEFT = 56;
const RIGHT = 12;
const BOTTOM = 44;
const KEY_LINE = 18;
const NAME = 36;
const MAX_TITLE = 120;

/** How each line is told from the others, without colour too. */
const STYLES = ['champion', 'baseline', 'model n1', 'model n2'];

type Lines = Extract<ReportChart, { kind: 'lines' }>;
type Heat = Extract<ReportChart, { kind: 'heat' }>;

/** Charts of published tables, two beside each other. */
export const renderCharts = (charts: readonly ReportChart[]): Html => html`<section id="charts"><h2>Charts</h2>
<div class="pair">${charts.map(
  (
    chart,
  ) => html`<figure><figcaption>${cut(chart.title, MAX_TITLE)}${chart.note !== undefined && html`<small>${cut(chart.note, MAX_TITLE)}</small>`}</figcaption>
${chart.kind === 'lines' ? renderLines(chart) : renderHeat(chart)}</figure>
`,
)}</div></section>`;

/** Text at a place of a time axis: the day, or the hour where all lie within two days. */
function tickText(value: number, chart: Lines, span: number): string {
  if (chart.x.type === 'number') return formatNumber(value);
  const iso = new Date(value).toISOString();
  return span > 2 * 86_400_000 ? iso.slice(5, 10) : iso.slice(11, 16);
}

function renderLines(chart: Lines): Html {
  const { x: axis, lines, band } = chart;
  const known = [...lines.flatMap(({ values }) => values), ...(band === undefined ? [] : [...band.low, ...band.high])];
  const numbers = known.filter((value): value is number => value !== null);
  if (axis.values.length === 0 || numbers.length === 0) return html`<p>Nothing to draw.</p>`;
  const named = [...lines.map(({ name }) => name), ...(band === undefined ? [] : [band.name])];
  const top = named.length * KEY_LINE + 12;
  const [first, last] = [Math.min(...axis.values), Math.max(...axis.values)];
  const x = scaleLinear([first, Math.max(last, first + 1)], [LEFT, WIDTH - RIGHT]);
  const y = scaleLinear([Math.min(0, ...numbers), Math.max(...numbers, 0)], [top + HEIGHT - BOTTOM, top]).nice(5);
  const step = line<number | null>()
    .defined((value) => value !== null)
    .x((_, i) => x(axis.values[i] ?? first))
    .y((value) => y(value ?? 0))
    .digits(1);
  const shade =
    band &&
    area<number>()
      .defined((i) => band.low[i] !== null && band.high[i] !== null)
      .x((i) => x(axis.values[i] ?? first))
      .y0((i) => y(band.low[i] ?? 0))
      .y1((i) => y(band.high[i] ?? 0))
      .digits(1);
  const bottom = y.range()[0] ?? 0;
  const keys = named.map((name, i) => {
    const middle = i * KEY_LINE + 9;
    const mark =
      i < lines.length
        ? html`<line class="${STYLES[i % STYLES.length] ?? ''}" x1="${LEFT}" x2="${LEFT + 30}" y1="${middle}" y2="${middle}"/>`
        : html`<rect class="band" x="${LEFT}" y="${middle - 6}" width="30" height="12"/>`;
    return html`${mark}
<text x="${LEFT + 40}" y="${middle + 4}">${cut(name, NAME)}</text>`;
  });
  const horizontal = y.ticks(5).map(
    (tick) => html`<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(tick).toFixed(1)}" y2="${y(tick).toFixed(1)}"/>
<text x="${LEFT - 8}" y="${y(tick).toFixed(1)}" dy="4" text-anchor="end">${formatNumber(tick)}</text>`,
  );
  // Days and hours are not tens.
  const ticks = axis.type === 'time' ? scaleUtc([first, last], [0, 1]).ticks(6).map(Number) : x.ticks(6);
  const vertical = ticks.map(
    (tick) =>
      html`<text x="${x(tick).toFixed(1)}" y="${bottom + 18}" text-anchor="middle">${tickText(tick, chart, last - first)}</text>`,
  );
  const places = axis.values.map((_, i) => i);
  return html`<svg class="chart" viewBox="0 0 ${WIDTH} ${top + HEIGHT}" role="img" aria-label="${cut(`${chart.title}: ${named.join(', ')} by ${axis.name}`, MAX_TITLE)}">
${keys}<g class="grid">${horizontal}${vertical}</g>
<text class="axis" x="${(LEFT + WIDTH - RIGHT) / 2}" y="${bottom + 38}" text-anchor="middle">${cut(axis.name, NAME)}</text>
${shade && html`<path class="band" d="${shade(places) ?? ''}"/>`}${lines.map(
  ({ values }, i) => html`<path class="${STYLES[i % STYLES.length] ?? ''}" d="${step(values) ?? ''}"/>`,
)}
</svg>`;
}

/** Cells on a grid; strength of the colour is size, its kind the sign. */
function renderHeat({ title, x, y, value, cells }: Heat): Html {
  const places = (key: 'x' | 'y'): number[] => [...new Set(cells.map((cell) => cell[key]))].sort((a, b) => a - b);
  const [columns, rows] = [places('x'), places('y')];
  const most = Math.max(...cells.map((cell) => Math.abs(cell.value ?? 0)), Number.MIN_VALUE);
  if (cells.length === 0) return html`<p>Nothing to draw.</p>`;
  const width = (WIDTH - LEFT - RIGHT) / columns.length;
  const height = Math.min(26, 220 / rows.length);
  const drawn = cells.map((cell) => {
    const size = cell.value ?? 0;
    const at = html`x="${(LEFT + columns.indexOf(cell.x) * width).toFixed(1)}" y="${(rows.indexOf(cell.y) * height).toFixed(1)}"`;
    const said = `${x} ${formatNumber(cell.x)}, ${y} ${formatNumber(cell.y)}: ${formatNumber(cell.value)}`;
    return html`<rect class="${size < 0 ? 'baseline' : 'champion'}" ${at} width="${(width - 1).toFixed(1)}" height="${(height - 1).toFixed(1)}" fill-opacity="${(Math.abs(size) / most).toFixed(2)}"><title>${said}</title></rect>
`;
  });
  const bottom = rows.length * height;
  const every = Math.max(1, Math.ceil(columns.length / 12));
  return html`<svg class="chart" viewBox="0 0 ${WIDTH} ${(bottom + 60).toFixed(1)}" role="img" aria-label="${cut(`${title}: ${value} by ${x} and ${y}`, MAX_TITLE)}">
${drawn}${columns
  .filter((_, i) => i % every === 0)
  .map(
    (one) =>
      html`<text class="axis" x="${(LEFT + (columns.indexOf(one) + 0.5) * width).toFixed(1)}" y="${(bottom + 16).toFixed(1)}" text-anchor="middle">${formatNumber(one)}</text>`,
  )}${rows.map(
  (one, i) =>
    html`<text class="axis" x="${LEFT - 8}" y="${((i + 0.5) * height + 4).toFixed(1)}" text-anchor="end">${formatNumber(one)}</text>`,
)}
<text class="axis" x="${(LEFT + WIDTH - RIGHT) / 2}" y="${(bottom + 38).toFixed(1)}" text-anchor="middle">${cut(x, NAME)} across, ${cut(y, NAME)} down; ${cut(value, NAME)} up to ±${formatNumber(most)}</text>
</svg>`;
}
