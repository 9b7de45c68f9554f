import { sharedGroups, sharedInt32, valuesOf } from '../../activities/features/builders/columns.js';
import { MILE_M } from '../../activities/features/geo/distance.js';
import { packPolygons } from '../../activities/features/geo/layers.js';
import { emptyNearest } from '../../activities/features/geo/nearest.js';
import { Trees } from '../../activities/features/steps/trees.js';
import type { KernelPool } from '../../activities/pool/index.js';
import { runParts, runSplit } from '../../activities/pool/split.js';
import { type Lake, readTable } from '../../lake/index.js';
import type { Columns, TableRef } from '../../lake/types.js';

type Points = { lon: Float64Array; lat: Float64Array };
type Grouped = Points & { group?: Int32Array };

export interface SpatialInput {
  stations: Points & { county: Int32Array };
  located: Points & { id: Float64Array };
  tracts: Points & { county: Int32Array };
  geometries: Parameters<typeof packPolygons>[0];
}

const CUTS = [183_461, Number.POSITIVE_INFINITY, 150_000];

const numbers = (table: Columns, name: string): Float64Array => {
  const column = table.columns[name];
  if (column === undefined || column.type === 'text' || column.type === 'boolean')
    throw new Error(`no numbers ${name}`);
  return column.values;
};
const points = (table: Columns): Points => ({ lon: numbers(table, 'lon'), lat: numbers(table, 'lat') });

/** Everything the spatial part reads, in memory. */
export async function spatialInput(lake: Lake, tables: Record<string, TableRef>): Promise<SpatialInput> {
  const [stations, located, tracts, shapes] = await Promise.all([
    readTable(lake, tables.stations),
    readTable(lake, tables.stations_located),
    readTable(lake, tables.tract_context),
    readTable(lake, tables.county_shapes),
  ]);
  const [own, their] = sharedGroups([located.columns.county], [tracts.columns.county], located.rows, tracts.rows);
  return {
    stations: { ...points(stations), county: own },
    located: { ...points(located), id: numbers(located, 'id') },
    tracts: { ...points(tracts), county: their },
    geometries: Array.from(valuesOf(shapes.columns.geometry) as string[], (text) => JSON.parse(text)),
  };
}

/** Assignment, nearest tract in county, radii and nearest station of three cut-offs: what the peer calls spatial. */
export async function spatialPart(
  pool: KernelPool,
  { stations, located, tracts, geometries }: SpatialInput,
): Promise<void> {
  // Trees are kept by a worker; here they are built anew each time, as the peer's are, and shared as the builders share them.
  const trees = new Trees(pool);
  const { signal } = new AbortController();
  const { lon, lat } = stations;
  const layer = packPolygons(geometries);
  await runSplit(pool, 'assignPoints', { lon, lat, layer, maxDistanceM: 5000 }, lon.length);

  const nearest = async (asked: Grouped, of: Grouped): Promise<void> => {
    const [askedTree, ofTree] = await Promise.all([trees.of(asked, signal), trees.of(of, signal)]);
    const groups = asked.group && of.group && { group: asked.group, ofGroup: of.group };
    const share = { next: sharedInt32(1), ...emptyNearest(asked.lon.length) };
    const input = { lon: asked.lon, lat: asked.lat, ofLon: of.lon, ofLat: of.lat, ...groups, askedTree, ofTree, share };
    await runParts(pool, 'nearest', asked.lon.length, {}, () => input);
  };
  const countWithin = async (asked: Points, of: Points, miles: number[]): Promise<void> => {
    const [askedTree, ofTree] = await Promise.all([trees.of(asked, signal), trees.of(of, signal)]);
    const share = { next: sharedInt32(1), counts: miles.map(() => sharedInt32(asked.lon.length)) };
    const radiiM = miles.map((mile) => mile * MILE_M);
    const input = { ...asked, ofLon: of.lon, ofLat: of.lat, radiiM, askedTree, ofTree, share };
    await runParts(pool, 'countWithin', asked.lon.length, {}, () => input);
  };

  await nearest(
    { lon: located.lon, lat: located.lat, group: stations.county },
    { lon: tracts.lon, lat: tracts.lat, group: tracts.county },
  );
  const asked = { lon: tracts.lon, lat: tracts.lat };
  await countWithin(asked, asked, [5, 25]);
  // The tables of the cut-offs do not wait for each other.
  await Promise.all(
    CUTS.map(async (cut) => {
      const known = Array.from(located.id.keys()).filter((row) => located.id[row] < cut);
      const of = { lon: shared(known, located.lon), lat: shared(known, located.lat) };
      await Promise.all([countWithin(asked, of, [1, 5, 10, 25]), nearest(asked, of)]);
    }),
  );
}

function shared(rows: number[], values: Float64Array): Float64Array {
  const taken = new Float64Array(new SharedArrayBuffer(rows.length * 8));
  for (let i = 0; i < rows.length; i++) taken[i] = values[rows[i]];
  return taken;
}
