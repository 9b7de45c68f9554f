/** Plane geometry on longitudes and latitudes, as far as shaping a sample asks for it; exact arithmetic only (see samples.ts). */

/** A box in degrees: west, south, east, north. */
export type Box = [number, number, number, number];
export type LonLat = [longitude: number, latitude: number];

export interface Polygon {
  /** Outer ring, then holes: longitude and latitude by turns, the first point repeated at the end. */
  rings: Float64Array[];
  box: Box;
  km2: number;
}

/** Kilometres in a degree of a great circle on the mean sphere (6371.0088 km). */
export const KM_PER_DEGREE = 111.19508;

/** Cosine of a latitude in degrees by its series to x^8: within 3e-5 up to 72 degrees, and the same bits everywhere. */
export function cosine(latitude: number): number {
  const x = latitude * 0.017453292519943295;
  const x2 = x * x;
  return 1 - (x2 / 2) * (1 - (x2 / 12) * (1 - (x2 / 30) * (1 - x2 / 56)));
}

/** Kilometres between two points, near enough for shaping a sample (flat at the mean latitude). */
export function distanceKm(a: LonLat, b: LonLat): number {
  const x = (a[0] - b[0]) * cosine((a[1] + b[1]) / 2);
  const y = a[1] - b[1];
  return Math.sqrt(x * x + y * y) * KM_PER_DEGREE;
}

/** The point so many kilometres east and north of another. */
export const moved = ([longitude, latitude]: LonLat, east: number, north: number): LonLat => [
  longitude + east / (KM_PER_DEGREE * cosine(latitude)),
  latitude + north / KM_PER_DEGREE,
];

/** Coordinates keep seven decimals (a centimetre), as in the files. */
export const rounded = (degrees: number): number => Number(degrees.toFixed(7));
export const roundedPoint = ([longitude, latitude]: LonLat): LonLat => [rounded(longitude), rounded(latitude)];

/** Rings of fewer than four points enclose nothing and are dropped, as the pipeline drops them. */
export function polygonOf(coordinates: number[][][]): Polygon {
  const rings = coordinates.filter((ring) => ring.length >= 4).map((ring) => Float64Array.from(ring.flat()));
  const outer = rings[0] ?? new Float64Array(0);
  const box: Box = [180, 90, -180, -90];
  for (let i = 0; i < outer.length; i += 2) {
    const x = outer[i] as number;
    const y = outer[i + 1] as number;
    if (x < box[0]) box[0] = x;
    if (y < box[1]) box[1] = y;
    if (x > box[2]) box[2] = x;
    if (y > box[3]) box[3] = y;
  }
  const scale = KM_PER_DEGREE * KM_PER_DEGREE * cosine((box[1] + box[3]) / 2);
  return { rings, box, km2: Math.abs(moments(outer).area) * scale };
}

export const union = (a: Box, b: Box): Box => [
  Math.min(a[0], b[0]),
  Math.min(a[1], b[1]),
  Math.max(a[2], b[2]),
  Math.max(a[3], b[3]),
];

/** Signed area (square degrees) and first moments of a ring, taken about its first point to keep digits. */
function moments(ring: Float64Array): { area: number; x: number; y: number } {
  const x0 = ring[0] ?? 0;
  const y0 = ring[1] ?? 0;
  let area = 0;
  let x = 0;
  let y = 0;
  for (let i = 0; i + 3 < ring.length; i += 2) {
    const ax = (ring[i] as number) - x0;
    const ay = (ring[i + 1] as number) - y0;
    const bx = (ring[i + 2] as number) - x0;
    const by = (ring[i + 3] as number) - y0;
    const cross = ax * by - bx * ay;
    area += cross / 2;
    x += ((ax + bx) * cross) / 6;
    y += ((ay + by) * cross) / 6;
  }
  return { area, x: x0 * area + x, y: y0 * area + y };
}

export function centroid(ring: Float64Array): LonLat {
  const { area, x, y } = moments(ring);
  return [x / area, y / area];
}

export const inBox = ([west, south, east, north]: Box, [x, y]: LonLat, margin = 0): boolean =>
  x >= west - margin && x <= east + margin && y >= south - margin && y <= north + margin;

/** Even-odd rule over the rings, so that holes count as outside. */
export function insidePolygon({ rings, box }: Polygon, point: LonLat): boolean {
  if (!inBox(box, point)) return false;
  const [x, y] = point;
  let inside = false;
  for (const ring of rings) {
    for (let i = 0; i + 3 < ring.length; i += 2) {
      const ay = ring[i + 1] as number;
      const by = ring[i + 3] as number;
      if (ay > y === by > y) continue;
      const ax = ring[i] as number;
      if (x < ax + (((ring[i + 2] as number) - ax) * (y - ay)) / (by - ay)) inside = !inside;
    }
  }
  return inside;
}
