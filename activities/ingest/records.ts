import { readFile } from 'node:fs/promises';
import { isLayer, type RecordSource, type Source } from '../../config/definition/source.js';
import { GeorefreshError } from '../../config/errors.js';
import type { Session } from '../../lake/session.js';
import { quoteIdent, quoteLiteral } from '../../lake/sql.js';
import { readLayer } from '../features/geo/layers.js';
import { cellName } from './cell.js';
import { layerRecords } from './layer.js';
import { type Cell, explained, type OpenFile, openFile, type ReadingOptions } from './open-file.js';
import { demandRecords, plainFile } from './prepare.js';

/** A file of a source: where it is now, and its path under the inputs, by which people know it. */
export interface SourceFile {
  path: string;
  name: string;
  /** How many records it has, where they were counted before. */
  rows?: number | undefined;
}

export interface CellOptions {
  /** A table of `_row`s. */
  of?: string;
  /** False leaves `_row` out, where rows come in order: counting them would have one thread read the file. */
  numbered?: boolean;
  /** Only of some files, by their places. */
  files?: readonly number[] | undefined;
  /** With `of`: how many records there are, where that is known; some of one file are then found by their lines. */
  rows?: number;
}

/**
 * The records of a source's files, one after the other. Rows count from 1 for the first record behind the header of the
 * first file, and go on through the others.
 */
export interface Records {
  /** Names of the columns of the first file. */
  columns: string[];
  /** The same of every file, where they are files of records. */
  headers?: readonly string[][];
  /** Whether rows come in the order of their numbers, from 1 on without a gap: their place then says the number. */
  inOrder: boolean;
  /** Throws GR-2003 where a file lacks one of these columns. */
  demand(columns: readonly string[]): void;
  /** Rows of each file. */
  count(): Promise<number[]>;
  /**
   * A SELECT of `_row`, `_file` (0 for the first file) and the cells of these columns as text under their `cellName`;
   * of polygons also of `id`, `geometry` and `_fault`. Throws GR-2003 where a file lacks one of them.
   *
   * With `of` only of some rows, and with `raw`: JSON text of all cells of a record as they came. It is made of no
   * other row.
   */
  cells(columns: readonly string[], options?: CellOptions): Promise<string>;
  /** A failure of a statement over these as what is wrong with the file, without anything of its rows. */
  explain(error: unknown): unknown;
  close(): Promise<void>;
}

