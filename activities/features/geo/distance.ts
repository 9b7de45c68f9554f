/** Mean radius of the Earth (IUGG R1), metres. */
export const EARTH_RADIUS_M = 6_371_008.8;

/** International mile, metres. */
export const MILE_M = 1609.344;

export const RADIANS = Math.PI / 180;

/**
 * Great-circle distance in metres between two points in degrees, on a sphere of radius EARTH_RADIUS_M.
 *
 * Haversine; beyond a quarter of the globe the haversine of the supplement, so that it is as exact at the antipode as at zero
 * (error below 1e-7 m everywhere). Symmetric to the bit; longitudes may differ by whole turns. NaN in, NaN out.
 * It is the one judge of distance: the indexed kernels agree with it to the bit.
 */
export function greatCircle(lon1: number, lat1: number, lon2: number, lat2: number): number {
  let turn = lon2 - lon1;
  // In degrees the turn is exact, so points on both sides of the antimeridian are as near as they should be.
  turn -= 360 * Math.round(turn / 360);
  const sinLat = Math.sin(((lat2 - lat1) / 2) * RADIANS);
  const sinLon = Math.sin((turn / 2) * RADIANS);
  const a = sinLat * sinLat + Math.cos(lat1 * RADIANS) * Math.cos(lat2 * RADIANS) * sinLon * sinLon;
  if (a <= 0.5) return 2 * EARTH_RADIUS_M * Math.asin(Math.sqrt(a));
  const cosLat = Math.cos(((lat2 - lat1) / 2) * RADIANS);
  const cosLon = Math.cos((turn / 2) * RADIANS);
  const sinSum = Math.sin(((lat1 + lat2) / 2) * RADIANS);
  const b = cosLon * cosLon * cosLat * cosLat + sinLon * sinLon * sinSum * sinSum;
  return EARTH_RADIUS_M * (Math.PI - 2 * Math.asin(Math.sqrt(Math.min(b, 1))));
}

/** Longest piece of a segment, degrees, in which the distance to a point is searched for one minimum. */
const PIECE_DEG = 1;

/**
 * Great-circle distance in metres from a point to the nearest point of a segment that is straight in longitude and latitude
 * (as GeoJSON draws it, RFC 7946 §3.1.1; a segment from 179 to -179 runs the long way round). Degrees in.
 *
 * With u the point and v(t) the segment on the unit sphere, the distance falls while u·v'(t) > 0: the roots of that slope are
 * found by Newton's method inside a bracket, piece by piece, since a long segment can have several. Both directions of a
 * segment give the same bits, so that two polygons that share a border are equally far.
 */
export function pointToSegment(
  lon: number,
  lat: number,
  lon1: number,
  lat1: number,
  lon2: number,
  lat2: number,
): number {
  const swap = lon1 > lon2 || (lon1 === lon2 && lat1 > lat2);
  const startLon = swap ? lon2 : lon1;
  const startLat = swap ? lat2 : lat1;
  const runLon = (swap ? lon1 : lon2) - startLon;
  const runLat = (swap ? lat1 : lat2) - startLat;
  let nearest = Math.min(greatCircle(lon, lat, lon1, lat1), greatCircle(lon, lat, lon2, lat2));
  const pieces = Math.ceil((Math.abs(runLon) + Math.abs(runLat)) / PIECE_DEG);
  let begin = 0;
  let rising = slope(lon, lat, startLon, startLat, runLon, runLat);
  for (let piece = 1; piece <= pieces; piece++) {
    const end = piece / pieces;
    const next = slope(lon, lat, startLon + runLon * end, startLat + runLat * end, runLon, runLat);
    if (rising > 0 && next < 0) {
      const at = stationary(lon, lat, startLon, startLat, runLon, runLat, begin, end);
      nearest = Math.min(nearest, greatCircle(lon, lat, startLon + runLon * at, startLat + runLat * at));
    } else if (next === 0) {
      // A minimum that falls on the seam of two pieces has a sign change in neither.
      nearest = Math.min(nearest, greatCircle(lon, lat, startLon + runLon * end, startLat + runLat * end));
    }
    begin = end;
    rising = next;
  }
  return nearest;
}

/** u·v' at one point of the segment, per radian of its run; written so that nothing cancels where u and v are close. */
function slope(lon: number, lat: number, onLon: number, onLat: number, runLon: number, runLat: number): number {
  const halfTurn = Math.sin(((onLon - lon) / 2) * RADIANS);
  const cosHere = Math.cos(lat * RADIANS);
  const toPole = Math.sin((lat - onLat) * RADIANS) + 2 * cosHere * Math.sin(onLat * RADIANS) * halfTurn * halfTurn;
  return runLat * toPole - runLon * cosHere * Math.cos(onLat * RADIANS) * Math.sin((onLon - lon) * RADIANS);
}

/** u·v'' at one point of the segment, per square radian of its run. */
function curvature(lon: number, lat: number, onLon: number, onLat: number, runLon: number, runLat: number): number {
  const turn = (onLon - lon) * RADIANS;
  const cosHere = Math.cos(lat * RADIANS);
  const sinOn = Math.sin(onLat * RADIANS);
  const parallel = cosHere * Math.cos(onLat * RADIANS) * Math.cos(turn);
  const meridian = Math.sin(lat * RADIANS) * sinOn;
  return (
    -runLat * runLat * (parallel + meridian) +
    2 * runLat * runLon * cosHere * sinOn * Math.sin(turn) -
    runLon * runLon * parallel
  );
}

/** The fraction of the segment between `begin` (slope > 0) and `end` (slope < 0) where the slope is zero. */
function stationary(
  lon: number,
  lat: number,
  startLon: number,
  startLat: number,
  runLon: number,
  runLat: number,
  begin: number,
  end: number,
): number {
  let low = begin;
  let high = end;
  let at = (low + high) / 2;
  // Newton needs four or five steps; the bisection it falls back on halves the bracket to one unit in the last place in 53.
  for (let step = 0; step < 60; step++) {
    const onLon = startLon + runLon * at;
    const onLat = startLat + runLat * at;
    const here = slope(lon, lat, onLon, onLat, runLon, runLat);
    if (here > 0) low = at;
    else if (here < 0) high = at;
    else return at;
    let next = at - here / (curvature(lon, lat, onLon, onLat, runLon, runLat) * RADIANS);
    if (!(next > low && next < high)) next = (low + high) / 2;
    if (Math.abs(next - at) < 1e-16 || next === low || next === high) return next;
    at = next;
  }
  return at;
}
