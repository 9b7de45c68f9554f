import { type GeoProjection, geoAlbersUsa, geoMercator, geoNaturalEarth1 } from 'd3-geo';
import type { MultiPoint, Position } from 'geojson';
import type { Bounds } from './bounds.js';

/** `albersUsa`: the states with Alaska and Hawaii as insets. `naturalEarth`: the world. `mercator`: cities and regions. */
export const PROJECTIONS = ['albersUsa', 'naturalEarth', 'mercator'] as const;
export type ProjectionName = (typeof PROJECTIONS)[number];

/** A projection to pixels of a drawing `width` × `height`. Places that it does not show project to null. */
export interface MapFrame {
  width: number;
  height: number;
  projection: GeoProjection;
}

const WIDTH = 975;
const MARGIN = 10;
const MIN_HEIGHT = 320;
const MAX_HEIGHT = 760;
/** Web Mercator's own limit: there the world is a square. */
const MERCATOR_LATITUDE = 85.05;
/** A box around a single point still has some ground to show: about 5 km. */
const MIN_SPAN = 0.05;
const STEPS = 16;

/** Points along the border of the box: enough for the curved meridians of a world map. */
const border = ([west, south, east, north]: Bounds): MultiPoint => {
  const width = east < west ? east + 360 - west : east - west;
  const coordinates: Position[] = [];
  for (let i = 0; i <= STEPS; i++) {
    const lon = west + (width * i) / STEPS;
    const lat = south + ((north - south) * i) / STEPS;
    coordinates.push([lon, south], [lon, north], [west, lat], [west + width, lat]);
  }
  return { type: 'MultiPoint', coordinates };
};

const widen = ([west, south, east, north]: Bounds, limit: number): Bounds => {
  const padX = Math.max(0, (MIN_SPAN - (east - west)) / 2);
  const padY = Math.max(0, (MIN_SPAN - (north - south)) / 2);
  const pad = east < west ? 0 : padX;
  return [west - pad, Math.max(-limit, south - padY), east + pad, Math.min(limit, north + padY)];
};

/** The frame of a map: `albersUsa` is always the same (975 × 610), the others are fitted to the box. */
export const mapFrame = (name: ProjectionName, extent: Bounds): MapFrame => {
  if (name === 'albersUsa') {
    // The view that us-atlas uses for its pre-projected files.
    return { width: WIDTH, height: 610, projection: geoAlbersUsa().scale(1300).translate([487.5, 305]) };
  }
  const box = widen(extent, name === 'mercator' ? MERCATOR_LATITUDE : 90);
  const width = box[2] < box[0] ? box[2] + 360 - box[0] : box[2] - box[0];
  const base = name === 'mercator' ? geoMercator() : geoNaturalEarth1();
  // Turned so that the box stands in the middle: then it never wraps, on whichever side of the antimeridian it lies.
  const projection = base.rotate([-(box[0] + width / 2), 0]);
  projection.fitWidth(WIDTH - 2 * MARGIN, border(box));
  const tall = projectedHeight(projection, box) + 2 * MARGIN;
  const height = Math.round(Math.min(MAX_HEIGHT, Math.max(MIN_HEIGHT, tall)));
  const corners: [[number, number], [number, number]] = [
    [MARGIN, MARGIN],
    [WIDTH - MARGIN, height - MARGIN],
  ];
  projection.fitExtent(corners, border(box));
  // Nothing beyond the paper is drawn.
  projection.clipExtent([
    [0, 0],
    [WIDTH, height],
  ]);
  return { width: WIDTH, height, projection };
};

const projectedHeight = (projection: GeoProjection, box: Bounds): number => {
  let top = Number.POSITIVE_INFINITY;
  let bottom = Number.NEGATIVE_INFINITY;
  for (const [lon = 0, lat = 0] of border(box).coordinates) {
    const y = projection([lon, lat])?.[1];
    if (y === undefined) continue;
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  }
  return bottom - top;
};
