import { type ScaleLinear, scaleLinear } from 'd3-scale';
import { line } from 'd3-shape';
import { formatNumber, formatShare } from './format.js';
import { cut, type Html, html } from './html.js';

/** What a series is decides how it is drawn: colour and dash, so that it is told apart without colour too. */
export type SeriesKind = 'champion' | 'baseline' | 'model';

export interface Curve {
  name: string;
  kind: SeriesKind;
  /** Shares from (0, 0) to (1, 1), ascending. */
  points: readonly { rows: number; gain: number }[];
}

export interface LiftChart {
  /** What the rows are, and what is found among them. */
  rows: string;
  gain: string;
  /** A share of rows to read the champion's curve at. */
  mark?: number | undefined;
  curves: readonly Curve[];
}

const WIDTH = 480;
/** Of the plot alone; the key stands above it. */
const HEIGHT = 400;
const LEFT = 62;
const RIGHT = 14;
const BOTTOM = 46;
const KEY_LINE = 18;
const NAME_LENGTH = 36;
const TICKS = [0, 0.2, 0.4, 0.6, 0.8, 1];

/** Second and later series of a kind differ by dash. */
const seriesClass = (series: readonly { kind: SeriesKind }[], i: number): string => {
  const kind = series[i]?.kind ?? 'model';
  const nth = series.slice(0, i).filter((other) => other.kind === kind).length;
  return `${kind} n${Math.min(nth, 2)}`;
};

const at = (points: Curve['points'], share: number): number | undefined => {
  for (let i = 1; i < points.length; i++) {
    const [a, b] = [points[i - 1], points[i]];
    if (a === undefined || b === undefined || b.rows < share) continue;
    return b.rows === a.rows ? b.gain : a.gain + ((share - a.rows) / (b.rows - a.rows)) * (b.gain - a.gain);
  }
  return undefined;
};

interface Plot {
  x: ScaleLinear<number, number>;
  y: ScaleLinear<number, number>;
}

const axes = ({ x, y }: Plot, { rows, gain }: LiftChart): Html => {
  const [left, right, bottom, top] = [x(0), x(1), y(0), y(1)];
  const horizontal = TICKS.map((tick) => {
    const at = y(tick).toFixed(1);
    return html`<line x1="${left}" x2="${right}" y1="${at}" y2="${at}"/>
<text x="${left - 8}" y="${at}" dy="4" text-anchor="end">${formatShare(tick, 0)}</text>`;
  });
  const vertical = TICKS.map((tick) => {
    const at = x(tick).toFixed(1);
    return html`<line x1="${at}" x2="${at}" y1="${top}" y2="${bottom}"/>
<text x="${at}" y="${bottom + 18}" text-anchor="${tick === 1 ? 'end' : 'middle'}">${formatShare(tick, 0)}</text>`;
  });
  return html`<g class="grid">${horizontal}${vertical}</g>
<text class="axis" x="${(left + right) / 2}" y="${bottom + 40}" text-anchor="middle">share of ${cut(rows, NAME_LENGTH)}, best first</text>
<text class="axis" transform="translate(12 ${(top + bottom) / 2}) rotate(-90)" text-anchor="middle">share of ${cut(gain, NAME_LENGTH)}</text>`;
};

/**
 * The lift (cumulative gains) curve: what share is found in the top share of rows, against rows taken at random. The key
 * reads every curve at the mark, between its points by straight lines, hence in whole per cent.
 */
