import { headOf } from '../activities/ingest/content.js';
import { csvStart, csvTable, PLAIN, recordFault } from '../activities/ingest/csv.js';
import type { MendedRow, Overlay } from '../activities/ingest/overlay.js';
import { GeorefreshError } from '../config/errors.js';
import { fetchJson, putArtifact } from '../lake/artifacts.js';
import { readCurrent } from '../lake/current.js';
import { inEpoch } from '../lake/epoch.js';
import { copyHashed } from '../lake/hashing.js';
import { changeOverlay } from '../lake/overlays.js';
import { epochOf, readPointer } from '../lake/pointer.js';
import { quoteLiteral } from '../lake/sql.js';
import { withTables } from '../lake/tables.js';
import type { ObjectStore } from '../lake/types.js';
import { ABOUT, original } from './broken-rows.js';
import { type BrokenRow, readText, withScratchLake } from './validate.js';

export interface QuarantineFilter {
  rule?: string;
  source?: string;
}

/** Rows that the published run put aside, in order; GR-4003 where nothing was published yet. */
export async function readQuarantine(
  store: ObjectStore,
  pipeline: string,
  { rule, source }: QuarantineFilter = {},
): Promise<BrokenRow[]> {
  const current = await readCurrent(store, pipeline);
  const file = current?.manifest.outputs.find(({ name }) => name === 'quarantine.parquet');
  if (file === undefined) throw new GeorefreshError('GR-4003', pipeline);
  const sources = current?.manifest.sources.map(({ name }) => name) ?? [];
  if (source !== undefined && !sources.includes(source))
    throw new GeorefreshError('GR-4011', `\`${source}\`; there are ${sources.join(', ')}`);
  const where = [
    ...(rule === undefined ? [] : [`(rule = ${quoteLiteral(rule)} or rule like ${quoteLiteral(`${rule}.%`)})`]),
    ...(source === undefined ? [] : [`source = ${quoteLiteral(source)}`]),
  ];
  return withScratchLake(async (lake) => {
    const path = lake.scratch.newFile('parquet');
    await store.download(file.uri, path);
    const ref = await putArtifact(lake.store, 'quarantine', { path }, 'parquet');
    if (ref.sha256 !== file.sha256)
      throw new GeorefreshError('GR-4005', `${file.uri} has digest ${ref.sha256}, not ${file.sha256}`);
    return lake.duckdb.session((session) =>
      withTables(lake, session, { aside: ref }, async () => {
        const condition = where.length === 0 ? '' : ` where ${where.join(' and ')}`;
        const rows = await readText(session, `select source, file, "row", rule, reason, raw from aside${condition}`);
        return rows.map(({ source: of, file: name, row, rule: broken, reason, raw }) => ({
          source: of ?? '',
          file: name ?? '',
          row: Number(row),
          rule: broken ?? '',
          reason: reason ?? '',
          raw: raw ?? '{}',
        }));
      }),
    );
  });
}

/** How many mended rows stand for each source now. */
export type Replayed = Record<string, number>;

/**
 * Takes mended rows of an export: from the next refresh on each stands for the row that it was. A mend of a row that was
 * mended before takes that one's place. GR-2002 where the file is no export.
 */
export async function replayRows(
  store: ObjectStore,
  pipeline: string,
  sources: readonly string[],
  path: string,
): Promise<Replayed> {
  const rows = await readExport(path);
  const unknown = [...new Set(rows.map(({ source }) => source))].filter((source) => !sources.includes(source));
  if (unknown.length > 0) throw new GeorefreshError('GR-4011', `${pipeline} has no source ${unknown.join(', ')}`);
  const replayed: Replayed = {};
  const epoch = epochOf((await readPointer(store, pipeline))?.pointer);
  for (const source of [...new Set(rows.map((row) => row.source))].sort()) {
    const mended = rows.filter((row) => row.source === source);
    await changeOverlay(store, pipeline, source, async (now) => {
      const before = now === undefined ? [] : (await fetchJson<Overlay>(store, now)).rows;
      const overlay = merged(
        before,
        mended.map(({ source: _, ...row }) => row),
      );
      replayed[source] = overlay.rows.length;
      const bytes = Buffer.from(JSON.stringify(overlay));
      return inEpoch(epoch, () => putArtifact(store, `lake/${pipeline}/raw`, bytes, 'json'));
    });
  }
  return replayed;
}

function merged(before: readonly MendedRow[], after: readonly MendedRow[]): Overlay {
  const key = ({ file, row }: MendedRow): string => `${file}\n${row}`;
  const rows = new Map([...before, ...after].map((row) => [key(row), row]));
  const order = (a: MendedRow, b: MendedRow): number => (a.file === b.file ? a.row - b.row : a.file < b.file ? -1 : 1);
  return { version: 1, rows: [...rows.values()].sort(order) };
}

/** Rows of an export; cells that are empty stay so, and names of columns that a source lacks go with the other sources. */
async function readExport(path: string): Promise<(MendedRow & { source: string })[]> {
  const file = path;
  const refuse = (why: string): never => {
    throw new GeorefreshError('GR-2002', `${file} ${why}`, { where: [{ file }] });
  };
  if ((await headOf(path).catch(() => undefined)) === undefined) throw new GeorefreshError('GR-4011', path);
  const { names, newLine } =
    (await csvStart(path, PLAIN).catch((error: unknown) =>
      error instanceof RangeError ? refuse(error.message) : Promise.reject(error),
    )) ?? refuse('is empty');
  const missing = ABOUT.filter((column) => !names.map(original).includes(column));
  if (missing.length > 0) refuse(`is no export of a quarantine: it has no ${missing.join(', ')}`);
  return withScratchLake(async (lake) => {
    const copy = lake.scratch.newFile('csv');
    await copyHashed(path, copy);
    const rows = await lake.duckdb
      .session((session) => readText(session, `select * from ${csvTable(copy, PLAIN, names, newLine)}`))
      .catch((error: unknown) => {
        const fault = error instanceof GeorefreshError ? recordFault(error.message) : undefined;
        if (fault === undefined) throw error;
        return refuse(fault.what);
      });
    return rows.map((row) => {
      const cells = Object.fromEntries(
        Object.entries(row).map(([name, cell]) => [original(name), original(cell ?? '')]),
      );
      const { _source: source = '', _file: from = '', _record: number = '', _was: was = '' } = cells;
      for (const column of ABOUT) delete cells[column];
      if (!/^\d+$/.test(number) || !/^[0-9a-f]{64}$/.test(was))
        refuse('has a row without _record or _was, by which it is known');
      return { source, file: from, row: Number(number), was, cells };
    });
  });
}
