import { scaleQuantile } from 'd3-scale';
import { formatNumber } from './format.js';
import { cut, type Html, html } from './html.js';

/** Steps of the colour scale, from low to high: the classes q0 … q6 of the style sheet. */
export const CLASSES = [0, 1, 2, 3, 4, 5, 6] as const;
const LAST = CLASSES.length - 1;

/** Pixels that the legend takes above a map. */
export const LEGEND_HEIGHT = 52;
const SWATCH = 56;
const TEXT_LENGTH = 40;

/** Classes of about equal numbers of areas; fewer where values repeat (many zeros). Bounds ascend, first and last are the extremes. */
export interface Classes {
  breaks: number[];
  /** Step of the colour scale (0–6) of a value, or `none`. */
  of(value: number | null): string;
}

export const classify = (values: readonly (number | null)[]): Classes => {
  const known = values.filter((value): value is number => value !== null && Number.isFinite(value));
  if (known.length === 0) return { breaks: [], of: () => 'none' };
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of known) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const cuts = scaleQuantile<number>().domain(known).range(CLASSES).quantiles();
  const thresholds = [...new Set(cuts)].filter((cut) => cut > low);
  const spread = thresholds.length === 0 ? 0 : LAST / thresholds.length;
  return {
    breaks: [low, ...thresholds, high],
    of: (value) => {
      if (value === null || !Number.isFinite(value)) return 'none';
      let step = 0;
      while (step < thresholds.length && value >= (thresholds[step] ?? Number.POSITIVE_INFINITY)) step++;
      return String(Math.round(step * spread));
    },
  };
};

/** Two digits are enough to read a colour by; whole numbers stay whole. */
export const breakText = (value: number): string => {
  if (value === 0 || Math.abs(value) >= 10) return formatNumber(value, 0);
  return formatNumber(value, Number.isInteger(value) ? 0 : Math.min(8, 1 - Math.floor(Math.log10(Math.abs(value)))));
};

/** Colours with the values between them, and what else is on the map. Drawn from (0, 0), `LEGEND_HEIGHT` high. */
export const renderLegend = (
  label: string,
  { breaks }: Classes,
  { blank, points }: { blank: boolean; points: string | undefined },
): Html => {
  const steps = breaks.length === 0 ? 0 : Math.max(1, breaks.length - 1);
  const spread = steps <= 1 ? 0 : LAST / (steps - 1);
  const swatches = Array.from(
    { length: steps },
    (_, i) => html`<rect class="q${Math.round(i * spread)}" x="${i * SWATCH}" y="17" width="${SWATCH}" height="11"/>`,
  );
  // A least value of many zeros behind the point would run into its neighbour and say no more than this.
  const [low = 0, second = 0] = breaks;
  const nearZero = low !== 0 && Math.abs(low) < Math.abs(second) / 100;
  const ticks = breaks.map((value, i) => {
    const anchor = i === 0 ? 'start' : i === steps ? 'end' : 'middle';
    return html`<text class="tick" x="${i * SWATCH}" y="43" text-anchor="${anchor}">${i === 0 && nearZero ? '~0' : breakText(value)}</text>`;
  });
  let next = steps * SWATCH + 36;
  const others: Html[] = [];
  if (blank) {
    others.push(
      html`<rect class="qnone" x="${next}" y="17" width="20" height="11"/><text x="${next + 28}" y="27">no value</text>`,
    );
    next += 112;
  }
  if (points !== undefined) {
    others.push(
      html`<circle class="top" cx="${next + 5}" cy="22.5" r="4.5"/><text x="${next + 17}" y="27">${cut(points, TEXT_LENGTH)}</text>`,
    );
  }
  return html`<g class="legend"><text class="strong" y="10">${label}</text>${swatches}${ticks}${others}</g>`;
};
