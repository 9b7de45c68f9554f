import { createReadStream } from 'node:fs';
import type { Output } from '../../../config/definition/pipeline.js';
import { codeOf, GeorefreshError } from '../../../config/errors.js';
import type { Lake } from '../../../lake/lake.js';
import type { Pointer } from '../../../lake/pointer.js';
import { readManifest } from '../../../lake/read-manifest.js';
import { wholeFiles } from '../../../lake/rollback.js';
import type { Held } from '../../../lake/scratch.js';
import type { Session } from '../../../lake/session.js';
import { quoteIdent, quoteLiteral } from '../../../lake/sql.js';
import { LONGEST_NAME, type SinkColumn, sinkColumn } from '../columns.js';
import type { TableToDeliver } from './swap.js';

/** How often a snapshot is looked for that is collected while its tables are fetched. */
const ATTEMPTS = 3;

/**
 * Runs `work` with the tables of a snapshot that are to go to the database. All are held as local files before, each with
 * its digest checked, so that what is sent is of one snapshot whatever is published or collected meanwhile.
 */
export async function withTablesToDeliver<T>(
  lake: Lake,
  pointer: Pointer,
  outputs: Readonly<Record<string, Output>>,
  signal: AbortSignal,
  work: (tables: TableToDeliver[], logicalTime: string) => Promise<T>,
): Promise<T> {
  const manifest = await readManifest(lake.store, pointer, { signal });
  const held: Held[] = [];
  try {
    return await lake.duckdb.session(
      async (session) => {
        const tables: TableToDeliver[] = [];
        for (const { output, table } of targetsOf(outputs)) {
          const path = await fileOf(lake, manifest, `${output}.parquet`, held, signal);
          if (path !== undefined) tables.push(await tableOf(lake, session, output, table, path));
        }
        return work(tables, manifest.logicalTime);
      },
      { signal, step: 'deliver' },
    );
  } finally {
    for (const file of held) file.release();
  }
}

/** Outputs that are to go to PostgreSQL, by their names, and what they are called there. */
const targetsOf = (outputs: Readonly<Record<string, Output>>): { output: string; table: string }[] =>
  Object.entries(outputs).flatMap(([output, { to }]) => {
    if (to === undefined) return [];
    return [{ output, table: to === 'postgres' ? output : to.postgres }];
  });

async function fileOf(
  lake: Lake,
  manifest: Parameters<typeof wholeFiles>[1],
  name: string,
  held: Held[],
  signal: AbortSignal,
): Promise<string | undefined> {
  for (let attempt = 1; ; attempt++) {
    const file = (await wholeFiles(lake.store, manifest, { signal }))[name];
    // The snapshot is older than the wish to deliver this output.
    if (file === undefined) return undefined;
    try {
      const one = await lake.scratch.hold(file, { signal });
      held.push(one);
      return one.path;
    } catch (error) {
      if (codeOf(error) !== 'GR-4004' || attempt === ATTEMPTS) throw error;
    }
  }
}

async function tableOf(
  lake: Lake,
  session: Session,
  output: string,
  table: string,
  path: string,
): Promise<TableToDeliver> {
  const view = session.temporaryName();
  await session.attachParquet(view, path);
  const columns = (await session.describe(`SELECT * FROM ${quoteIdent(view)}`)).map(sinkColumn);
  const long = columns.find(({ name }) => Buffer.byteLength(name) > LONGEST_NAME);
  if (long !== undefined)
    throw new GeorefreshError('GR-5014', `column ${long.name} of ${output} has more than ${LONGEST_NAME} bytes`);
  const { columns: counts } = await session.readColumns(`SELECT count(*) AS rows FROM ${quoteIdent(view)}`);
  const rows = counts.rows?.type === 'integer' ? (counts.rows.values[0] ?? 0) : 0;
  return {
    ...{ output, table, rows, columns },
    async send(copy) {
      const csv = lake.scratch.newFile('csv');
      try {
        await session.run(`COPY (${selectOf(columns, view)}) TO ${quoteLiteral(csv)} (${CSV})`);
        await copy(createReadStream(csv));
      } finally {
        await lake.scratch.discard(csv);
      }
    },
  };
}

/** Missing values are bare, empty texts quoted: PostgreSQL tells them apart by that. */
const CSV = "FORMAT csv, HEADER false, FORCE_QUOTE *, NULLSTR ''";

const selectOf = (columns: readonly SinkColumn[], view: string): string =>
  `SELECT ${columns.map(({ name, expression }) => `${expression} AS ${quoteIdent(name)}`).join(', ')} FROM ${quoteIdent(view)}`;
