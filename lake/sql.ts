import { GeorefreshError } from '../config/errors.js';

/** A SQL identifier, quoted. */
export function quoteIdent(name: string): string {
  if (name === '' || name.includes('\0'))
    throw new GeorefreshError('GR-3010', `${JSON.stringify(name)} is no name of a table or column`);
  return `"${name.replaceAll('"', '""')}"`;
}

/** A SQL text literal, quoted. */
export function quoteLiteral(text: string): string {
  if (text.includes('\0')) throw new GeorefreshError('GR-3010', 'a text literal holds a zero byte');
  return `'${text.replaceAll("'", "''")}'`;
}

/** One column to sort by. Missing values stand last unless `nulls` says first. */
export interface SortKey {
  column: string;
  descending?: boolean;
  nulls?: 'first' | 'last';
}

/** A declared sort order: names sort ascending, a leading `-` descending. */
export type SortOrder = readonly (string | SortKey)[];

const keyOf = (entry: string | SortKey): SortKey => {
  if (typeof entry !== 'string') return entry;
  return entry.startsWith('-') ? { column: entry.slice(1), descending: true } : { column: entry };
};

/** Each column of an order with its direction. */
export const sortKeys = (order: SortOrder): SortKey[] => order.map(keyOf);

/**
 * `ORDER BY` of the declared columns and then of all the others: rows that tie on the declared ones would otherwise
 * come in an order of the engine's choosing, another one each time. Where the declared columns are a key (`keyed`) no rows
 * tie, and comparing the others would be work for nothing.
 */
export function orderClause(order: SortOrder, columns: readonly string[], keyed = false): string {
  const keys = sortKeys(order);
  const known = new Set(columns);
  const missing = keys.filter((key) => !known.has(key.column)).map((key) => key.column);
  if (missing.length > 0)
    throw new GeorefreshError('GR-3010', `a table has no column to sort by: ${missing.join(', ')}`);
  const named = new Set(keys.map((key) => key.column));
  const rest = keyed ? [] : columns.filter((column) => !named.has(column)).map((column): SortKey => ({ column }));
  const terms = [...keys, ...rest].map(
    ({ column, descending, nulls }) =>
      `${quoteIdent(column)} ${descending === true ? 'DESC' : 'ASC'} NULLS ${(nulls ?? 'last').toUpperCase()}`,
  );
  return terms.length === 0 ? '' : ` ORDER BY ${terms.join(', ')}`;
}

/** The statement without what may not stand inside brackets: blanks and semicolons at its end. */
export const bare = (sql: string): string => sql.replace(/[\s;]+$/, '');

/** DuckDB's kinds of error that the same statement on the same tables gives each time; a statement that cannot be cut out is one. */
const PERMANENT =
  /^(?:Failed to extract statements: )?(Parser|Binder|Catalog|Conversion|Invalid Input|Invalid|Constraint|Out of Range|Mismatch Type|Not implemented|Permission|Divide by Zero|Sequence|Dependency|Syntax|Expression) Error/i;

/** DuckDB's error as the registry's, with the name of the step and the start of the statement. */
export function sqlError(error: unknown, step: string | undefined, sql: string): unknown {
  if (!(error instanceof Error) || error instanceof GeorefreshError) return error;
  const message = error.message;
  const where = [{ ...(step === undefined ? {} : { file: step }), note: sql.trim().slice(0, 500) }];
  const detail = `${step === undefined ? '' : `${step}: `}${message.trim()}`;
  const options = { where, cause: error };
  if (/No space left|max_temp_directory_size|Disk quota/i.test(message))
    return new GeorefreshError('GR-5003', detail, options);
  if (/^Out of Memory Error/i.test(message)) return new GeorefreshError('GR-3007', detail, options);
  return new GeorefreshError(PERMANENT.test(message) ? 'GR-3010' : 'GR-3001', detail, options);
}
