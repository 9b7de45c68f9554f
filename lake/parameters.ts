import { DOUBLE, type DuckDBPreparedStatement, DuckDBTimestampValue, LIST, VARCHAR } from '@duckdb/node-api';
import { GeorefreshError } from '../config/errors.js';

export type Parameter = number | string | boolean | bigint | Date | null | readonly number[] | readonly string[];

/** Values of the named parameters `$name` of statements. */
export type Parameters = Readonly<Record<string, Parameter>>;

const MAX_INT = 2 ** 31;

/** Binds one parameter of a statement by its name: GR-3010 where no value is given. Whole numbers bind as integers. */
export function bindParameter(prepared: DuckDBPreparedStatement, at: number, parameters: Parameters): void {
  const name = prepared.parameterName(at);
  if (!Object.hasOwn(parameters, name)) {
    const known = Object.keys(parameters).join(', ');
    throw new GeorefreshError(
      'GR-3010',
      `parameter $${name} has no value${known === '' ? '' : `; there are ${known}`}`,
    );
  }
  const value = parameters[name] ?? null;
  if (value === null) prepared.bindNull(at);
  else if (typeof value === 'string') prepared.bindVarchar(at, value);
  else if (typeof value === 'boolean') prepared.bindBoolean(at, value);
  else if (typeof value === 'bigint') prepared.bindBigInt(at, value);
  else if (typeof value === 'number') bindNumber(prepared, at, value);
  else if (value instanceof Date) prepared.bindTimestamp(at, new DuckDBTimestampValue(BigInt(value.getTime()) * 1000n));
  else if (typeof value[0] === 'number') prepared.bindList(at, [...value], LIST(DOUBLE));
  else prepared.bindList(at, [...value], LIST(VARCHAR));
}

function bindNumber(prepared: DuckDBPreparedStatement, at: number, value: number): void {
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) prepared.bindDouble(at, value);
  else if (value >= -MAX_INT && value < MAX_INT) prepared.bindInteger(at, value);
  else prepared.bindBigInt(at, BigInt(value));
}
