import { readFile } from 'node:fs/promises';
import { isLayer, type RecordSource, type Source } from '../../config/definition/source.js';
import { GeorefreshError } from '../../config/errors.js';
import type { Session } from '../../lake/session.js';
import { quoteIdent, quoteLiteral } from '../../lake/sql.js';
import { readLayer } from '../features/geo/layers.js';
import { cellName } from './cell.js';
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

/**
 * The records of a source's files, one after the other. Rows count from 1 for the first record behind the header of the
 * first file, and go on through the others.
 */
export interface Records {
  /** Names of the columns of the first file. */
  columns: string[];
  /** Throws GR-2003 where a file lacks one of these columns. */
  demand(columns: readonly string[]): void;
  /** Rows of each file. */
  count(): Promise<number[]>;
  /**
   * A SELECT of `_row`, `_file` (0 for the first file) and the cells of these columns as text under their `cellName`;
   * of polygons also of `id`, `geometry` and `_fault`. Throws GR-2003 where a file lacks one of them.
   */
  cells(columns: readonly string[]): Promise<string>;
  /** A SELECT of `_row` and `raw`: JSON text of the cells of a record, as they came. */
  raw(): Promise<string>;
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
  /** The engine's table function for these columns; of all for its own use. */
  table(columns: readonly string[]): string;
  /** JSON text of a record. */
  raw: string;
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
  const described = async (sql: string): Promise<string[]> => {
    const { columns } = await session
      .readColumns(sql)
      .catch((error: unknown) => Promise.reject(explained(error, name)));
    const names = columns.name;
    return names?.type === 'text' ? Array.from(names.codes, (code) => names.dictionary[code]) : [];
  };
  if (kind === 'csv') {
    const header = await csvHeader(path, dialect).catch((error: Error) =>
      Promise.reject(unreadable(name, error.message)),
    );
    if (header === undefined) throw unreadable(name, 'it is empty');
    const all = csvTable(path, dialect, header);
    return {
      name,
      kind,
      header,
      table: () => all,
      raw: `select row_number() over () as _row, to_json(r) as raw from ${all} as r`,
    };
  }
  if (kind === 'parquet') {
    const all = `read_parquet(${file})`;
    const names = (
      await session.describe(`select * from ${all}`).catch((error: unknown) => Promise.reject(explained(error, name)))
    ).map((column) => column.name);
    return {
      name,
      kind,
      header: names,
      table: () => all,
      raw: `select row_number() over () as _row, to_json(r) as raw from ${all} as r`,
    };
  }
  const form = kind === 'json' ? 'array' : 'unstructured';
  const objects = `read_json_objects(${file}, format = '${form}', compression = 'uncompressed')`;
  const header = await described(`select distinct unnest(json_keys(json)) as name from ${objects} order by name`);
  const table = (columns: readonly string[]): string =>
    `read_json(${file}, format = '${form}', compression = 'uncompressed', columns = {${columns.map((column) => `${quoteLiteral(column)}: 'VARCHAR'`).join(', ')}})`;
  return {
    name,
    kind,
    header,
    table,
    raw: `select row_number() over () as _row, cast(json as varchar) as raw from ${objects}`,
  };
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
  const together = async (select: (file: OpenFile, at: number) => string): Promise<string> => {
    if (single && files[0] !== undefined) return select(files[0], 0);
    const rows = await count();
    let first = 0;
    const parts = files.map((file, at) => {
      const part = `select * replace (_row + ${first} as _row) from (${select(file, at)})`;
      first += rows[at] ?? 0;
      return part;
    });
    return parts.join('\nunion all\n');
  };

  return {
    columns: files[0]?.header ?? [],
    demand: (columns) => {
      for (const file of files) demandColumns(columns, file);
    },
    count,
    explain,
    cells: (columns) => {
      for (const file of files) demandColumns(columns, file);
      return together((file, at) => {
        const own = [...new Set(columns.filter((column) => !Object.hasOwn(OF_FILE, column)))];
        const cells = [...new Set(columns)].map((column) => {
          const literal = OF_FILE[column]?.(file.name);
          const value =
            literal !== undefined
              ? quoteLiteral(literal)
              : file.kind === 'parquet'
                ? `cast(${quoteIdent(column)} as varchar)`
                : quoteIdent(column);
          return `${value} as ${cellName(column)}`;
        });
        return `select ${['row_number() over () as _row', `${at} as _file`, ...cells].join(', ')} from ${file.table(own.length > 0 ? own : file.header.slice(0, 1))}`;
      });
    },
    raw: () => together(({ raw }) => raw),
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
