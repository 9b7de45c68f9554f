import { type GeoContext, geoArea } from 'd3-geo';
import type { MultiPolygon, Polygon, Position } from 'geojson';
import { partsOf } from './antimeridian.js';

/** Fewer corners enclose nothing. */
const LEAST_CORNERS = 3;

/**
 * A canvas for d3's `geoPath` that writes compact SVG path text: whole numbers on a grid of `1/scale` pixels, relative
 * steps, without repeats, without points on a straight line, and without rings that the grid makes vanish.
 */
export class GridPath implements GeoContext {
  private readonly parts: string[] = [];
  private readonly xs: number[] = [];
  private readonly ys: number[] = [];

  constructor(
    private readonly scale: number,
    private readonly offset: readonly [x: number, y: number] = [0, 0],
  ) {}

  beginPath(): void {
    this.xs.length = 0;
    this.ys.length = 0;
  }

  moveTo(x: number, y: number): void {
    this.flush(false);
    this.add(x, y);
  }

  lineTo(x: number, y: number): void {
    this.add(x, y);
  }

  closePath(): void {
    this.flush(true);
  }

  /** Points are drawn by the map itself, never through a path. */
  arc(): void {}

  /** The path text so far; empty where nothing is visible. Begins anew. */
  take(): string {
    this.flush(false);
    const text = this.parts.join('');
    this.parts.length = 0;
    return text;
  }

  private add(x: number, y: number): void {
    const gx = Math.round((x + this.offset[0]) * this.scale);
    const gy = Math.round((y + this.offset[1]) * this.scale);
    const { xs, ys } = this;
    const n = xs.length;
    if (n > 0 && xs[n - 1] === gx && ys[n - 1] === gy) return;
    if (n > 1 && this.straight(n, gx, gy)) {
      xs[n - 1] = gx;
      ys[n - 1] = gy;
      return;
    }
    xs.push(gx);
    ys.push(gy);
  }

  /** Whether the last point lies on the straight way from the one before it to the next. Exact: all are small whole numbers. */
  private straight(n: number, x: number, y: number): boolean {
    const { xs, ys } = this;
    const ax = (xs[n - 1] ?? 0) - (xs[n - 2] ?? 0);
    const ay = (ys[n - 1] ?? 0) - (ys[n - 2] ?? 0);
    const bx = x - (xs[n - 1] ?? 0);
    const by = y - (ys[n - 1] ?? 0);
    return ax * by === ay * bx && ax * bx + ay * by > 0;
  }

  private flush(close: boolean): void {
    const { xs, ys } = this;
    let n = xs.length;
    if (close && n > 1 && xs[0] === xs[n - 1] && ys[0] === ys[n - 1]) n--;
    if (n >= (close ? LEAST_CORNERS : 2)) {
      let text = `M${xs[0]} ${ys[0]}l`;
      for (let i = 1; i < n; i++) {
        const dx = (xs[i] ?? 0) - (xs[i - 1] ?? 0);
        const dy = (ys[i] ?? 0) - (ys[i - 1] ?? 0);
        // A minus sign separates by itself.
        text += `${i > 1 && dx >= 0 ? ' ' : ''}${dx}${dy >= 0 ? ' ' : ''}${dy}`;
      }
      this.parts.push(close ? `${text}z` : text);
    }
    xs.length = 0;
    ys.length = 0;
  }
}

const HALF_SPHERE = 2 * Math.PI;

/**
 * Rings wound as d3-geo reads them (clockwise shells, the opposite of RFC 7946). A ring is judged by its area on the
 * sphere, not in the plane: one over the antimeridian would be turned inside out and fill the whole map.
 */
export const windForD3 = (geometry: Polygon | MultiPolygon): MultiPolygon => ({
  type: 'MultiPolygon',
  coordinates: partsOf(geometry).map((rings) => rings.map((ring, i) => windRing(ring, i > 0))),
});

const windRing = (ring: Position[], hole: boolean): Position[] => {
  const encloses = geoArea({ type: 'Polygon', coordinates: [ring] }) > HALF_SPHERE;
  return encloses === hole ? ring : [...ring].reverse();
};
