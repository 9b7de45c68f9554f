import type { Output } from '../../../config/definition/pipeline.js';
import { putArtifact } from '../../../lake/artifacts.js';
import type { Session } from '../../../lake/session.js';
import { quoteIdent } from '../../../lake/sql.js';
import { putCsv, putTable, withTables } from '../../../lake/tables.js';
import type { Artifact, Columns, TableRef } from '../../../lake/types.js';
import { type Deps, prefixOf, tableOf } from '../../deps.js';
import { valuesOf } from '../../features/builders/columns.js';
import type { FrozenDefinition } from '../../resolve/frozen.js';
import { parametersOf, sortOrder } from '../../resolve/parameters.js';
import { tableTasks } from '../../resolve/plan.js';
import type { PublishInput } from '../../types.js';
import { pointsGeoJson, type Row } from '../geojson.js';

export const QUARANTINE = 'quarantine.parquet';

/** The files of one output by their names, in the table's declared order. */
export async function writeOutput(
  { lake }: Deps,
  session: Session,
  definition: FrozenDefinition,
  input: PublishInput,
  name: string,
  output: Output,
  signal: AbortSignal,
): Promise<Record<string, Artifact | TableRef>> {
  const task = tableTasks(definition).find((one) => one.name === output.table);
  const sort = task?.table.sort ?? task?.table.key ?? definition.pipeline.sources[output.table]?.sort ?? [];
  const ref = tableOf(input, output.table);
  const dropped = new Set(output.drop);
  const kept = ref.columns.filter((column) => !column.startsWith('_') && !dropped.has(column));
  const where = output.where === undefined ? '' : ` where ${output.where}`;
  const parameters = parametersOf(definition, {});
  const prefix = prefixOf(definition.pipeline.name, 'predictions');
  const options = { prefix, orderBy: sortOrder(sort), signal };
  return withTables(
    lake,
    session,
    { output: ref },
    async (): Promise<Record<string, Artifact | TableRef>> => {
      if (output.format === 'geojson') {
        const all = await session.readColumns(`select * from output${where}`, parameters);
        const { text, rows } = geoJson(all, kept, output.id ?? '');
        const artifact = await putArtifact(lake.store, prefix, Buffer.from(text), 'geojson', { signal });
        return { [`${name}.geojson`]: { ...artifact, rows, columns: kept } };
      }
      const select = `select ${kept.map(quoteIdent).join(', ')} from output${where}`;
      return {
        [`${name}.parquet`]: await putTable(lake, session, { select, parameters }, options),
        [`${name}.csv`]: await putCsv(lake, session, select, { ...options, parameters }),
      };
    },
    { signal },
  );
}

function geoJson(table: Columns, properties: string[], id: string): { text: string; rows: number } {
  const rows = rowsOf(table);
  return { text: pointsGeoJson(rows, { lon: 'lon', lat: 'lat', id, properties }), rows: rows.length };
}

/** A small table as records; missing values are null. */
export function rowsOf({ rows, columns }: Columns): Row[] {
  const values = Object.entries(columns).map(([name, column]) => ({ name, values: valuesOf(column) }));
  return Array.from({ length: rows }, (_, row) =>
    Object.fromEntries(
      values.map(({ name, values: all }) => {
        const value = all[row];
        return [name, typeof value === 'number' && Number.isNaN(value) ? null : value];
      }),
    ),
  );
}
