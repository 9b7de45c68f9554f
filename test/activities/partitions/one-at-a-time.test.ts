import { expect, test } from 'vitest';
import { demandPartitionable } from '../../../activities/partitions/steps/partitionable.js';
import { table } from '../../../config/definition/table.js';
import { withLake } from '../../lake/support/temporary.js';

const COLUMNS = ['ba', 'ts', 'mw', 'kinds'];

const judged = (sql: string): Promise<void> =>
  withLake(({ duckdb }) =>
    duckdb.session((session) =>
      demandPartitionable(
        session,
        { ...table.parse({ from: 'hours', key: ['ba'], steps: [{ derive: { x: '1' } }] }), steps: [{ sql }] },
        [{ column: 'ba' }, { column: 'ts', part: 'month' }],
        COLUMNS,
      ),
    ),
  );

test.each([
  'select _partition, ba, sum(mw) as mw from self group by _partition, ba',
  'select _partition, ba, sum(mw) as mw from self group by all -- limit 1',
  'with a as (select *, lag(mw) over (partition by _partition order by ts) as b from self where mw > $least) select * exclude (mw) from a',
  'select _partition, ba from self union all select s._partition, s.ba from self as s',
  'select _partition, unnest(kinds) as kind from self qualify row_number() over (partition by ba, _partition order by ts) < 3',
  'select * from self join (select _partition, max(mw) as top from self group by _partition) as t using (_partition)',
  'select _partition, day from self, unnest([1, 2]) as days(day)',
  'select distinct on (_partition, ba) _partition, ba from self order by ts',
  'select *, sum(mw) over w as s from self window w as (partition by _partition)',
])('sql that looks at one partition at a time is taken: %s (S3.18)', async (sql) => {
  await expect(judged(sql)).resolves.toBeUndefined();
});

test.each([
  ['select ba, sum(mw) as mw from self group by ba', 'a select without the column _partition'],
  ['select ba as _partition, ba from self', 'a select without the column _partition'],
  ["select _partition, 'x' as _Partition from self", 'another column with the name _partition'],
  ['select * exclude (_partition) from self', 'a select without the column _partition'],
  ["select * replace ('x' as _partition) from self", 'a select without the column _partition'],
  ['select * rename (_partition as x) from self', 'a select without the column _partition'],
  ['select *, lag(mw) over (order by ts) as b from self', 'a window without partition by _partition'],
  ['select *, sum(mw) over w as s from self window w as (partition by ba)', 'a window without partition by _partition'],
  ['select * from self where mw > (select avg(mw) from self)', 'a subquery within an expression'],
  ['select * from self where ba in (select ba from self)', 'a subquery within an expression'],
  ['select * from hours', 'a table other than self: hours'],
  ['with a as (select _partition from self) select _partition from a limit 3', 'a limit'],
  ['select _partition, ba from self union all select ba, _partition from self', 'a union'],
  ['select distinct on (ba) _partition, ba from self', 'distinct on without _partition'],
  ['select a._partition from self as a join self as b on a.ts = b.ts', 'a join that is not by using (_partition)'],
  ['select a._partition from self as a cross join self as b', 'a join that is not by using (_partition)'],
  ['select _partition, ba, sum(mw) as mw from self group by rollup (_partition, ba)', 'several sets of groups'],
  ['select * from self using sample 10 percent', 'a sample'],
  ["select * from read_csv('x.csv')", 'a function that makes a table'],
  ['delete from self', 'sql that is no select'],
])('sql that might look at several is refused: %s (S3.18)', async (sql, why) => {
  await expect(judged(sql)).rejects.toMatchObject({
    code: 'GR-1003',
    message: expect.stringContaining(why) as string,
  });
});
