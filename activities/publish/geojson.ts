import { rewind } from '@turf/turf';
import type { MultiPolygon, Polygon, Position } from 'geojson';
import { GeorefreshError } from '../../config/errors.js';
import { cutAtAntimeridian, longitudeSpan, partsOf } from './antimeridian.js';
import { type Bounds, longitudeArc, pointBounds } from './bounds.js';

/** RFC 7946 §11.2: six decimals are about 10 cm. */
const DECIMALS = 6;

export type Row = Readonly<Record<string, unknown>>;

export interface PointColumns {
  /** Names of the columns of longitude and latitude, degrees WGS 84. */
  lon: string;
  lat: string;
  /** Name of the column of the features' ids, text or numbers. */
  id: string;
  /** Columns that become properties, in this order. */
  properties: readonly string[];
}

/** A polygon with its id and properties; rings in any winding, longitudes within ±180. */
export interface PolygonRow {
  id: string | number;
  geometry: Polygon | MultiPolygon;
  properties: Row;
}

/** Decimal rounding as written: `toFixed` rounds the double's exact value, and -0 becomes 0. */
const round = (degrees: number): number => Number(degrees.toFixed(DECIMALS)) + 0;

/** JSON has no NaN, infinity, bigint or instant; -0 would read back as another text than 0. */
const plain = (value: unknown): unknown => {
  if (typeof value === 'number') return Number.isFinite(value) ? value + 0 : null;
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  return value === undefined ? null : value;
};

const propertiesOf = (row: Row, names: readonly string[]): Record<string, unknown> => {
  // No prototype, so that a column called __proto__ is a property like any other.
  const properties: Record<string, unknown> = Object.create(null);
  for (const name of names) properties[name] = plain(Object.hasOwn(row, name) ? row[name] : null);
  return properties;
};

const idOf = (value: unknown): { id?: string | number } => {
  const id = plain(value);
  return typeof id === 'string' || typeof id === 'number' ? { id } : {};
};

/** One feature a line, so that two collections differ by lines. */
const collection = (bounds: Bounds | undefined, features: readonly object[]): string => {
  const head = bounds === undefined ? '' : `"bbox":${JSON.stringify(bounds)},`;
  const lines = features.map((item) => JSON.stringify(item)).join(',\n');
  return `{"type":"FeatureCollection",${head}"features":[${lines === '' ? '' : `\n${lines}\n`}]}\n`;
};

const degrees = (value: unknown, limit: number, column: string, row: number): number => {
  if (value === null || value === undefined) return Number.NaN;
  const number = typeof value === 'number' ? value : Number.NaN;
  if (Math.abs(number) > limit || (typeof value !== 'number' && value !== '')) {
    throw new GeorefreshError('GR-2104', `${column} is ${String(value)}, not degrees within ±${limit}`, {
      where: [{ row: row + 1, note: column }],
    });
  }
  return number;
};

/**
 * Rows as GeoJSON points after RFC 7946: coordinates lon, lat with six decimals, `bbox` around all (west > east where it
 * crosses the antimeridian, §5.2), no `crs`. NaN and undefined become null; a row without a place has a null geometry.
 * The text is UTF-8 safe, the same for the same rows, one feature a line. Throws GR-2104 for degrees out of range.
 */
export const pointsGeoJson = (rows: readonly Row[], columns: PointColumns): string => {
  const lon = new Float64Array(rows.length);
  const lat = new Float64Array(rows.length);
  const features = rows.map((row, i) => {
    const x = round(degrees(row[columns.lon], 180, columns.lon, i));
    const y = round(degrees(row[columns.lat], 90, columns.lat, i));
    lon[i] = x;
    lat[i] = y;
    const placed = Number.isFinite(x) && Number.isFinite(y);
    return {
      type: 'Feature',
      ...idOf(row[columns.id]),
      geometry: placed ? { type: 'Point', coordinates: [x, y] } : null,
      properties: propertiesOf(row, columns.properties),
    };
  });
  return collection(pointBounds(lon, lat), features);
};

/** Six decimals, without the repeats that rounding makes; undefined where fewer than four positions are left. */
const truncateRing = (ring: readonly Position[]): Position[] | undefined => {
  const out: Position[] = [];
  for (const [x = 0, y = 0] of ring) {
    const last = out[out.length - 1];
    const next = [round(x), round(y)];
    if (last === undefined || last[0] !== next[0] || last[1] !== next[1]) out.push(next);
  }
  return out.length < 4 ? undefined : out;
};

const truncatePart = (part: readonly Position[][]): Position[][] | undefined => {
  const [outer, ...holes] = part.map(truncateRing);
  return outer === undefined ? undefined : [outer, ...holes.filter((hole) => hole !== undefined)];
};

const polygonGeometry = (geometry: Polygon | MultiPolygon): Polygon | MultiPolygon | null => {
  const parts = partsOf(geometry).flatMap(cutAtAntimeridian).map(truncatePart);
  const kept = parts.filter((part) => part !== undefined);
  const [only] = kept;
  if (only === undefined) return null;
  const shape: Polygon | MultiPolygon =
    kept.length === 1 ? { type: 'Polygon', coordinates: only } : { type: 'MultiPolygon', coordinates: kept };
  // rewind's type forgets that it returns what it was given.
  return rewind(shape) as Polygon | MultiPolygon;
};

/**
 * Polygons as GeoJSON after RFC 7946: right-hand rings, six decimals, cut at the antimeridian, `bbox` around all.
 * Rings that rounding leaves with fewer than four positions are dropped; a feature left without any has a null geometry.
 */
export const polygonsGeoJson = (rows: readonly PolygonRow[], properties: readonly string[]): string => {
  const west: number[] = [];
  const east: number[] = [];
  let [south, north] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const features = rows.map((row) => {
    const geometry = polygonGeometry(row.geometry);
    for (const [shell = []] of geometry === null ? [] : partsOf(geometry)) {
      const [w, e] = longitudeSpan(shell);
      west.push(w);
      east.push(e);
      for (const [, y = 0] of shell) {
        south = Math.min(south, y);
        north = Math.max(north, y);
      }
    }
    return { type: 'Feature', id: row.id, geometry, properties: propertiesOf(row.properties, properties) };
  });
  const [w, e] = longitudeArc(west, east);
  return collection(west.length === 0 ? undefined : [w, south, e, north], features);
};
