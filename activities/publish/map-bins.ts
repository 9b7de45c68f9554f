import { type Bounds, pointBounds } from './bounds.js';
import { mapFrame, type ProjectionName } from './map-frame.js';

/** Hexagons on a map, for tables of points: what the report keeps of any number of rows. */
export interface HexBins {
  /** The box that the map shows, degrees. */
  extent: Bounds;
  /** From the middle of a hexagon to a corner, pixels of the map's frame. */
  radius: number;
  /** Middle in pixels of the frame, rows in the hexagon, and their aggregate (null where all are missing). */
  cells: { x: number; y: number; rows: number; value: number | null }[];
  /** Rows that the projection does not show, or without a place. */
  outside: number;
}

export interface BinOptions {
  projection: ProjectionName;
  /** The box to show, degrees. Default: the box of the points. */
  extent?: Bounds;
  /** How values of one hexagon become one. Default `mean`. */
  aggregate?: 'mean' | 'sum' | 'max';
  /** At most so many hexagons. Default 4,000. */
  maxCells?: number;
}

const SMALLEST_RADIUS = 4;
const MAX_CELLS = 4000;
const SQRT3 = Math.sqrt(3);

/**
 * Bins points into hexagons of the projected map, the smallest (radius 4 px, then each half as large again) of which at
 * most `maxCells` are occupied. Degrees; `value` NaN = missing. Sums run in the order of the rows. The hexagon of a
 * point is found as in d3-hexbin (Bostock): the nearer of the two candidate centres on neighbouring rows.
 */
export const binPoints = (
  points: { lon: Float64Array; lat: Float64Array; value: Float64Array },
  { projection: name, extent: asked, aggregate = 'mean', maxCells = MAX_CELLS }: BinOptions,
): HexBins => {
  const { lon, lat, value } = points;
  const extent = asked ?? pointBounds(lon, lat) ?? [-180, -90, 180, 90];
  const frame = mapFrame(name, extent);
  const x = new Float64Array(lon.length);
  const y = new Float64Array(lon.length);
  let outside = 0;
  for (let i = 0; i < lon.length; i++) {
    const at = frame.projection([lon[i] ?? Number.NaN, lat[i] ?? Number.NaN]);
    const shown = at !== null && Number.isFinite(at[0]) && Number.isFinite(at[1]);
    if (!shown) outside++;
    x[i] = shown ? at[0] : Number.NaN;
    y[i] = shown ? at[1] : Number.NaN;
  }
  for (let radius = SMALLEST_RADIUS; ; radius *= 1.5) {
    const cells = binAt(radius, x, y, value, aggregate, maxCells);
    if (cells !== undefined) return { extent, radius, cells, outside };
  }
};

/** The hexagons of one radius in rows from the top; undefined as soon as they are more than allowed. */
const binAt = (
  radius: number,
  x: Float64Array,
  y: Float64Array,
  value: Float64Array,
  aggregate: 'mean' | 'sum' | 'max',
  maxCells: number,
): HexBins['cells'] | undefined => {
  const dx = radius * SQRT3;
  const dy = radius * 1.5;
  const slots = new Map<number, number>();
  const keys = new Float64Array(maxCells);
  const rows = new Float64Array(maxCells);
  const known = new Float64Array(maxCells);
  const total = new Float64Array(maxCells);
  for (let i = 0; i < x.length; i++) {
    const px = x[i] ?? Number.NaN;
    if (Number.isNaN(px)) continue;
    const py = (y[i] ?? 0) / dy;
    let row = Math.round(py);
    const half = (row & 1) / 2;
    let column = Math.round(px / dx - half);
    const offRow = py - row;
    if (Math.abs(offRow) * 3 > 1) {
      const offColumn = px / dx - half - column;
      const column2 = column + Math.sign(offColumn || 1) / 2;
      const row2 = row + Math.sign(offRow);
      const offColumn2 = px / dx - half - column2;
      const offRow2 = py - row2;
      if (offColumn * offColumn + offRow * offRow * 0.75 > offColumn2 * offColumn2 + offRow2 * offRow2 * 0.75) {
        column = column2 + (row & 1 ? 0.5 : -0.5);
        row = row2;
      }
    }
    // Frames are some hundred hexagons wide, so rows and columns fit one exact number.
    const key = row * 65536 + column;
    let slot = slots.get(key);
    if (slot === undefined) {
      slot = slots.size;
      if (slot === maxCells) return undefined;
      slots.set(key, slot);
      keys[slot] = key;
      total[slot] = aggregate === 'max' ? Number.NEGATIVE_INFINITY : 0;
    }
    rows[slot] = (rows[slot] ?? 0) + 1;
    const v = value[i] ?? Number.NaN;
    if (Number.isNaN(v)) continue;
    known[slot] = (known[slot] ?? 0) + 1;
    total[slot] = aggregate === 'max' ? Math.max(total[slot] ?? v, v) : (total[slot] ?? 0) + v;
  }
  const order = Array.from(slots.values()).sort((a, b) => (keys[a] ?? 0) - (keys[b] ?? 0));
  return order.map((slot) => {
    const key = keys[slot] ?? 0;
    const row = Math.round(key / 65536);
    const column = key - row * 65536;
    const n = known[slot] ?? 0;
    const sum = total[slot] ?? 0;
    return {
      x: Math.round((column + (row & 1) / 2) * dx * 10) / 10,
      y: Math.round(row * dy * 10) / 10,
      rows: rows[slot] ?? 0,
      value: n === 0 ? null : aggregate === 'mean' ? sum / n : sum,
    };
  });
};
