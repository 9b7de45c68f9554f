import { randomUUID } from 'node:crypto';
import type { BuildContext } from '../../activities/features/builders/context.js';
import { window } from '../../activities/features/builders/window.js';
import { WorkingTable } from '../../activities/features/steps/working.js';
import type { KernelPool } from '../../activities/pool/index.js';
import { runParts } from '../../activities/pool/split.js';
import { window as schema } from '../../config/definition/series.js';
import type { Lake } from '../../lake/index.js';
import { quoteLiteral } from '../../lake/sql.js';
import { writeSource } from '../../lake/tables.js';

export const SERIES = 247;
export const ROWS = 5_000_000;

const ADD = {
  lag_1: 'lag(value, 1)',
  lag_24: 'lag(value, 24)',
  lag_168: 'lag(value, 168)',
  mean_3: 'mean(value, 3)',
  mean_24: 'mean(value, 24)',
  mean_168: 'mean(value, 168)',
  std_24: 'std(value, 24)',
};

/** Hours of many series in one Parquet file, from a formula. */
export const makeSeries = (lake: Lake, path: string): Promise<number> =>
  lake.duckdb.session((session) =>
    session
      .writeParquet(
        `select 's' || lpad(cast(s as varchar), 3, '0') as series, timestamp '2020-01-01' + to_hours(cast(i as integer)) as ts,
           (hash(s * 1000003 + i) % 100000) / 1000.0 as value
         from range(${SERIES}) as series(s), range(${Math.floor(ROWS / SERIES)}) as hours(i)`,
        { orderBy: ['series', 'ts'], keyed: true, path },
      )
      .then(({ rows }) => rows),
  );

/** Reads the file, adds the windows by the builder that pipelines use, and writes the whole as Parquet. */
export const addWindows = (lake: Lake, pool: KernelPool, source: string, target: string): Promise<void> =>
  lake.duckdb.session(async (session) => {
    const table = new WorkingTable(session, { name: 'windows', key: ['series', 'ts'] }, {});
    await session.run(`create or replace temp view source as from read_parquet(${quoteLiteral(source)})`);
    // Named anew each time: what one round has read is not there for the next.
    await table.begin({ name: 'source', sha256: randomUUID() });
    const self = await table.columns(['series', 'ts', 'value']);
    const context = {
      whole: (kernel, input) => pool.run(kernel, input),
      kernelParts: (kernel, rows, inputOf) => runParts(pool, kernel, rows, {}, inputOf),
    } as Pick<BuildContext, 'whole' | 'kernelParts'> as BuildContext;
    const added = await window(self, schema.parse({ by: ['series'], time: 'ts', every: '1h', add: ADD }), context);
    table.add(Object.fromEntries(Object.keys(ADD).map((name) => [name, added.columns[name] as never])));
    await writeSource(session, await table.source(), { orderBy: ['series', 'ts'], keyed: true }, target);
  });
