import { feature, featureCollection, intersect, polygon as turfPolygon } from '@turf/turf';
import type { MultiPolygon, Polygon, Position } from 'geojson';

/** The polygons of a geometry, each as its rings. */
export const partsOf = (geometry: Polygon | MultiPolygon): Position[][][] =>
  geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.coordinates;

/** A ring with longitudes that run on over the antimeridian, begun within half a turn of `near`; closed over the pole it goes round. */
const unwrap = (ring: readonly Position[], near?: number): Position[] => {
  const out: Position[] = [];
  let turn = near === undefined ? 0 : 360 * Math.round((near - (ring[0]?.[0] ?? 0)) / 360);
  let last = (ring[0]?.[0] ?? 0) + turn;
  let latitudes = 0;
  for (const [x = 0, y = 0] of ring) {
    turn += 360 * Math.round((last - (x + turn)) / 360);
    last = x + turn;
    latitudes += y;
    out.push([last, y]);
  }
  const start = out[0]?.[0] ?? 0;
  if (Math.abs(last - start) > 180) {
    const pole = latitudes < 0 ? -90 : 90;
    out.push([last, pole], [start, pole], [start, out[0]?.[1] ?? 0]);
  }
  return out;
};

/** The least and the greatest longitude of a ring. */
export const longitudeSpan = (ring: readonly Position[]): [west: number, east: number] => {
  let west = Number.POSITIVE_INFINITY;
  let east = Number.NEGATIVE_INFINITY;
  for (const [x = 0] of ring) {
    if (x < west) west = x;
    if (x > east) east = x;
  }
  return [west, east];
};

/** RFC 7946 §3.1.9: a polygon over the antimeridian is cut there, so that no part of the result crosses it. */
export const cutAtAntimeridian = (part: readonly Position[][]): Position[][][] => {
  const [outer = [], ...holes] = part;
  const shell = unwrap(outer);
  const [west, east] = longitudeSpan(shell);
  if (west >= -180 && east <= 180) return [[shell, ...holes.map((hole) => unwrap(hole, west / 2 + east / 2))]];
  const whole = feature<Polygon>({
    type: 'Polygon',
    coordinates: [shell, ...holes.map((hole) => unwrap(hole, west / 2 + east / 2))],
  });
  const pieces: Position[][][] = [];
  for (let turn = Math.floor((west + 180) / 360); turn <= Math.floor((east + 180) / 360); turn++) {
    const [w, e] = [turn * 360 - 180, turn * 360 + 180];
    const world = turfPolygon([
      [
        [w, -90],
        [e, -90],
        [e, 90],
        [w, 90],
        [w, -90],
      ],
    ]);
    const piece = intersect(featureCollection<Polygon>([whole, world]));
    if (piece === null) continue;
    for (const rings of partsOf(piece.geometry)) {
      pieces.push(rings.map((ring) => ring.map(([x = 0, y = 0]) => [x - turn * 360, y])));
    }
  }
  return pieces;
};
