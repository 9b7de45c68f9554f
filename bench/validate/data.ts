import { rename } from 'node:fs/promises';
import { DuckDBInstance } from '@duckdb/node-api';

/** The contract of the rows made here: ten rules. */
export const CONTRACT = {
  uri: 'x',
  format: 'csv',
  columns: {
    id: { type: 'integer', required: true, unique: true },
    code: { type: 'text', required: true, pattern: 'C[0-9]{8}' },
    kind: { type: 'text', allowed: ['fast', 'slow', 'rapid'] },
    lat: { type: 'double', min: -90, max: 90 },
    lon: { type: 'double', min: -180, max: 180 },
    power: { type: 'double', min: 0, max: 400 },
    share: { type: 'double' },
    start: { type: 'timestamp' },
    end: { type: 'timestamp' },
  },
  rules: { share_whole: { check: 'share between 0 and 1' }, in_order: { check: '"end" >= start' } },
  maxQuarantinedShare: 0.1,
};

/**
 * Writes rows as CSV, the same for a number of rows each time; about one in two thousand breaks each rule.
 * Values are made of hashes, so that text neither repeats nor sorts. Broken rows are even ones: a repeated id is that of a
 * good row, as it is only asked for among those.
 */
export async function writeRows(path: string, rows: number): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2', memory_limit: '1GB' });
  const connection = await instance.connect();
  const draw = (salt: number): string => `(hash(i * 31 + ${salt}) % 1000000 / 1e6)`;
  const seldom = (salt: number, bad: string, good: string): string =>
    `case when i % 2 = 0 and hash(i * 31 + ${salt}) % 1000 = 7 then ${bad} else ${good} end`;
  await connection.run(`copy (
    select ${seldom(1, 'i - 1', 'i')} as id, ${seldom(2, "'c'", "'C'")} || lpad(i::varchar, 8, '0') as code,
      ${seldom(3, "'fsat'", "['fast', 'slow', 'rapid'][(1 + hash(i) % 3)::integer]")} as kind,
      round(${seldom(4, '91', `${draw(14)} * 180 - 90`)}, 6) as lat, round(${seldom(5, '-181', `${draw(15)} * 360 - 180`)}, 6) as lon,
      round(${seldom(6, '-1', `${draw(16)} * 400`)}, 2) as power, round(${seldom(7, '1.5', draw(17))}, 4) as share,
      strftime(timestamp '2020-01-01' + to_seconds(i * 20), '%Y-%m-%d %H:%M:%S') as start,
      strftime(timestamp '2020-01-01' + to_seconds(i * 20 + ${seldom(8, '-60', '3600')}), '%Y-%m-%d %H:%M:%S') as "end"
    from range(1, ${rows} + 1) as t(i)) to '${path}.new' (format csv, header)`);
  connection.closeSync();
  instance.closeSync();
  await rename(`${path}.new`, path);
}
