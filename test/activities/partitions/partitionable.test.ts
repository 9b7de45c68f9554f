import { describe, expect, test } from 'vitest';
import { demandPartitionable } from '../../../activities/partitions/steps/partitionable.js';
import { type Table, table } from '../../../config/definition/table.js';
import { withLake } from '../../lake/support/temporary.js';
import { inPartitionsBy, smallSetting } from '../../support/partitions.js';

const COLUMNS = ['block', 'region', 'rent', 'area', 'lon', 'lat'];

const tableOf = (changes: Partial<Table>): Table => ({
  ...table.parse({ from: 'blocks', key: ['block'], steps: [{ derive: { twice: 'rent * 2' } }] }),
  ...changes,
});

const deriving = (expression: string, name = 'twice'): Table =>
  tableOf({ steps: [{ derive: { [name]: expression } }] });

const judged = (one: Table, by = 'region'): Promise<void> =>
  withLake(({ duckdb }) => duckdb.session((session) => demandPartitionable(session, one, [{ column: by }], COLUMNS)));

describe('a table that would come out otherwise in partitions is refused (GR-1003):', () => {
  test.each<[what: string, table: Table, message: string]>([
    ['a window function', deriving('sum(rent) over ()'), 'twice has a window function'],
    [
      'a window function without rows to name',
      deriving('rent / (row_number() over ())'),
      'twice has a window function',
    ],
    ['an aggregate', deriving('rent / max(rent)'), 'twice has the aggregate max'],
    ['an aggregate in capitals', deriving('SUM(rent)'), 'twice has the aggregate'],
    ['a macro that is an aggregate', deriving('geometric_mean(rent)'), 'the aggregate geometric_mean'],
    ['a subquery', deriving('(select max(rent) from blocks)'), 'twice has a subquery'],
    ['a subquery of a comparison', deriving('rent in (select rent from self)'), 'twice has a subquery'],
    ['a changed column', deriving('rent * 2', 'Rent'), 'blocks has Rent already'],
    ['a key that a step makes', tableOf({ key: ['twice'] }), 'blocks has no twice'],
  ])('%s', async (_, one, message) => {
    await expect(judged(one)).rejects.toMatchObject({
      code: 'GR-1003',
      message: expect.stringContaining(message) as string,
    });
  });

  test('a column to divide by that is not there', async () => {
    await expect(judged(deriving('1'), 'county')).rejects.toMatchObject({ code: 'GR-1003' });
  });
});

test.each([
  'rent * 2 -- of $cut',
  "case when rent > $cut then 'over (' else coalesce(region, 'sum(rent)') end",
  'list_sum([rent, area]) + greatest(rent, area)',
  'round_even(rent, 2) + fdiv(area, 3)',
])('an expression over its own row is none of them: %s', async (expression) => {
  await expect(judged(deriving(expression))).resolves.toBeUndefined();
});

test('a step refuses such a table before it makes anything', async () => {
  const { refresh } = await smallSetting((definition) => {
    inPartitionsBy('region')(definition);
    const known = definition.features.known ?? {};
    known.steps = [{ derive: { share: 'rent / sum(rent)' } }, ...(known.steps as object[])];
  });
  await expect(refresh({ only: ['features'] })).rejects.toMatchObject({ type: 'GR-1003' });
});
