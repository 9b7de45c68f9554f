/** West, south, east, north in degrees; west > east where the box crosses the antimeridian (RFC 7946 §5.2). */
export type Bounds = [west: number, south: number, east: number, north: number];

/**
 * The shortest arc of the circle of longitude that holds every interval `[west[i], east[i]]` (degrees, west <= east,
 * within ±180): what is left when the widest gap is taken out. It crosses the antimeridian only where that is shorter.
 */
export const longitudeArc = (west: readonly number[], east: readonly number[]): [west: number, east: number] => {
  const order = Array.from(west, (_, i) => i).sort((a, b) => (west[a] ?? 0) - (west[b] ?? 0));
  const first = west[order[0] ?? 0] ?? 0;
  let reached = east[order[0] ?? 0] ?? 0;
  let widest = Number.NEGATIVE_INFINITY;
  let arc: [number, number] = [first, reached];
  for (const i of order) {
    const start = west[i] ?? 0;
    if (start - reached > widest) {
      widest = start - reached;
      arc = [start, reached];
    }
    reached = Math.max(reached, east[i] ?? 0);
  }
  // The gap over the antimeridian wins ties: a plain box is what most readers understand.
  return first + 360 - reached >= widest ? [first, reached] : arc;
};

/** The box of points (degrees; rows with a missing coordinate are skipped), or undefined where there is none. */
export const pointBounds = (lon: ArrayLike<number>, lat: ArrayLike<number>): Bounds | undefined => {
  const longitudes: number[] = [];
  let south = Number.POSITIVE_INFINITY;
  let north = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < lon.length; i++) {
    const x = lon[i] ?? Number.NaN;
    const y = lat[i] ?? Number.NaN;
    if (!Number.isFinite(x) || !Number.isFinite(y)) continue;
    longitudes.push(x);
    if (y < south) south = y;
    if (y > north) north = y;
  }
  if (longitudes.length === 0) return undefined;
  const [west, east] = longitudeArc(longitudes, longitudes);
  return [west, south, east, north];
};
