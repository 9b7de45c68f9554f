import type { Feature, GeoJSON, Geometry, MultiPolygon, Polygon, Position } from 'geojson';
import { feature as toGeoJson } from 'topojson-client';
import type { GeometryObject, Topology } from 'topojson-specification';
import { GeorefreshError } from '../../../config/errors.js';

export { type PolygonLayer, packPolygons } from './polygons.js';

export type LayerFormat = 'topojson' | 'geojson';

export interface LayerOptions {
  /** The object of a TopoJSON file; needed where it has more than one. */
  object?: string;
  /** The file's name, for errors. */
  file?: string;
}

export interface LayerFeature {
  /** The feature's own id as text, null where it has none. */
  id: string | null;
  properties: Record<string, unknown>;
  /** Longitude, latitude in degrees (RFC 7946); every ring is closed and has four points or more. */
  geometry: Polygon | MultiPolygon;
}

/** A feature that is not among the layer's features, by its place in the file (0 for the first). */
export interface LayerFault {
  index: number;
  id: string | null;
  properties: Record<string, unknown>;
  reason: string;
}

export interface Layer {
  features: LayerFeature[];
  faults: LayerFault[];
  /** Rings of fewer than four points, and the holes of an outer ring that was one. */
  ringsDropped: number;
}

/** The shortest ring there is: a triangle, with its first point again at the end. */
const RING_POINTS = 4;

/** Characters of a value that an error shows. */
const SHOWN = 80;

/**
 * Reads the polygons of a TopoJSON or GeoJSON file. Rings of fewer than four points are dropped and counted; features that
 * are no polygons, or broken ones, are faults. A file that is not of the format at all is GR-2002.
 */
export function readLayer(content: Uint8Array | string, format: LayerFormat, options: LayerOptions = {}): Layer {
  const { file } = options;
  const fail: Fail = (detail, cause) => {
    const where = file === undefined ? [] : [{ file }];
    throw new GeorefreshError('GR-2002', file === undefined ? detail : `${file} ${detail}`, { where, cause });
  };
  const json = parse(content, fail);
  const layer: Layer = { features: [], faults: [], ringsDropped: 0 };
  const source = format === 'topojson' ? topoFeatures(json, options.object, layer, fail) : geoFeatures(json, fail);
  let index = 0;
  for (const feature of source) addFeature(layer, feature, index++);
  return layer;
}

type Fail = (detail: string, cause?: unknown) => never;

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

function parse(content: Uint8Array | string, fail: Fail): unknown {
  try {
    const text = typeof content === 'string' ? content : new TextDecoder('utf-8', { fatal: true }).decode(content);
    return JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) return fail('it is not UTF-8 text');
    // Without the parser's message: it shows what stands there, which may be personal, and causes go into histories.
    const place =
      /at position \d+/.exec(cause.message)?.[0] ?? (/end of/.test(cause.message) ? 'it was cut short' : '');
    return fail(place === '' ? 'it is not JSON' : `it is not JSON (${place})`);
  }
}

function geoFeatures(json: unknown, fail: Fail): Feature<Geometry | null>[] {
  if (!isRecord(json)) return fail('it is not GeoJSON: no object with a type');
  const root = json as unknown as GeoJSON;
  if (root.type === 'FeatureCollection' && Array.isArray(root.features)) return root.features;
  if (root.type === 'Feature') return [root];
  if (root.type === 'Polygon' || root.type === 'MultiPolygon') {
    return [{ type: 'Feature', properties: null, geometry: root }];
  }
  return fail(`it is not a GeoJSON layer: its type is ${shown(json.type)}`);
}

/** A value as an error shows it: its first characters. */
const shown = (value: unknown): string => (JSON.stringify(value) ?? 'missing').slice(0, SHOWN);

/** The features of one object. Short rings go before topojson-client sees them: it would pad them with their first point. */
function topoFeatures(json: unknown, name: string | undefined, layer: Layer, fail: Fail): Feature<Geometry | null>[] {
  if (!isRecord(json) || json.type !== 'Topology' || !isRecord(json.objects) || !Array.isArray(json.arcs)) {
    return fail('it is not TopoJSON: no object of type Topology with objects and arcs');
  }
  const topology = json as unknown as Topology;
  const names = Object.keys(topology.objects);
  const chosen = name ?? (names.length === 1 ? names[0] : undefined);
  if (chosen === undefined) return fail(`it has several objects, name one of ${names.join(', ')}`);
  const object = Object.hasOwn(topology.objects, chosen) ? topology.objects[chosen] : undefined;
  if (object === undefined) return fail(`it has no object ${chosen}, only ${names.join(', ') || 'none at all'}`);
  try {
    const members = object.type === 'GeometryCollection' ? object.geometries : [object];
    return members.map((member) => toGeoJson(topology, withoutShortRings(topology, member, layer)) as Feature);
  } catch (cause) {
    return fail(`the geometry of its object ${chosen} is damaged`, cause);
  }
}

