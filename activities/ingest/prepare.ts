import { stat } from 'node:fs/promises';
import type { RecordSource } from '../../config/definition/source.js';
import { GeorefreshError } from '../../config/errors.js';
import { type Content, contentOf, hasUtf8Mark, headOf } from './content.js';
import { type Dialect, PLAIN } from './csv.js';
import { sheetToCsv, WorkbookError } from './excel.js';
import { jsonFault } from './json-text.js';
import { decodeFile, gunzipFile, LONGEST_LINE, TooLargeError, TrailingError, textFault } from './text.js';

/** Where files can be made; a step's is the scratch folder. */
export interface Workplace {
  newFile(ext: string): string;
  discard(path: string): Promise<void>;
}

/** A file that the engine can read: UTF-8 text or Parquet, not packed. */
export interface Prepared {
  path: string;
  kind: 'csv' | 'json' | 'jsonl' | 'parquet';
  dialect: Dialect;
}

type Shape = Pick<RecordSource, 'format' | 'encoding' | 'sheet' | 'maxBytes'> & Dialect;

/** The label by which Node's decoder knows an encoding. ISO 8859-1 is read as its superset, as everywhere. */
const LABELS = { 'utf-8': 'utf-8', 'utf-16': 'utf-16le', 'latin-1': 'windows-1252' } as const;

interface Context {
  work: Workplace;
  /** New files go onto it; its owner discards them. */
  made: string[];
  signal?: AbortSignal;
}

/** Makes a file from another one, and answers its path. */
async function makeFile(
  ext: string,
  name: string,
  { work, made, signal }: Context,
  make: (to: string) => Promise<void>,
): Promise<string> {
  const to = work.newFile(ext);
  made.push(to);
  await make(to).catch((error: unknown) => refuse(error, name, signal));
  return to;
}

/**
 * A file as it is where it is neither packed nor text of another encoding than UTF-8, else what it says, and its first
 * bytes. Throws GR-2002 where it is damaged or empty, and GR-2007 where it is larger than it may be, packed or not.
 */
export async function plainFile(
  given: string,
  name: string,
  { maxBytes, encoding }: Pick<Shape, 'maxBytes' | 'encoding'>,
  context: Context,
): Promise<{ path: string; head: Buffer }> {
  const limits = { limit: maxBytes, ...(context.signal && { signal: context.signal }) };
  let path = given;
  if ((await stat(path)).size > maxBytes) throw tooLarge(name, maxBytes);
  let head = await headOf(path);
  if (contentOf(head) === 'gzip') {
    path = await makeFile('unpacked', name, context, (to) => gunzipFile(given, to, limits));
    head = await headOf(path);
  }
  const mark = head[0] === 0xfe ? 'utf-16be' : 'utf-16le';
  const isWide = contentOf(head) === 'utf-16';
  if (isWide || (encoding !== 'utf-8' && isText(contentOf(head)) && !hasUtf8Mark(head))) {
    const packed = path;
    path = await makeFile('txt', name, context, (to) =>
      decodeFile(packed, to, { ...limits, encoding: isWide ? mark : LABELS[encoding] }),
    );
    head = await headOf(path);
  }
  if (contentOf(head) === 'empty') throw unreadable(name, 'is empty');
  return { path, head };
}

/**
 * Makes a file readable: unpacks it, decodes it, takes the sheet out of a workbook. What it is shows in its content.
 * Throws GR-2002 also where the content is not of the declared format.
 */
export async function prepare(given: string, name: string, shape: Shape, context: Context): Promise<Prepared> {
  const { path, head } = await plainFile(given, name, shape, context);
  const content = contentOf(head);
  demandFormat(shape.format, content, name);
  if (content === 'excel') {
    const { signal } = context;
    const options = { skip: shape.skip, ...(shape.sheet !== undefined && { sheet: shape.sheet }) };
    const sheet = await makeFile('csv', name, context, (to) =>
      sheetToCsv(path, to, { ...options, ...(signal && { signal }) }),
    );
    return { path: sheet, kind: 'csv', dialect: { ...PLAIN, header: shape.header } };
  }
  return {
    path,
    kind: content === 'parquet' || content === 'json' || content === 'jsonl' ? content : 'csv',
    dialect: shape,
  };
}

/**
 * Throws GR-2002 with the line where text is not UTF-8, which the engine would find only in columns that are read, or has
 * a line without end, or where JSON holds something else than whole objects. JSON may well be one line.
 */
export async function demandText({ path, kind }: Prepared, name: string, signal?: AbortSignal): Promise<void> {
  if (kind === 'parquet') return;
  const fault = await textFault(path, signal);
  if (fault === undefined || (kind !== 'csv' && fault.what !== 'not UTF-8')) {
    if (kind !== 'csv') await demandRecords(path, name, signal);
    return;
  }
  const { line, what } = fault;
  const why =
    what === 'not UTF-8'
      ? 'is not UTF-8; declare the encoding that it has, such as latin-1'
      : `is longer than ${LONGEST_LINE} bytes`;
  throw new GeorefreshError('GR-2002', `${name}:${line} ${why}`, { where: [{ file: name, line }] });
}

/** Throws GR-2002 with line and record where a JSON file is no list, or sequence, of whole objects. */
export async function demandRecords(path: string, name: string, signal?: AbortSignal): Promise<void> {
  const fault = await jsonFault(path, signal);
  if (fault === undefined) return;
  const { line, record, what } = fault;
  throw new GeorefreshError('GR-2002', `${name}:${line} record ${record} ${what}`, {
    where: [{ file: name, line, row: record }],
  });
}

const isText = (content: Content): boolean => content === 'text' || content === 'json' || content === 'jsonl';

/** `text` is CSV or nothing that is known; JSON of either form goes by either name. */
const SHOWS: Partial<Record<Content, readonly string[]>> = {
  text: ['csv'],
  json: ['json', 'jsonl'],
  jsonl: ['jsonl', 'json'],
  parquet: ['parquet'],
  excel: ['excel'],
};

function demandFormat(format: RecordSource['format'], content: Content, name: string): void {
  const shown = SHOWS[content];
  if (shown === undefined)
    throw unreadable(
      name,
      content === 'gzip'
        ? 'it is packed twice'
        : content === 'old excel'
          ? 'it is Excel of before 2007; save it as .xlsx'
          : `it is packed with ${content}; unpack it, or pack it with gzip`,
    );
  const found = content === 'text' ? 'text' : content === 'excel' ? 'excel or another zip file' : content;
  if (format !== 'any' && !shown.includes(format))
    throw unreadable(name, `its content is ${found}, not ${format} as declared`);
}

export const unreadable = (file: string, why: string): GeorefreshError =>
  new GeorefreshError('GR-2002', `${file} ${why}`, { where: [{ file }] });

const tooLarge = (file: string, limit: number): GeorefreshError =>
  new GeorefreshError('GR-2007', `${file} has more than ${limit} bytes`, { where: [{ file }] });

function refuse(error: unknown, name: string, signal: AbortSignal | undefined): never {
  signal?.throwIfAborted();
  if (error instanceof TooLargeError)
    throw new GeorefreshError('GR-2007', `${name} unpacks to ${error.message}`, { where: [{ file: name }] });
  if (error instanceof WorkbookError) throw unreadable(name, error.message);
  if (error instanceof TrailingError) throw unreadable(name, 'is a damaged gzip file: more follows its packed part');
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') throw unreadable(name, 'is not of the encoding declared');
  if (typeof code === 'string' && code.startsWith('Z_')) throw unreadable(name, 'is a damaged or cut gzip file');
  throw error;
}
