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

/**
 * Names of the columns of a CSV file, from its first record. It is read here and not by the engine, whose guess at a
 * header also looks at the rows below and blames the wrong line. Undefined where the file is empty; throws a RangeError
 * where no record ends within a MiB.
 */
export async function csvHeader(path: string, dialect: Dialect): Promise<string[] | undefined> {
  const head = await headOf(path, LONGEST_HEADER);
  let text = head.toString('utf8').replace(/^\ufeff/, '');
  for (let line = 0; line < dialect.skip; line++) text = text.slice(endOfLine(text));
  if (text.trim() === '') return undefined;
  const cells = firstRecord(text, dialect, head.length < LONGEST_HEADER);
  if (cells === undefined) throw new RangeError('its header does not end');
  return namesOf(dialect.header ? cells : cells.map(() => ''));
}

/** Where the next line begins. */
const endOfLine = (text: string): number => {
  const end = /\r\n|\n|\r/.exec(text);
  return end === null ? text.length : end.index + end[0].length;
};

/** Cells of the first record; undefined where the text ends inside it and it is not `whole`. */
function firstRecord(text: string, { delimiter, quote }: Dialect, whole: boolean): string[] | undefined {
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
    } else if (char === '\n' || char === '\r') return [...cells, cell];
    else cell += char;
  }
  return whole && !quoted ? [...cells, cell] : undefined;
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

/** The engine's table function for a CSV file whose every cell is text. */
export const csvTable = (
  path: string,
  { delimiter, quote, header, skip }: Dialect,
  names: readonly string[],
  /** Where it is known how lines end: else the engine goes by the first end that it sees, be it inside a cell. */
  newLine?: 'LF',
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
    ...(newLine === 'LF' ? [String.raw`new_line = '\n'`] : []),
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
  if (json !== null) return { what: `${json[2]} ${json[3]} is no JSON at byte ${json[1]}: ${json[4]?.trim()}` };
  if (JSON_SIZE.test(message)) return { what: 'a record is larger than 16 MiB' };
  if (/JSON/i.test(message)) return { what: 'it is not JSON of one object a record' };
  if (/parquet/i.test(message)) return { what: 'it is no Parquet file, or one that was cut short' };
  return undefined;
}
