import type { CsvSource } from '../../config/definition/source.js';
import { quoteIdent, quoteLiteral } from '../../lake/sql.js';

/** A mark that stands for missing in no file: cells are kept as they are, empty ones too. */
const NEVER = "E'\\x01'";

const dialect = ({ delimiter, quote }: CsvSource): string =>
  [
    `delim = ${quoteLiteral(delimiter)}`,
    `quote = ${quoteLiteral(quote)}`,
    `escape = ${quoteLiteral(quote)}`,
    'header = true',
    'all_varchar = true',
    `nullstr = ${NEVER}`,
  ].join(', ');

/** A SELECT whose columns are those of the file's header, for `describe`: the file is not read to its end. */
export const csvHeader = (path: string, source: CsvSource): string =>
  `SELECT * FROM read_csv(${quoteLiteral(path)}, ${dialect(source)}, sample_size = 1)`;

/** A SELECT of every cell as text, with `_row` = 1 for the first record after the header. */
export const csvRows = (path: string, source: CsvSource, header: readonly string[]): string => {
  const columns = header.map((name) => `${quoteLiteral(name)}: 'VARCHAR'`).join(', ');
  const cells = header.map(quoteIdent).join(', ');
  return `SELECT row_number() OVER () AS _row, ${cells}
    FROM read_csv(${quoteLiteral(path)}, ${dialect(source)}, auto_detect = false, columns = {${columns}})`;
};

/** The line that DuckDB's message about a CSV file names, and what is wrong there. */
export function csvFault(message: string): { line?: number; what: string } | undefined {
  if (!/CSV/.test(message)) return undefined;
  const line = /CSV Error on Line: (\d+)/.exec(message)?.[1];
  const what = message
    .split('\n')
    .map((part) => part.trim())
    .find((part) => part !== '' && !/^(Invalid Input Error|CSV Error|Original Line|Possible fixes)/.test(part));
  return { ...(line !== undefined && { line: Number(line) }), what: what ?? 'it is not CSV of the declared form' };
}
