import { sharedGroups, valuesOf } from '../../activities/features/builders/columns.js';
import { MILE_M } from '../../activities/features/geo/distance.js';
import { packPolygons } from '../../activities/features/geo/layers.js';
import type { KernelPool } from '../../activities/pool/index.js';
import { runSplit } from '../../activities/pool/split.js';
import { type Lake, readTable } from '../../lake/index.js';
import type { Columns, TableRef } from '../../lake/types.js';

type Points = { lon: Float64Array; lat: Float64Array };

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
  const layer = packPolygons(geometries);
  await runSplit(
    pool,
    'assignPoints',
    { lon: stations.lon, lat: stations.lat, layer, maxDistanceM: 5000 },
    stations.lon.length,
  );
  const own = { lon: located.lon, lat: located.lat };
  await runSplit(
    pool,
    'nearest',
    { ...own, ofLon: tracts.lon, ofLat: tracts.lat, group: stations.county, ofGroup: tracts.county },
    own.lon.length,
  );
  const asked = { lon: tracts.lon, lat: tracts.lat };
  const radiiM = (miles: number[]): number[] => miles.map((mile) => mile * MILE_M);
  await runSplit(
    pool,
    'countWithin',
    { ...asked, ofLon: tracts.lon, ofLat: tracts.lat, radiiM: radiiM([5, 25]) },
    asked.lon.length,
  );
  for (const cut of CUTS) {
    const known = Array.from(located.id.keys()).filter((row) => located.id[row] < cut);
    const ofLon = shared(known, located.lon);
    const ofLat = shared(known, located.lat);
    await Promise.all([
      runSplit(pool, 'countWithin', { ...asked, ofLon, ofLat, radiiM: radiiM([1, 5, 10, 25]) }, asked.lon.length),
      runSplit(pool, 'nearest', { ...asked, ofLon, ofLat }, asked.lon.length),
    ]);
  }
}

function shared(rows: number[], values: Float64Array): Float64Array {
  const taken = new Float64Array(new SharedArrayBuffer(rows.length * 8));
  for (let i = 0; i < rows.length; i++) taken[i] = values[rows[i]];
  return taken;
}
