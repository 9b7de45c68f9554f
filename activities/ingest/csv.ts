import type { RecordSource } from '../../config/definition/source.js';
import { quoteLiteral } from '../../lake/sql.js';
import { headOf } from './content.js';

/** A mark that stands for missing in no file: cells are kept as they are, empty ones too. */
const NEVER = "E'\\x01georefresh\\x01'";

/** Bytes in which a header must end. */
const LONGEST_HEADER = 1 << 20;

export type Dialect = Pick<RecordSource, 'delimiter' | 'quote' | 'header' | 'skip'>;

/** How a CSV file is written that is made here. */
export const PLAIN: Dialect = { delimiter: ',', quote: '"', header: true, skip: 0 };

/** How lines of a file end. */
export type NewLine = 'LF' | 'CR LF' | 'CR';

export interface CsvStart {
  names: string[];
  /** How the first record ends, where the engine would see the end of a line inside of one of its cells before. */
  newLine?: NewLine;
  /** Bytes above the header, where the engine would not pass over them line by line: it takes quotes there for cells. */
  above?: number;
}

/**
 * Names of the columns of a CSV file, from its first record. It is read here and not by the engine, whose guess at a
 * header also looks at the rows below and blames the wrong line. Undefined where the file is empty; throws a RangeError
 * where no record ends within a MiB, or holds what text does not.
 */
export async function csvStart(path: string, dialect: Dialect): Promise<CsvStart | undefined> {
  const head = await headOf(path, LONGEST_HEADER);
  const whole = head.toString('utf8');
  let text = whole.replace(/^\ufeff/, '');
  for (let line = 0; line < dialect.skip; line++) text = text.slice(endOfLine(text));
  if (text.trim() === '') return undefined;
  const record = firstRecord(text, dialect, head.length < LONGEST_HEADER);
  if (record === undefined) throw new RangeError('its header does not end');
  const { cells, newLine } = record;
  if (cells.some((cell) => cell.includes('\0')))
    throw new RangeError('holds zero bytes, as UTF-16 does; declare the encoding that it has, such as utf-16');
  const above = whole.slice(0, whole.length - text.length);
  return {
    names: namesOf(dialect.header ? cells : cells.map(() => '')),
    ...(newLine !== undefined && cells.some((cell) => /[\r\n]/.test(cell)) && { newLine }),
    ...(dialect.quote !== '' && above.includes(dialect.quote) && { above: Buffer.byteLength(above) }),
  };
}

/** Where the next line begins. */
const endOfLine = (text: string): number => {
  const end = /\r\n|\n|\r/.exec(text);
  return end === null ? text.length : end.index + end[0].length;
};

/** Cells of the first record, and how its line ends; undefined where the text ends inside it and it is not `whole`. */
function firstRecord(
  text: string,
  { delimiter, quote }: Dialect,
  whole: boolean,
): { cells: string[]; newLine?: NewLine } | undefined {
  const cells: string[] = [];
  let cell = '';
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (quoted) {
      if (char !== quote) cell += char;
      else if (text[i + 1] === quote) cell += text[++i];
      else quoted = false;
    } else if (char === quote && cell === '') quoted = true;
    else if (char === delimiter) {
      cells.push(cell);
      cell = '';
    } else if (char === '\n' || char === '\r')
      return { cells: [...cells, cell], newLine: char === '\n' ? 'LF' : text[i + 1] === '\n' ? 'CR LF' : 'CR' };
    else cell += char;
  }
  return whole && !quoted ? { cells: [...cells, cell] } : undefined;
}

/** Blanks round a name are dropped; a column without one, or with that of an earlier one, gets one of its own. */
function namesOf(cells: readonly string[]): string[] {
  // The engine's names have no case, and `_row` is ours.
  const taken = new Set(['_row']);
  return cells.map((cell, at) => {
    const name = cell.trim() || `column${at}`;
    let unique = name;
    for (let n = 1; taken.has(unique.toLowerCase()); n++) unique = `${name}_${n}`;
    taken.add(unique.toLowerCase());
    return unique;
  });
}

const ENDS: Record<NewLine, string> = {
  LF: String.raw`'\n'`,
  'CR LF': String.raw`'\r\n'`,
  CR: String.raw`'\r'`,
};

/** The engine's table function for a CSV file whose every cell is text. */
export const csvTable = (
  path: string,
  { delimiter, quote, header, skip }: Dialect,
  names: readonly string[],
  /** Where it is known how lines end: else the engine goes by the first end that it sees, be it inside a cell. */
  newLine?: NewLine,
): string => {
  const options = [
    'auto_detect = false',
    // What a file is shows in its content: a name that ends in .gz says nothing.
    "compression = 'none'",
    `columns = {${names.map((name) => `${quoteLiteral(name)}: 'VARCHAR'`).join(', ')}}`,
    `header = ${header}`,
    `skip = ${skip}`,
    `delim = ${quoteLiteral(delimiter)}`,
    `quote = ${quoteLiteral(quote)}`,
    `escape = ${quoteLiteral(quote)}`,
    `nullstr = ${NEVER}`,
    ...(newLine === undefined ? [] : [`new_line = ${ENDS[newLine]}`]),
  ];
  return `read_csv(${quoteLiteral(path)}, ${options.join(', ')})`;
};

/** What is wrong with a file in DuckDB's words; no others, as its messages also show the row, which may be personal. */
const FAULTS = [
  /Expected Number of Columns: \d+ Found: \d+/,
  /Value with unterminated quote found/,
  /Invalid unicode \([^)\n]*\) detected/,
  /Maximum line size of \d+ bytes exceeded/,
];

/** The line that DuckDB's message about a CSV file names, and what is wrong there. */
export function csvFault(message: string): { line?: number; what: string } | undefined {
  if (!/CSV/.test(message)) return undefined;
  const line = /CSV Error on Line: (\d+)/.exec(message)?.[1];
  const what = FAULTS.map((fault) => fault.exec(message)?.[0]).find((found) => found !== undefined);
  return {
    ...(line !== undefined && { line: Number(line) }),
    what: what ?? 'it is not CSV of the declared form (delimiter, quotes, all lines ending alike)',
  };
}

const JSON_FAULT = /Malformed JSON in file "[^"]*", at byte (\d+) in ([a-z/]+) (\d+): ([a-z ]+)/;
const JSON_SIZE = /maximum_object_size.*?exceeded|"maximum_object_size" of (\d+) bytes exceeded/;

/** What DuckDB's message about a file of records says is wrong, without anything of the records. */
export function recordFault(message: string): { line?: number; what: string } | undefined {
  // What the engine says of a statement is no fault of a file, though it may name the function that reads one.
  if (/(Binder|Catalog|Parser) Error/.test(message)) return undefined;
  const csv = csvFault(message);
  if (csv !== undefined) return csv;
  const json = JSON_FAULT.exec(message);
  // The engine counts the record at which it stops, and one more.
  if (json !== null)
    return { what: `record ${Number(json[3]) - 1} is no JSON at its byte ${json[1]}: ${json[4]?.trim()}` };
  if (/duplicate key/i.test(message)) return { what: 'an object has the same key twice' };
  if (JSON_SIZE.test(message)) return { what: 'a record is larger than 16 MiB' };
  if (/JSON/i.test(message)) return { what: 'it is not JSON of one object a record' };
  if (/parquet|snappy|zstd|thrift|TProtocol|decompress/i.test(message))
    return { what: 'it is no Parquet file, or one that was cut short or damaged' };
  return undefined;
}
