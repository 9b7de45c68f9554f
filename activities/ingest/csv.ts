import { open } from 'node:fs/promises';
import type { CsvSource } from '../../config/definition/source.js';
import { quoteIdent, quoteLiteral } from '../../lake/sql.js';

/** A mark that stands for missing in no file: cells are kept as they are, empty ones too. */
const NEVER = "E'\\x01georefresh\\x01'";

/** Bytes in which a header must end. */
const LONGEST_HEADER = 1 << 20;

type Dialect = Pick<CsvSource, 'delimiter' | 'quote'>;

/**
 * Names of the columns of a CSV file, from its first record. It is read here and not by the engine, whose guess at a
 * header also looks at the rows below and blames the wrong line. Undefined where the file is empty; throws a RangeError
 * where no record ends within a MiB.
 */
export async function csvHeader(path: string, dialect: Dialect): Promise<string[] | undefined> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(LONGEST_HEADER), 0, LONGEST_HEADER, 0);
    const text = buffer.toString('utf8', 0, bytesRead).replace(/^\ufeff/, '');
    if (text.trim() === '') return undefined;
    const cells = firstRecord(text, dialect, bytesRead < LONGEST_HEADER);
    if (cells === undefined) throw new RangeError('its header does not end');
    return namesOf(cells);
  } finally {
    await file.close();
  }
}

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

/** A SELECT of every cell as text, with `_row` = 1 for the first record after the header. */
export const csvRows = (path: string, { delimiter, quote }: Dialect, header: readonly string[]): string => {
  const options = [
    'auto_detect = false',
    `columns = {${header.map((name) => `${quoteLiteral(name)}: 'VARCHAR'`).join(', ')}}`,
    'header = true',
    `delim = ${quoteLiteral(delimiter)}`,
    `quote = ${quoteLiteral(quote)}`,
    `escape = ${quoteLiteral(quote)}`,
    `nullstr = ${NEVER}`,
  ];
  const cells = header.map(quoteIdent).join(', ');
  return `SELECT row_number() OVER () AS _row, ${cells} FROM read_csv(${quoteLiteral(path)}, ${options.join(', ')})`;
};

/** What is wrong with a CSV file in DuckDB's words; no others, as its messages also show the row, which may be personal. */
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
