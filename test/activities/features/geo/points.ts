import fc from 'fast-check';

export interface Points {
  lon: Float64Array;
  lat: Float64Array;
}

export const pointsOf = (pairs: readonly (readonly [lon: number, lat: number])[]): Points => ({
  lon: Float64Array.from(pairs, ([lon]) => lon),
  lat: Float64Array.from(pairs, ([, lat]) => lat),
});

const degrees = (least: number, most: number) => fc.double({ min: least, max: most, noNaN: true });

/** Points that make trouble: a coarse grid (ties, duplicates), poles, both sides of the antimeridian, tight clusters, NaN. */
const awkward = fc.oneof(
  fc.tuple(fc.integer({ min: -4, max: 4 }), fc.integer({ min: -2, max: 2 })).map(([x, y]) => [x * 45, y * 45] as const),
  fc.tuple(degrees(-180, 180), fc.constantFrom(-90, 90)),
  fc.tuple(fc.constantFrom(-180, 180, 179.99, -179.99), degrees(-90, 90)),
  fc.tuple(degrees(-74.01, -73.99), degrees(40.7, 40.72)),
  fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 9 })).map(([x, y]) => [x / 100, y / 100] as const),
  fc.tuple(degrees(-180, 180), degrees(-90, 90)),
  fc.constant([Number.NaN, 0] as const),
);

/** Tables of up to some number of awkward points. */
export const awkwardPoints = (most: number) => fc.array(awkward, { maxLength: most }).map(pointsOf);

/** Uniform numbers in [0, 1) from a seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Seeded points in a box of degrees. */
export function randomPoints(n: number, seed: number, [west, south, east, north] = [-180, -90, 180, 90]): Points {
  const random = seeded(seed);
  const lon = new Float64Array(n);
  const lat = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    lon[i] = west! + random() * (east! - west!);
    lat[i] = south! + random() * (north! - south!);
  }
  return { lon, lat };
}
