import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { feature } from 'topojson-client';
import type { GeometryCollection, Topology } from 'topojson-specification';
import { type Random, runningTotals } from '../../../samples.js';
import {
  type Box,
  centroid,
  cosine,
  distanceKm,
  inBox,
  insidePolygon,
  KM_PER_DEGREE,
  type LonLat,
  moved,
  type Polygon,
  polygonOf,
  rounded,
  roundedPoint,
  union,
} from './geometry.js';
import { STATES } from './states.js';

export interface County {
  fips: string;
  name: string;
  /** Index into STATES. */
  state: number;
  polygons: Polygon[];
  /** Running totals of the polygons' km², for drawing one in proportion. */
  totals: Float64Array;
  box: Box;
  km2: number;
  /** Centroid of the largest polygon; not always inside it. */
  centre: LonLat;
}

export interface Atlas {
  /** Ordered by FIPS; the states of STATES only. */
  counties: County[];
  /** Names by state FIPS, as the atlas spells them. */
  stateNames: Map<string, string>;
}

interface Names {
  name: string;
}

/** The bytes of the counties' TopoJSON, as npm's us-atlas ships them. */
export const atlasBytes = (): Uint8Array =>
  readFileSync(createRequire(import.meta.url).resolve('us-atlas/counties-10m.json'));

export function loadAtlas(): Atlas {
  const topology = JSON.parse(new TextDecoder().decode(atlasBytes())) as Topology<{
    counties: GeometryCollection<Names>;
    states: GeometryCollection<Names>;
  }>;
  const stateOf = new Map(STATES.map(({ fips }, index) => [fips, index]));
  const counties: County[] = [];
  for (const { id, properties, geometry } of feature(topology, topology.objects.counties).features) {
    const fips = String(id);
    const state = stateOf.get(fips.slice(0, 2));
    if (state === undefined) continue;
    const parts =
      geometry.type === 'MultiPolygon'
        ? geometry.coordinates
        : geometry.type === 'Polygon'
          ? [geometry.coordinates]
          : [];
    const polygons = parts.map(polygonOf).filter((polygon) => polygon.km2 > 0);
    // A county all of whose rings were thinned to nothing holds no point.
    if (polygons.length === 0) continue;
    const largest = polygons.reduce((best, polygon) => (polygon.km2 > best.km2 ? polygon : best));
    counties.push({
      fips,
      name: properties.name,
      state,
      polygons,
      totals: runningTotals(polygons.map(({ km2 }) => km2)),
      box: polygons.map(({ box }) => box).reduce(union),
      km2: polygons.reduce((sum, { km2 }) => sum + km2, 0),
      centre: centroid(largest.rings[0] as Float64Array),
    });
  }
  counties.sort((a, b) => (a.fips < b.fips ? -1 : 1));
  const stateNames = new Map(
    topology.objects.states.geometries.map(({ id, properties }) => [
      String(id),
      (properties as Names | undefined)?.name ?? '',
    ]),
  );
  return { counties, stateNames };
}

export const insideCounty = (county: County, point: LonLat): boolean =>
  county.polygons.some((polygon) => insidePolygon(polygon, point));

/** Indexes of the counties whose box, widened by a margin in degrees, holds the point. */
export function countiesAround({ counties }: Atlas, point: LonLat, margin: number): number[] {
  const found: number[] = [];
  for (let i = 0; i < counties.length; i++) if (inBox((counties[i] as County).box, point, margin)) found.push(i);
  return found;
}

/** A point spread evenly over a county's polygons. */
export function pointIn(county: County, random: Random): LonLat {
  const polygon = county.polygons[random.weighted(county.totals)] as Polygon;
  const [west, south, east, north] = polygon.box;
  for (;;) {
    // Ends: a polygon has an area, and so a share of its box.
    const point: LonLat = [rounded(random.between(west, east)), rounded(random.between(south, north))];
    if (insidePolygon(polygon, point)) return point;
  }
}

/** Points of a shore: one on land, one on water, on either side of the middle of an edge that no neighbour shares. */
export function shoreOf(atlas: Atlas, county: County, random: Random): { land: LonLat; water: LonLat } | undefined {
  const ring = county.polygons[random.integer(0, county.polygons.length - 1)]?.rings[0] ?? new Float64Array(0);
  const i = 2 * random.integer(0, ring.length / 2 - 2);
  const a: LonLat = [ring[i] as number, ring[i + 1] as number];
  const b: LonLat = [ring[i + 2] as number, ring[i + 3] as number];
  const length = distanceKm(a, b);
  if (length === 0) return undefined;
  const middle: LonLat = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
  // The edge turned by a right angle, one kilometre long; which side is land is seen by trying.
  const east = (b[1] - a[1]) * (KM_PER_DEGREE / length);
  const north = -(b[0] - a[0]) * cosine(middle[1]) * (KM_PER_DEGREE / length);
  const out = random.between(0.5, 3) * (random.chance(0.5) ? 1 : -1);
  const water = roundedPoint(moved(middle, east * out, north * out));
  const land = roundedPoint(moved(middle, -east * out * 0.2, -north * out * 0.2));
  if (!insideCounty(county, land)) return undefined;
  const dry = countiesAround(atlas, water, 0).some((index) => insideCounty(atlas.counties[index] as County, water));
  return dry ? undefined : { land, water };
}
