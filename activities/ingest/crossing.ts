import type { MultiPolygon, Polygon, Position } from 'geojson';

/**
 * A point near which a ring of a polygon crosses itself, or undefined. Segments are swept from west to east, each held
 * against those that its span of longitudes meets, so the work is that of the pairs side by side. Rings that only touch
 * themselves in a point cross nothing: two segments cross where each has the ends of the other on both sides.
 */
export function crossesItself(geometry: Polygon | MultiPolygon): Position | undefined {
  const parts = geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.coordinates;
  for (const ring of parts.flat()) {
    const found = crossingOf(ring);
    if (found !== undefined) return found;
  }
  return undefined;
}

function crossingOf(ring: readonly Position[]): Position | undefined {
  const count = ring.length - 1;
  const west = new Float64Array(count);
  const east = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    west[i] = Math.min(ring[i][0], ring[i + 1][0]);
    east[i] = Math.max(ring[i][0], ring[i + 1][0]);
  }
  const order = Uint32Array.from({ length: count }, (_, i) => i).sort((a, b) => west[a] - west[b]);
  let open: number[] = [];
  for (const i of order) {
    open = open.filter((j) => east[j] >= west[i]);
    for (const j of open) if (cross(ring[i], ring[i + 1], ring[j], ring[j + 1])) return ring[Math.min(i, j)];
    open.push(i);
  }
  return undefined;
}

/** On which side of a line a point lies: the sign of twice the triangle's area. */
const side = (a: Position, b: Position, p: Position): number =>
  Math.sign((b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0]));

const cross = (a: Position, b: Position, c: Position, d: Position): boolean =>
  side(a, b, c) * side(a, b, d) < 0 && side(c, d, a) * side(c, d, b) < 0;
