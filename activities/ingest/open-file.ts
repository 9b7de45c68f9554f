import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { RecordSource } from '../../config/definition/source.js';
import { GeorefreshError } from '../../config/errors.js';
import type { Session } from '../../lake/session.js';
import { quoteIdent, quoteLiteral } from '../../lake/sql.js';
import { jsonPath } from './cell.js';
import { csvStart, csvTable, recordFault } from './csv.js';
import { copyRecords } from './lines.js';
import { demandText, type Prepared, prepare, unreadable, type Workplace } from './prepare.js';

export interface ReadingOptions {
  session: Session;
  work: Workplace;
  signal?: AbortSignal;
  /** Looks at every byte for what a read of some columns would not show; once is enough for the same bytes. */
  thorough?: boolean;
}

/** A file with what the engine must be told to read it. */
export interface OpenFile {
  name: string;
  kind: Prepared['kind'];
  header: string[];
  /** True for an empty list of JSON: no record of it lacks a column. */
  hasAny?: boolean;
  /** The engine's table function for these columns. */
  table(columns: readonly string[]): string;
  /** SELECT of `raw` and cells of the records that `of` has, rows numbered on from `first`. */
  some(cells: readonly Cell[], of: string, about: string, first: number): string;
  /**
   * The same where the file is the only one and has `rows` records: their lines are copied, which takes a fraction of
   * reading them all. Undefined where lines cannot be told apart as the engine does.
   */
  taken?(cells: readonly Cell[], of: string, rows: number): Promise<string | undefined>;
}

/** Looks at the first bytes of a file, and makes it readable. GR-2002, GR-2007. */
export async function openFile(
  source: RecordSource,
  given: string,
  name: string,
  made: string[],
  options: ReadingOptions,
): Promise<OpenFile> {
  const { session, signal, work } = options;
  const prepared = await prepare(given, name, source, { work, made, ...(signal && { signal }) });
  if (options.thorough === true) await demandText(prepared, name, signal);
  const { kind } = prepared;
  const file = quoteLiteral(prepared.path);
  if (kind === 'csv') {
    let { path, dialect } = prepared;
    const start = await csvStart(path, dialect).catch((error: unknown) =>
      Promise.reject(error instanceof RangeError ? unreadable(name, error.message) : error),
    );
    if (start === undefined) throw unreadable(name, 'is empty');
    const { names: header, newLine, above } = start;
    if (above !== undefined) {
      const below = work.newFile('csv');
      made.push(below);
      await pipeline(createReadStream(path, { start: above }), createWriteStream(below, { flags: 'wx' }));
      [path, dialect] = [below, { ...dialect, skip: 0 }];
    }
    const all = csvTable(path, dialect, header, newLine);
    const taken: OpenFile['taken'] = async (cells, of, rows) => {
      const to = work.newFile('csv');
      made.push(to);
      const wanted = await rowsOf(session, of);
      if (wanted === undefined || (await copyRecords(path, to, wanted, dialect, signal)) !== rows) return undefined;
      const copied = csvTable(to, { ...dialect, header: false, skip: 0 }, header, 'LF');
      return takenOf(header, copied, cells, of);
    };
    return { name, kind, header, table: () => all, some: someOf(header, all), taken };
  }
  if (kind === 'parquet') {
    const all = `read_parquet(${file})`;
    const described = await session
      .describe(`select * from ${all}`)
      .catch((error: unknown) => Promise.reject(explained(error, name)));
    const header = described.map((column) => column.name);
    return { name, kind, header, table: () => all, some: someOf(header, all) };
  }
  const form = kind === 'json' ? 'array' : 'unstructured';
  const read = `${file}, format = '${form}', compression = 'uncompressed'`;
  const objects = `read_json_objects(${read})`;
  const header = await textsOf(
    session,
    // A key without a name cannot be asked for.
    `select name from (select distinct unnest(json_keys(json)) as name from ${objects}) where name <> '' order by name`,
  ).catch((error: unknown) => Promise.reject(explained(error, name)));
  return {
    name,
    kind,
    header,
    hasAny: header.length === 0 && (await session.readColumns(`select 1 as n from ${objects} limit 1`)).rows === 0,
    table: (columns) => {
      if (columns.length === 0) return objects;
      const places = new Map(columns.map((column, at) => [column.toLowerCase(), at]));
      const twin = columns.find((column, at) => places.get(column.toLowerCase()) !== at);
      if (twin !== undefined) throw unreadable(name, `has several keys ${twin}, which differ in case alone`);
      return `read_json(${read}, columns = {${columns.map((column) => `${quoteLiteral(column)}: 'VARCHAR'`).join(', ')}})`;
    },
    some: (cells, of, about, first) => {
      const own = cells.map(
        ({ column, literal, as }) => `${literal ?? `json_extract_string(json, ${jsonPath(column)})`} as ${as}`,
      );
      return `select ${['_row', about, ...own, 'cast(json as varchar) as raw'].join(', ')}
        from (select row_number() over () + ${first} as _row, json from ${objects}) semi join ${of} using (_row)`;
    },
  };
}