/** Opens the files of a source for reading; nothing is read yet but their first bytes. GR-2002, GR-2007. */
export async function openRecords(
  source: Source,
  files: readonly SourceFile[],
  options: ReadingOptions,
): Promise<Records> {
  if (isLayer(source)) {
    const [file] = files;
    if (file === undefined) throw new RangeError('a layer is a file');
    const { layer, rows } = await readPolygons(source, file, options);
    return layerRecords(layer, rows, options.session, source.crossing === 'reject');
  }
  const made: string[] = [];
  const close = async (): Promise<void> => {
    for (const path of made) await options.work.discard(path);
  };
  try {
    const opened: OpenFile[] = [];
    for (const { path, name } of files) opened.push(await openFile(source, path, name, made, options));
    const known = files.map(({ rows }) => rows);
    return { ...recordsOf(opened, known, options.session), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function readPolygons(
  source: Exclude<Source, RecordSource>,
  { path: given, name }: SourceFile,
  { signal, work, thorough = false }: ReadingOptions,
) {
  const made: string[] = [];
  try {
    const context = { work, made, ...(signal && { signal }) };
    const { path } = await plainFile(given, name, { maxBytes: source.maxBytes, encoding: 'utf-8' }, context);
    if (thorough) await demandRecords(path, name, signal);
    const layer = readLayer(await readFile(path, signal ? { signal } : {}), source.format, {
      file: name,
      ...(source.object !== undefined && { object: source.object }),
    });
    return { layer, rows: layer.features.length + layer.faults.length };
  } finally {
    for (const path of made) await work.discard(path);
  }
}

/** Names that every file has beside its columns: its path under the inputs, and its bare name without ending. */
const OF_FILE: Record<string, (name: string) => string> = {
  $file: (name) => name,
  $name: (name) => name.replace(/^.*[\\/]/, '').replace(/(?<=.)\..*$/, ''),
};

function recordsOf(
  files: readonly OpenFile[],
  known: readonly (number | undefined)[],
  session: Session,
): Omit<Records, 'close'> {
  let counted: Promise<number[]> | undefined;
  const single = files.length === 1;
  const explain = (error: unknown): unknown => explained(error, files.map(({ name }) => name).join(', '));

  const count = (): Promise<number[]> => {
    counted ??= countEach(files, known, session);
    return counted;
  };
  /** The files' SELECTs as one; rows that are numbered go on from file to file. */
  const together = async (
    { of, numbered = true, files: some }: CellOptions,
    select: (file: OpenFile, at: number, first: number) => string,
  ): Promise<string> => {
    const rows = single || (of === undefined && !numbered) ? [] : await count();
    let first = 0;
    const parts = files.flatMap((file, at) => {
      const part = some?.includes(at) === false ? [] : [select(file, at, first)];
      first += rows[at] ?? 0;
      return part;
    });
    return parts.join('\nunion all\n');
  };
  const demand = (columns: readonly string[]): void => {
    for (const file of files) demandColumns(columns, file);
  };

  return {
    columns: files[0]?.header ?? [],
    headers: files.map(({ header }) => header),
    inOrder: true,
    demand,
    count,
    explain,
    cells: async (columns, options = {}) => {
      const { of, numbered = true, rows } = options;
      demand(columns);
      const [only] = files;
      if (single && only?.taken !== undefined && of !== undefined && rows !== undefined) {
        const taken = await only.taken(cellsOf(columns, only), of, rows);
        if (taken !== undefined) return taken;
      }
      return together(options, (file, at, first) => {
        const cells = cellsOf(columns, file);
        if (of !== undefined) return file.some(cells, of, `${at} as _file`, first);
        const own = cells.filter(({ literal }) => literal === undefined).map(({ column }) => column);
        const values = cells.map(({ column, literal, as }) => {
          const value = file.kind === 'parquet' ? `cast(${quoteIdent(column)} as varchar)` : quoteIdent(column);
          return `${literal ?? value} as ${as}`;
        });
        const row = numbered ? [`row_number() over () + ${first} as _row`] : [];
        return `select ${[...row, `${at} as _file`, ...values].join(', ')} from ${file.table(own.length > 0 ? own : file.header.slice(0, 1))}`;
      });
    },
  };
}

const cellsOf = (columns: readonly string[], { name }: OpenFile): Cell[] =>
  [...new Set(columns)].map((column) => {
    // A column of a file may be called as what every object has.
    const literal = Object.hasOwn(OF_FILE, column) ? OF_FILE[column]?.(name) : undefined;
    return { column, literal: literal === undefined ? undefined : quoteLiteral(literal), as: cellName(column) };
  });

/** One statement for all files of unknown length, as several threads read several of them; where it fails, each alone tells which one it was. */
async function countEach(
  files: readonly OpenFile[],
  known: readonly (number | undefined)[],
  session: Session,
): Promise<number[]> {
  const open = files.flatMap(({ name, table, header }, at) =>
    known[at] === undefined
      ? [{ at, name, sql: `select ${at} as _file, count(*) as n from ${table(header.slice(0, 1))}` }]
      : [],
  );
  const numbers = async (sql: string): Promise<number[]> => {
    const { columns } = await session.readColumns(sql);
    return columns.n?.type === 'integer' ? Array.from(columns.n.values) : [];
  };
  const rows = files.map((_, at) => known[at] ?? 0);
  if (open.length === 0) return rows;
  try {
    const counted = await numbers(`select n from (${open.map(({ sql }) => sql).join(' union all ')}) order by _file`);
    for (const [i, { at }] of open.entries()) rows[at] = counted[i] ?? 0;
    return rows;
  } catch (error) {
    for (const { name, sql } of open) await numbers(sql).catch((own: unknown) => Promise.reject(explained(own, name)));
    throw error;
  }
}

function demandColumns(columns: readonly string[], { name, header, hasAny }: OpenFile): void {
  if (hasAny === true) return;
  const known = new Set([...header, ...Object.keys(OF_FILE)]);
  const missing = columns.filter((column) => !known.has(column));
  if (missing.length > 0)
    throw new GeorefreshError(
      'GR-2003',
      `${name} has no ${missing.join(', ')}; it has ${header.slice(0, 40).join(', ') || 'none at all'}`,
      {
        where: [{ file: name, line: 1 }],
      },
    );
}
