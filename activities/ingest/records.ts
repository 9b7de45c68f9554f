import { readFile } from 'node:fs/promises';
import { isLayer, type RecordSource, type Source } from '../../config/definition/source.js';
import { GeorefreshError } from '../../config/errors.js';
import type { Session } from '../../lake/session.js';
import { quoteIdent, quoteLiteral } from '../../lake/sql.js';
import { readLayer } from '../features/geo/layers.js';
import { cellName, jsonPath } from './cell.js';
import { csvHeader, csvTable, recordFault } from './csv.js';
import { layerRecords } from './layer.js';
import { demandText, type Prepared, prepare, unreadable, type Workplace } from './prepare.js';

/** A file of a source: where it is now, and its path under the inputs, by which people know it. */
export interface SourceFile {
  path: string;
  name: string;
}

export interface ReadingOptions {
  session: Session;
  work: Workplace;
  signal?: AbortSignal;
  /** Looks at every byte for what a read of some columns would not show; once is enough for the same bytes. */
  thorough?: boolean;
}

export interface CellOptions {
  /** A table of `_row`s. */
  of?: string;
  /** False leaves `_row` out, where rows come in order: counting them would have one thread read the file. */
  numbered?: boolean;
}

/**
 * The records of a source's files, one after the other. Rows count from 1 for the first record behind the header of the
 * first file, and go on through the others.
 */
export interface Records {
  /** Names of the columns of the first file. */
  columns: string[];
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
    return { ...recordsOf(opened, options.session), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function readPolygons(source: Exclude<Source, RecordSource>, file: SourceFile, { signal }: ReadingOptions) {
  const bytes = await readFile(file.path, signal ? { signal } : {});
  if (bytes.length > source.maxBytes)
    throw new GeorefreshError('GR-2007', `${file.name} has ${bytes.length} bytes`, { where: [{ file: file.name }] });
  const layer = readLayer(bytes, source.format, {
    file: file.name,
    ...(source.object !== undefined && { object: source.object }),
  });
  return { layer, rows: layer.features.length + layer.faults.length };
}

/** A file with what the engine must be told to read it. */
interface OpenFile {
  name: string;
  kind: Prepared['kind'];
  header: string[];
  /** The engine's table function for these columns. */
  table(columns: readonly string[]): string;
  /** SELECT of `raw` and cells of the records that `of` has, rows numbered on from `first`. */
  some(cells: readonly Cell[], of: string, about: string, first: number): string;
}

async function openFile(
  source: RecordSource,
  given: string,
  name: string,
  made: string[],
  options: ReadingOptions,
): Promise<OpenFile> {
  const { session, signal, work } = options;
  const prepared = await prepare(given, name, source, { work, made, ...(signal && { signal }) });
  if (options.thorough === true) await demandText(prepared, name, signal);
  const { path, kind, dialect } = prepared;
  const file = quoteLiteral(path);
  if (kind === 'csv') {
    const header = await csvHeader(path, dialect).catch((error: Error) =>
      Promise.reject(unreadable(name, error.message)),
    );
    if (header === undefined) throw unreadable(name, 'it is empty');
    const all = csvTable(path, dialect, header);
    return { name, kind, header, table: () => all, some: someOf(header, all) };
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
    `select distinct unnest(json_keys(json)) as name from ${objects} order by name`,
  ).catch((error: unknown) => Promise.reject(explained(error, name)));
  return {
    name,
    kind,
    header,
    table: (columns) =>
      `read_json(${read}, columns = {${columns.map((column) => `${quoteLiteral(column)}: 'VARCHAR'`).join(', ')}})`,
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
interface Cell {
  column: string;
  literal: string | undefined;
  as: string;
}

/** The JSON text is made behind the join: of the rows that are asked for, and no others. */
const someOf =
  (header: readonly string[], all: string): OpenFile['some'] =>
  (cells, of, about, first) => {
    const own = header.map((column, i) => `${quoteIdent(column)} as "at:${i}"`);
    const fields = header.map((column, i) => `${quoteLiteral(column)}: "at:${i}"`);
    const wanted = cells.map(
      ({ column, literal, as }) => `${literal ?? `cast("at:${header.indexOf(column)}" as varchar)`} as ${as}`,
    );
    return `select ${['_row', about, ...wanted, `cast(to_json({${fields.join(', ')}}) as varchar) as raw`].join(', ')}
      from (select ${[`row_number() over () + ${first} as _row`, ...own].join(', ')} from ${all}) semi join ${of} using (_row)`;
  };

async function textsOf(session: Session, sql: string): Promise<string[]> {
  const { columns } = await session.readColumns(sql);
  const [texts] = Object.values(columns);
  return texts?.type === 'text' ? Array.from(texts.codes, (code) => texts.dictionary[code]) : [];
}

/** Names that every file has beside its columns: its path under the inputs, and its bare name without ending. */
const OF_FILE: Record<string, (name: string) => string> = {
  $file: (name) => name,
  $name: (name) => name.replace(/^.*[\\/]/, '').replace(/(?<=.)\..*$/, ''),
};

function recordsOf(files: readonly OpenFile[], session: Session): Omit<Records, 'close'> {
  let counted: Promise<number[]> | undefined;
  const single = files.length === 1;
  const explain = (error: unknown): unknown => explained(error, files.map(({ name }) => name).join(', '));

  const count = (): Promise<number[]> => {
    counted ??= countEach(files, session);
    return counted;
  };
  /** The files' SELECTs as one, rows numbered on from file to file. */
  const together = async (select: (file: OpenFile, at: number, first: number) => string): Promise<string> => {
    const rows = single ? [] : await count();
    let first = 0;
    const parts = files.map((file, at) => {
      const part = select(file, at, first);
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
    inOrder: true,
    demand,
    count,
    explain,
    cells: async (columns, { of, numbered = true } = {}) => {
      demand(columns);
      return together((file, at, first) => {
        const cells = [...new Set(columns)].map((column): Cell => {
          const literal = OF_FILE[column]?.(file.name);
          return { column, literal: literal === undefined ? undefined : quoteLiteral(literal), as: cellName(column) };
        });
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

async function countEach(files: readonly OpenFile[], session: Session): Promise<number[]> {
  const rows: number[] = [];
  for (const { name, table, header } of files) {
    const { columns } = await session
      .readColumns(`select count(*) as n from ${table(header.slice(0, 1))}`)
      .catch((error: unknown) => Promise.reject(explained(error, name)));
    rows.push(columns.n?.type === 'integer' ? columns.n.values[0] : 0);
  }
  return rows;
}

function demandColumns(columns: readonly string[], { name, header }: OpenFile): void {
  const known = new Set([...header, ...Object.keys(OF_FILE)]);
  const missing = columns.filter((column) => !known.has(column));
  if (missing.length > 0)
    throw new GeorefreshError(
      'GR-2003',
      `${name} has no ${missing.join(', ')}; it has ${header.slice(0, 40).join(', ')}`,
      {
        where: [{ file: name, line: 1 }],
      },
    );
}

function explained(error: unknown, file: string): unknown {
  const fault =
    error instanceof GeorefreshError && error.code.startsWith('GR-3') ? recordFault(error.message) : undefined;
  if (fault === undefined) return error;
  const { line, what } = fault;
  // Without the cause: its message shows the row, which may be personal, and causes go into the engine's history.
  return new GeorefreshError('GR-2002', `${file}${line === undefined ? '' : `:${line}`} ${what}`, {
    where: [{ file, ...(line !== undefined && { line }) }],
  });
}