export const renderLift = (chart: LiftChart): Html => {
  const { curves, mark } = chart;
  const head = mark === undefined ? 0 : KEY_LINE;
  const top = head + (curves.length + 1) * KEY_LINE + 14;
  const x = scaleLinear([0, 1], [LEFT, WIDTH - RIGHT]);
  const y = scaleLinear([0, 1], [top + HEIGHT - BOTTOM, top]);
  const path = line<{ rows: number; gain: number }>()
    .x(({ rows }) => x(rows))
    .y(({ gain }) => y(gain))
    .digits(1);
  const reading = (gain: number | undefined): string =>
    gain === undefined || mark === undefined ? '' : `${formatShare(gain, 0)}\u2002${(gain / mark).toFixed(1)}\u00a0×`;
  const read = (points: Curve['points']): number | undefined => (mark === undefined ? undefined : at(points, mark));
  const key = (i: number, style: string, name: string, gain: number | undefined): Html => {
    const middle = head + i * KEY_LINE + 9;
    return html`<line class="${style}" x1="${LEFT}" x2="${LEFT + 30}" y1="${middle}" y2="${middle}"/>
<text x="${LEFT + 40}" y="${middle + 4}">${cut(name, NAME_LENGTH)}</text>
<text x="${WIDTH - RIGHT}" y="${middle + 4}" text-anchor="end">${reading(gain)}</text>`;
  };
  const heading =
    mark !== undefined &&
    html`<text class="axis" x="${WIDTH - RIGHT}" y="13" text-anchor="end">in the top ${formatShare(mark, 0)}, lift</text>`;
  const keys = curves.map(({ name, points }, i) => key(i, seriesClass(curves, i), name, read(points)));
  // The champion comes first and is drawn last, over the others.
  const lines = curves.map(
    ({ points }, i) => html`<path class="${seriesClass(curves, i)}" d="${path(points) ?? ''}"/>`,
  );
  const champion = curves.find(({ kind }) => kind === 'champion');
  const found = champion === undefined ? undefined : read(champion.points);
  const marked =
    mark !== undefined &&
    found !== undefined &&
    html`<line class="mark" x1="${x(mark).toFixed(1)}" x2="${x(mark).toFixed(1)}" y1="${y(0)}" y2="${y(found).toFixed(1)}"/>
<circle class="champion" cx="${x(mark).toFixed(1)}" cy="${y(found).toFixed(1)}" r="4"/>`;
  const words = curves.map(({ name, points }) => `${cut(name, NAME_LENGTH)} ${reading(read(points))}. `);
  return html`<svg class="chart" viewBox="0 0 ${WIDTH} ${top + HEIGHT}" role="img" aria-labelledby="lift-title lift-desc">
<title id="lift-title">Lift curve</title>
<desc id="lift-desc">Share of ${cut(chart.gain, NAME_LENGTH)} found in the top share of ${cut(chart.rows, NAME_LENGTH)}. ${words}</desc>
${heading}${keys}${key(curves.length, 'random', 'at random', mark)}
${axes({ x, y }, chart)}
<line class="random" x1="${x(0)}" y1="${y(0)}" x2="${x(1)}" y2="${y(1)}"/>
${lines.reverse()}${marked}
</svg>`;
};

export interface Bars {
  metric: string;
  better: 'higher' | 'lower';
  groups: readonly { title: string; bars: readonly { name: string; kind: SeriesKind; value: number }[] }[];
}

const BAR_HEIGHT = 10;
const BAR_STEP = 34;
const TITLE_STEP = 24;
const GROUP_GAP = 20;
/** Room for the figure behind the longest bar. */
const FIGURE_WIDTH = 70;

/** One metric under several ways of evaluation, a group of bars each. Bars begin at zero, also where values are negative. */
export const renderBars = ({ metric, better, groups }: Bars): Html => {
  const values = groups.flatMap(({ bars }) => bars.map(({ value }) => value));
  const x = scaleLinear([Math.min(0, ...values), Math.max(0, ...values)], [0, WIDTH - FIGURE_WIDTH]);
  let y = 0;
  const drawn = groups.map(({ title, bars }) => {
    const heading = html`<text class="strong" y="${y + 14}">${cut(title, NAME_LENGTH)}</text>`;
    y += TITLE_STEP;
    const lines = bars.map(({ name, value }, i) => {
      const [from, to] = [Math.min(x(0), x(value)), Math.max(x(0), x(value))];
      const top = y + 16;
      y += BAR_STEP;
      return html`<text y="${top - 5}">${cut(name, NAME_LENGTH)}</text>
<rect class="${seriesClass(bars, i)}" x="${from.toFixed(1)}" y="${top}" width="${Math.max(1, to - from).toFixed(1)}" height="${BAR_HEIGHT}" rx="1.5"/>
<text x="${(to + 8).toFixed(1)}" y="${top + 9}">${formatNumber(value)}</text>`;
    });
    y += GROUP_GAP;
    return html`<g>${heading}${lines}</g>`;
  });
  const words = groups.map(
    ({ title, bars }) => `${title}: ${bars.map(({ name, value }) => `${name} ${formatNumber(value)}`).join(', ')}. `,
  );
  return html`<svg class="chart" viewBox="0 0 ${WIDTH} ${Math.max(1, y - GROUP_GAP)}" role="img" aria-labelledby="bars-title bars-desc">
<title id="bars-title">${cut(metric, NAME_LENGTH)} by way of evaluation</title>
<desc id="bars-desc">${better} is better. ${cut(words.join(''), 1000)}</desc>
${drawn}
</svg>`;
};