/** A cell that is asked for: a column of the file, or what is the same in each of its rows. */
export interface Cell {
  column: string;
  literal: string | undefined;
  as: string;
}

/** The JSON text is made behind the join: of the rows that are asked for, and no others. */
const someOf =
  (header: readonly string[], all: string): OpenFile['some'] =>
  (cells, of, about, first) =>
    `select ${['_row', about, ...wholeOf(header, cells)].join(', ')}
      from (select ${[`row_number() over () + ${first} as _row`, ...placesOf(header)].join(', ')} from ${all}) semi join ${of} using (_row)`;

/** The same of a file that has the records of `of` alone, in the order of their numbers. */
const takenOf = (header: readonly string[], copied: string, cells: readonly Cell[], of: string): string =>
  `select ${['_row', '0 as _file', ...wholeOf(header, cells)].join(', ')}
    from (select ${['row_number() over () as _at', ...placesOf(header)].join(', ')} from ${copied})
    join (select _row, row_number() over (order by _row) as _at from ${of}) using (_at)`;

/** Columns under names that nothing else has. */
const placesOf = (header: readonly string[]): string[] =>
  header.map((column, i) => `${quoteIdent(column)} as "at:${i}"`);

/** Wanted cells, and all of them as JSON text. */
function wholeOf(header: readonly string[], cells: readonly Cell[]): string[] {
  const fields = header.map((column, i) => `${quoteLiteral(column)}: "at:${i}"`);
  const wanted = cells.map(
    ({ column, literal, as }) => `${literal ?? `cast("at:${header.indexOf(column)}" as varchar)`} as ${as}`,
  );
  return [...wanted, `cast(to_json({${fields.join(', ')}}) as varchar) as raw`];
}

/** Rows whose numbers are held in memory at a time. */
const MOST_TAKEN = 1_000_000;

/** The numbers in a table of rows, in rising order; undefined where they are too many. */
async function rowsOf(session: Session, of: string): Promise<ArrayLike<number> | undefined> {
  const { rows, columns } = await session.readColumns(`select _row from ${of} order by _row limit ${MOST_TAKEN + 1}`);
  if (rows > MOST_TAKEN) return undefined;
  return columns._row?.type === 'integer' ? columns._row.values : undefined;
}

async function textsOf(session: Session, sql: string): Promise<string[]> {
  const { columns } = await session.readColumns(sql);
  const [texts] = Object.values(columns);
  return texts?.type === 'text' ? Array.from(texts.codes, (code) => texts.dictionary[code]) : [];
}

/** A failure of a statement over a file as what is wrong with it, without anything of its rows. */
export function explained(error: unknown, file: string): unknown {
  const fault =
    error instanceof GeorefreshError && error.code.startsWith('GR-3') ? recordFault(error.message) : undefined;
  if (fault === undefined) return error;
  const { line, what } = fault;
  // Without the cause: its message shows the row, which may be personal, and causes go into the engine's history.
  return new GeorefreshError('GR-2002', `${file}${line === undefined ? '' : `:${line}`} ${what}`, {
    where: [{ file, ...(line !== undefined && { line }) }],
  });
}
