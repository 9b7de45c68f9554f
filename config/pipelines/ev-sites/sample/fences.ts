import { distanceKm, KM_PER_DEGREE, type LonLat, moved, roundedPoint } from './geometry.js';

/** Kilometres from the middle of the excluded zone to its corners. */
const ZONE_KM = 55;
const ROOT_HALF = Math.SQRT1_2;
/** Corners of an octagon, counter-clockwise as RFC 7946 asks of outer rings. */
const OCTAGON: LonLat[] = [
  [1, 0],
  [ROOT_HALF, ROOT_HALF],
  [0, 1],
  [-ROOT_HALF, ROOT_HALF],
  [-1, 0],
  [-ROOT_HALF, -ROOT_HALF],
  [0, -1],
  [ROOT_HALF, -ROOT_HALF],
];

/**
 * Two fences: a service area that leaves out the outermost tenth of the sites or so, and in it a zone around the densest
 * cluster of sites, moved aside so that its edge cuts through the cluster.
 */
export function drawFences(sites: LonLat[]): object {
  const area = serviceArea(sites);
  const within = sites.filter(([longitude, latitude]) => {
    const [west, south, east, north] = area;
    const margin = (2 * ZONE_KM) / KM_PER_DEGREE;
    return (
      longitude > west + 2 * margin &&
      longitude < east - 2 * margin &&
      latitude > south + margin &&
      latitude < north - margin
    );
  });
  const neighbours = within.map((site) => sites.filter((other) => distanceKm(site, other) < ZONE_KM).length);
  const densest = within[neighbours.indexOf(Math.max(...neighbours))] ?? middleOf(area);
  const zone = OCTAGON.map(([x, y]) => roundedPoint(moved(densest, ZONE_KM * (x + 0.4), ZONE_KM * y)));
  return {
    type: 'FeatureCollection',
    features: [
      feature('Sample service area', 'include', chamfered(area)),
      feature('Sample excluded zone', 'exclude', zone),
    ],
  };
}

type Box = [west: number, south: number, east: number, north: number];

const feature = (name: string, mode: 'include' | 'exclude', ring: LonLat[]): object => ({
  type: 'Feature',
  properties: { name, mode },
  geometry: { type: 'Polygon', coordinates: [[...ring, ring[0]]] },
});

const middleOf = ([west, south, east, north]: Box): LonLat => [(west + east) / 2, (south + north) / 2];

function serviceArea(sites: LonLat[]): Box {
  const longitudes = sites.map(([longitude]) => longitude).sort((a, b) => a - b);
  const latitudes = sites.map(([, latitude]) => latitude).sort((a, b) => a - b);
  const at = (sorted: number[], share: number): number => sorted[Math.floor(share * (sorted.length - 1))] as number;
  return [at(longitudes, 0.06), at(latitudes, 0.04), at(longitudes, 0.97), at(latitudes, 0.97)];
}

/** The box with its corners cut off, counter-clockwise. */
function chamfered([west, south, east, north]: Box): LonLat[] {
  const x = (east - west) * 0.06;
  const y = (north - south) * 0.1;
  const ring: LonLat[] = [
    [west + x, south],
    [east - x, south],
    [east, south + y],
    [east, north - y],
    [east - x, north],
    [west + x, north],
    [west, north - y],
    [west, south + y],
  ];
  return ring.map(roundedPoint);
}
