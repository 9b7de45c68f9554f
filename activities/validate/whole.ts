import type { Source } from '../../config/definition/source.js';
import { GeorefreshError } from '../../config/errors.js';
import type { Session } from '../../lake/session.js';
import { quoteIdent } from '../../lake/sql.js';

/** What is told of a source as a whole, for the manifest. */
export type Notes = Record<string, number | string>;

/**
 * Holds the newest value of a column against the run's logical time. GR-2107 where it is too old, or there is none;
 * with severity `warn` it is only told.
 */
export async function demandFreshness(
  session: Session,
  name: string,
  { freshness }: Source,
  logicalTime: string,
): Promise<Notes> {
  if (freshness === undefined) return {};
  const { column, within, severity } = freshness;
  const { columns } = await session.readColumns(
    `select cast(max(${quoteIdent(column)}) as timestamp) as newest from _checked where _check is null`,
  );
  const newest = columns.newest?.type === 'timestamp' ? columns.newest.values[0] : Number.NaN;
  const age = Date.parse(logicalTime) - newest;
  const seconds = Math.round(age / 1000);
  if (age <= within) return { newest_seconds: seconds };
  if (severity === 'warn') return { newest_seconds: Number.isNaN(age) ? -1 : seconds, 'warn:freshness': 1 };
  const found = Number.isNaN(newest) ? 'has no time at all' : `ends at ${new Date(newest).toISOString()}`;
  throw new GeorefreshError(
    'GR-2107',
    `${column} of ${name} ${found}, the run stands for ${logicalTime}; ${within / 3_600_000} h are allowed`,
  );
}

/** Holds the number of rows against the median of past runs: GR-2108, or told. Without a past there is nothing to say. */
export function demandVolume(name: string, { volume }: Source, rows: number, past: readonly number[]): Notes {
  if (volume === undefined || past.length === 0) return {};
  const sorted = [...past].sort((a, b) => a - b);
  const usual = sorted[(sorted.length - 1) >> 1];
  if (rows >= volume.least * usual && rows <= volume.most * usual) return {};
  if (volume.severity === 'warn') return { 'warn:volume': 1 };
  throw new GeorefreshError(
    'GR-2108',
    `${name} has ${rows} rows, ${usual} in past runs; from ${volume.least} to ${volume.most} times as many are allowed`,
  );
}
