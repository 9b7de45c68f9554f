import { quoteIdent } from '../../lake/sql.js';

/** A column of a table: DuckDB's name of its type. */
export interface SourceColumn {
  name: string;
  type: string;
}

/** How a column becomes one of PostgreSQL. */
export interface SinkColumn {
  name: string;
  /** PostgreSQL's type. */
  type: string;
  /** DuckDB's expression whose text, in CSV, PostgreSQL reads as that type. */
  expression: string;
}

const SAME: Readonly<Record<string, string>> = {
  BOOLEAN: 'boolean',
  TINYINT: 'smallint',
  UTINYINT: 'smallint',
  SMALLINT: 'smallint',
  USMALLINT: 'integer',
  INTEGER: 'integer',
  UINTEGER: 'bigint',
  BIGINT: 'bigint',
  UBIGINT: 'numeric(20,0)',
  HUGEINT: 'numeric(39,0)',
  UHUGEINT: 'numeric(39,0)',
  FLOAT: 'real',
  DOUBLE: 'double precision',
  VARCHAR: 'text',
  DATE: 'date',
  TIME: 'time',
  'TIME WITH TIME ZONE': 'timetz',
  TIMESTAMP: 'timestamp',
  TIMESTAMP_S: 'timestamp',
  TIMESTAMP_MS: 'timestamp',
  'TIMESTAMP WITH TIME ZONE': 'timestamptz',
  INTERVAL: 'interval',
  UUID: 'uuid',
  JSON: 'jsonb',
};

const NESTED = /\[\d*\]$|^(STRUCT|MAP|UNION)\(/;

/**
 * The column of PostgreSQL that holds a column of DuckDB without loss: whole numbers in the narrowest type that has their
 * range, DECIMAL as numeric of the same digits, times without a zone as such, lists, structs and maps as jsonb, BLOB as
 * bytea. Nanoseconds are cut to microseconds; types that PostgreSQL lacks (ENUM, BIT) become text.
 */
export function sinkColumn({ name, type }: SourceColumn): SinkColumn {
  const column = quoteIdent(name);
  const same = SAME[type];
  if (same !== undefined) return { name, type: same, expression: column };
  const digits = /^DECIMAL(\(\d+,\s*\d+\))$/.exec(type)?.[1];
  if (digits !== undefined) return { name, type: `numeric${digits.replace(' ', '')}`, expression: column };
  if (NESTED.test(type)) return { name, type: 'jsonb', expression: `to_json(${column})` };
  if (type === 'BLOB') return { name, type: 'bytea', expression: `'\\x' || hex(${column})` };
  if (type === 'TIMESTAMP_NS') return { name, type: 'timestamp', expression: `CAST(${column} AS TIMESTAMP)` };
  return { name, type: 'text', expression: `CAST(${column} AS VARCHAR)` };
}

/** What PostgreSQL cuts names to, in bytes. */
export const LONGEST_NAME = 63;
