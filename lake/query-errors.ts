import { GeorefreshError, type Where } from '../config/errors.js';

/** `LINE 3: …, nope(a) …` and a caret below it, at the end of DuckDB's messages. */
const PLACE = /\n+LINE (\d+): (.*)\n( *)\^\s*$/;
const NO_TABLE = /Table with name "?(.+?)"? does not exist/;

/** The name of the table that a statement lacks, as DuckDB tells it. */
export const missingTableOf = (error: unknown): string | undefined =>
  error instanceof Error ? NO_TABLE.exec(error.message)?.[1] : undefined;

/**
 * A failed query as its author is told of it: GR-1007 with line and column of the SQL; GR-4012 with the tables that there
 * are. What has nothing to do with the SQL stays as it is.
 */
export function queryError(
  error: unknown,
  sql: string,
  tables: readonly { name: string }[],
  outputs: readonly { name: string }[],
): unknown {
  if (!(error instanceof GeorefreshError) || (error.code !== 'GR-3010' && error.code !== 'GR-3001')) return error;
  const { cause } = error;
  if (!(cause instanceof Error)) return error;
  const where = [placeOf(cause.message, sql)];
  const missing = missingTableOf(cause);
  if (missing === undefined)
    return new GeorefreshError(
      'GR-1007',
      cause.message
        .replace(PLACE, '')
        .replace(/^Failed to [a-z ]+: /, '')
        .trim(),
      { where, cause },
    );
  const other = outputs.find(({ name }) => name.replace(/\.[^.]+$/, '').toLowerCase() === missing.toLowerCase());
  const is = other === undefined ? '' : `, ${other.name} is not one`;
  const known = tables.map(({ name }) => name).join(', ') || 'none';
  return new GeorefreshError('GR-4012', `\`${missing}\`${is}; there are ${known}`, { where, cause });
}

/** Where DuckDB points to: it shows no more than a part of a long line, and marks what it left out with dots. */
export function placeOf(message: string, sql: string): Where {
  const match = PLACE.exec(message);
  if (match === null) return { file: 'query' };
  const [, line = '1', shown = '', blanks = ''] = match;
  const text = sql.split('\n')[Number(line) - 1] ?? '';
  const caret = blanks.length - `LINE ${line}: `.length;
  const cut = shown.startsWith('...') ? 3 : 0;
  const part = shown.slice(cut).replace(/\.\.\.$/, '');
  const begin = cut === 0 ? 0 : Math.max(0, text.indexOf(part));
  const column = Math.max(0, caret - cut) + begin;
  const note = text.slice(column, column + 40).trim();
  return { file: 'query', line: Number(line), column: column + 1, ...(note !== '' && { note }) };
}
