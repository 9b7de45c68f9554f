import { quoteIdent } from './sql.js';

/** Forms of a result: what programs read, and `text`, all values as texts in JSON lines, for a table on screen. */
export const RESULT_FORMATS = ['csv', 'json', 'jsonl', 'parquet'] as const;
export type ResultFormat = (typeof RESULT_FORMATS)[number] | 'text';

const JSON_TIMES = "TIMESTAMPFORMAT '%Y-%m-%dT%H:%M:%S.%fZ'";

/** DuckDB's COPY options. */
const TARGETS: Record<ResultFormat, string> = {
  csv: "FORMAT csv, HEADER true, NULLSTR ''",
  json: `FORMAT json, ARRAY true, ${JSON_TIMES}`,
  jsonl: `FORMAT json, ARRAY false, ${JSON_TIMES}`,
  parquet: 'FORMAT parquet, COMPRESSION zstd',
  text: `FORMAT json, ARRAY false`,
};

export const resultTarget = (format: ResultFormat): string => TARGETS[format];

interface ColumnType {
  name: string;
  type: string;
}

const WIDE = /^(U?BIGINT|U?HUGEINT)$/;
const FLOATING = /^(DOUBLE|FLOAT)$/;

/** What programs that read JSON take for a number without loss. */
const SAFE = Number.MAX_SAFE_INTEGER;

/** JSON knows neither NaN nor infinity: null; integers beyond 2^53 are texts, as most readers would round them. */
function jsonColumn({ name, type }: ColumnType): string {
  const column = quoteIdent(name);
  if (FLOATING.test(type)) return `if(isfinite(${column}), ${column}, NULL) AS ${column}`;
  if (WIDE.test(type))
    return `CASE WHEN ${column} BETWEEN ${type.startsWith('U') ? 0 : -SAFE} AND ${SAFE} THEN to_json(${column}) ELSE to_json(CAST(${column} AS VARCHAR)) END AS ${column}`;
  return column;
}

/** A SELECT of a relation's columns as a form needs them. */
export function resultSelect(relation: string, columns: readonly ColumnType[], format: ResultFormat): string {
  const select = (of: (column: ColumnType) => string): string =>
    `SELECT ${columns.map(of).join(', ')} FROM ${relation}`;
  if (format === 'text') return select(({ name }) => `CAST(${quoteIdent(name)} AS VARCHAR) AS ${quoteIdent(name)}`);
  if (format === 'json' || format === 'jsonl') return select(jsonColumn);
  return `SELECT * FROM ${relation}`;
}
