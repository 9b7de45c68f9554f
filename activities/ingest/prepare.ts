import { stat } from 'node:fs/promises';
import type { RecordSource } from '../../config/definition/source.js';
import { GeorefreshError } from '../../config/errors.js';
import { type Content, contentOf, headOf } from './content.js';
import { type Dialect, PLAIN } from './csv.js';
import { sheetToCsv, WorkbookError } from './excel.js';
import { decodeFile, gunzipFile, LONGEST_LINE, TooLargeError, textFault } from './text.js';

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

/**
 * Makes a file readable: unpacks it, decodes it, takes the sheet out of a workbook. What it is shows in its content.
 * New files go onto `made`, whose owner discards them. Throws GR-2002 where the content is not of the declared format,
 * and GR-2007 where it is larger than it may be, packed or not.
 */
export async function prepare(
  given: string,
  name: string,
  shape: Shape,
  { work, made, signal }: { work: Workplace; made: string[]; signal?: AbortSignal },
): Promise<Prepared> {
  const limits = { limit: shape.maxBytes, ...(signal && { signal }) };
  let path = given;
  const into = async (ext: string, make: (to: string) => Promise<void>): Promise<void> => {
    const to = work.newFile(ext);
    made.push(to);
    await make(to).catch((error: unknown) => refuse(error, name, signal));
    path = to;
  };
  if ((await stat(path)).size > shape.maxBytes) throw tooLarge(name, shape.maxBytes);
  let head = await headOf(path);
  if (contentOf(head) === 'gzip') {
    await into('unpacked', (to) => gunzipFile(path, to, limits));
    head = await headOf(path);
  }
  const mark = head[0] === 0xfe ? 'utf-16be' : 'utf-16le';
  const isWide = contentOf(head) === 'utf-16';
  if (isWide || (shape.encoding !== 'utf-8' && isText(contentOf(head)))) {
    await into('txt', (to) => decodeFile(path, to, { ...limits, encoding: isWide ? mark : LABELS[shape.encoding] }));
    head = await headOf(path);
  }
  const content = contentOf(head);
  if (content === 'empty') throw unreadable(name, 'is empty');
  demandFormat(shape.format, content, name);
  if (content === 'excel') {
    await into('csv', (to) =>
      sheetToCsv(path, to, {
        skip: shape.skip,
        ...(shape.sheet !== undefined && { sheet: shape.sheet }),
        ...(signal && { signal }),
      }),
    );
    return { path, kind: 'csv', dialect: { ...PLAIN, header: shape.header } };
  }
  return {
    path,
    kind: content === 'parquet' || content === 'json' || content === 'jsonl' ? content : 'csv',
    dialect: shape,
  };
}

/**
 * Throws GR-2002 with the line where text is not UTF-8, which the engine would find only in columns that are read, or has
 * a line without end. JSON may well be one line.
 */
export async function demandText({ path, kind }: Prepared, name: string, signal?: AbortSignal): Promise<void> {
  const fault = kind === 'parquet' ? undefined : await textFault(path, signal);
  if (fault === undefined || (kind !== 'csv' && fault.what !== 'not UTF-8')) return;
  const { line, what } = fault;
  const why =
    what === 'not UTF-8'
      ? 'is not UTF-8; declare the encoding that it has, such as latin-1'
      : `is longer than ${LONGEST_LINE} bytes`;
  throw new GeorefreshError('GR-2002', `${name}:${line} ${why}`, { where: [{ file: name, line }] });
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
        : `it is ${content === 'old excel' ? 'Excel of before 2007; save it as .xlsx' : content}`,
    );
  if (format !== 'any' && !shown.includes(format))
    throw unreadable(name, `its content is ${shown[0] === 'csv' ? 'text' : shown[0]}, not ${format} as declared`);
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
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') throw unreadable(name, 'is not of the encoding declared');
  if (typeof code === 'string' && code.startsWith('Z_')) throw unreadable(name, 'is a damaged or cut gzip file');
  throw error;
}
