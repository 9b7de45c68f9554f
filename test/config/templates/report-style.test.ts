import { describe, expect, test } from 'vitest';
import { REPORT_STYLE } from '../../../config/templates/report-style.js';

type Rgb = [number, number, number];

/** Custom properties of the light and the dark scheme. */
const schemes = [...REPORT_STYLE.matchAll(/:root\{color-scheme:(\w+);([^}]*)\}/g)].map(([, name = '', body = '']) => ({
  name,
  colour(key: string): Rgb {
    const hex = new RegExp(`--${key}:#([0-9a-f]+)`).exec(body)?.[1] ?? '';
    const full = hex.length === 3 ? [...hex].map((digit) => digit + digit).join('') : hex;
    if (full.length !== 6) throw new Error(`${name} has no --${key}`);
    return [0, 2, 4].map((at) => Number.parseInt(full.slice(at, at + 2), 16) / 255) as Rgb;
  },
}));

const linear = (channel: number): number => (channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4);

/** WCAG 2 contrast ratio. */
const contrast = (a: Rgb, b: Rgb): number => {
  const [x = 0, y = 0] = [a, b]
    .map(([r, g, bl]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(bl) + 0.05)
    .sort((p, q) => q - p);
  return x / y;
};

/** OKLab (Ottosson 2020). */
const oklab = (colour: Rgb): Rgb => {
  const [r, g, b] = colour.map(linear) as Rgb;
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
};

describe.each(schemes)('the $name scheme', ({ colour }) => {
  test('text has a contrast of at least 4.5 on everything that it stands on', () => {
    for (const text of ['ink', 'muted', 'accent', 'warm']) {
      expect(contrast(colour(text), colour('page')), text).toBeGreaterThanOrEqual(4.5);
    }
    for (const text of ['ink', 'accent']) {
      expect(contrast(colour(text), colour('accent-soft')), text).toBeGreaterThanOrEqual(4.5);
    }
    expect(contrast(colour('warn-ink'), colour('warn-bg'))).toBeGreaterThanOrEqual(4.5);
  });

  test('lines of charts and points of maps have a contrast of at least 3 on the page', () => {
    for (const mark of ['accent', 'warm', 'grey', 'top']) {
      expect(contrast(colour(mark), colour('page')), mark).toBeGreaterThanOrEqual(3);
    }
  });

  test('the steps of the map colours look equal, and lightness runs one way, away from the page', () => {
    const steps = [0, 1, 2, 3, 4, 5, 6].map((step) => oklab(colour(`q${step}`)));
    const apart = steps
      .slice(1)
      .map(([l, a, b], i) => Math.hypot(l - (steps[i]?.[0] ?? 0), a - (steps[i]?.[1] ?? 0), b - (steps[i]?.[2] ?? 0)));
    expect(Math.max(...apart) / Math.min(...apart)).toBeLessThan(1.1);
    const page = oklab(colour('page'))[0];
    const distances = steps.map(([lightness]) => Math.abs(lightness - page));
    expect(distances).toEqual([...distances].sort((a, b) => a - b));
  });
});

test('the sheet loads nothing and cannot end its element', () => {
  expect(schemes.map(({ name }) => name)).toEqual(['light', 'dark']);
  expect(REPORT_STYLE).not.toMatch(/url\(|@import|</);
});