type AnyGeometry = GeometryObject<Record<string, unknown> | null>;

function withoutShortRings(topology: Topology, geometry: AnyGeometry, layer: Layer): AnyGeometry {
  // Neighbouring arcs of a ring share a point, and an arc of n points brings n - 1 new ones; the first also the start.
  const points = (ring: number[]): number =>
    ring.reduce((sum, arc) => sum + topology.arcs[arc < 0 ? ~arc : arc].length - 1, 1);
  if (geometry.type === 'Polygon') return { ...geometry, arcs: keepRings(geometry.arcs, points, layer) };
  if (geometry.type !== 'MultiPolygon') return geometry;
  return { ...geometry, arcs: keepParts(geometry.arcs, points, layer) };
}

/** The rings long enough; none where the first, the outer one, is not. */
function keepRings<Ring>(rings: Ring[], points: (ring: Ring) => number, layer: Layer): Ring[] {
  const outer = rings[0];
  const kept =
    outer === undefined || points(outer) < RING_POINTS ? [] : rings.filter((ring) => points(ring) >= RING_POINTS);
  layer.ringsDropped += rings.length - kept.length;
  return kept;
}

function keepParts<Ring>(parts: Ring[][], points: (ring: Ring) => number, layer: Layer): Ring[][] {
  return parts.map((rings) => keepRings(rings, points, layer)).filter((rings) => rings.length > 0);
}

function addFeature(layer: Layer, feature: Feature<Geometry | null> | null, index: number): void {
  const given: unknown = feature?.id;
  const id = typeof given === 'string' || typeof given === 'number' ? String(given) : null;
  const properties = isRecord(feature?.properties) ? feature.properties : {};
  const geometry = feature?.geometry;
  if (geometry?.type !== 'Polygon' && geometry?.type !== 'MultiPolygon') {
    const found = String(geometry?.type ?? 'no geometry').slice(0, SHOWN);
    layer.faults.push({ index, id, properties, reason: `it is ${found}, not a Polygon or MultiPolygon` });
    return;
  }
  const parts: unknown = geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.coordinates;
  const reason = partsFault(parts);
  if (reason !== undefined) {
    layer.faults.push({ index, id, properties, reason });
    return;
  }
  const kept = keepParts(parts as Position[][][], (ring) => ring.length, layer);
  const broken = kept.length === 0 ? `it has no ring of ${RING_POINTS} points or more` : openRing(kept);
  if (broken !== undefined) {
    layer.faults.push({ index, id, properties, reason: broken });
    return;
  }
  layer.features.push({
    id,
    properties,
    geometry:
      geometry.type === 'Polygon'
        ? { type: 'Polygon', coordinates: kept[0] }
        : { type: 'MultiPolygon', coordinates: kept },
  });
}

/** What is wrong with the coordinates of a polygon's parts, before anything trusts their shape. */
function partsFault(parts: unknown): string | undefined {
  if (!Array.isArray(parts)) return 'its coordinates are not a list';
  for (const rings of parts) {
    if (!Array.isArray(rings)) return 'its coordinates are not lists of rings';
    for (const ring of rings) {
      if (!Array.isArray(ring)) return 'its coordinates are not lists of points';
      for (const point of ring) {
        const [lon, lat]: unknown[] = Array.isArray(point) ? point : [];
        if (!(typeof lon === 'number' && typeof lat === 'number' && Math.abs(lon) <= 360 && Math.abs(lat) <= 90)) {
          return `its point ${shown(point)} is not a longitude and latitude in degrees`;
        }
      }
    }
  }
  return undefined;
}

function openRing(parts: Position[][][]): string | undefined {
  for (const ring of parts.flat()) {
    const first = ring[0];
    const last = ring[ring.length - 1];
    if (first[0] !== last[0] || first[1] !== last[1]) return `its ring from ${JSON.stringify(first)} is not closed`;
  }
  return undefined;
}
