import { expect, test } from 'vitest';
import { type Change, inPartitionsBy, partsOf, recordOf, smallSetting } from './support.js';

/** The definition in one piece, with an order of its own and a table that has no rows. */
const whole: Change = ({ features }) => {
  Object.assign(features.known ?? {}, { sort: ['region', 'metres desc'] });
  delete features.visited?.when;
};

const dividedBy =
  (by: string): Change =>
  (definition) => {
    whole(definition);
    inPartitionsBy(by)(definition);
    Object.assign(definition.features.visited ?? {}, { partition: 'visit' });
  };

/** Digests of the tables that a pipeline makes in partitions, by step. */
async function tablesOf(change: Change): Promise<Record<string, string>> {
  const ran = await (await smallSetting(change)).refresh({ only: ['features', 'score'] });
  return Object.fromEntries(
    ['features/known@now', 'features/known@later', 'features/visited', 'score/predictions'].map((id) => [
      id,
      String(Object.values(recordOf(ran, id).tables)[0]?.sha256),
    ]),
  );
}

test('tables and predictions are the same bytes in one piece and in partitions by whatever column (S0.12)', async () => {
  const expected = await tablesOf(whole);
  for (const by of ['region', 'fold']) expect(await tablesOf(dividedBy(by))).toEqual(expected);
}, 120_000);

test('a row without a value lies in a partition of its own', async () => {
  const { bench, refresh } = await smallSetting(inPartitionsBy('level'));
  const parts = await partsOf(bench, await refresh({ only: ['features'] }), 'features/known@now');
  expect([...parts.keys()]).toEqual(['', '0', '1']);
  expect([...parts.values()].map(({ rows }) => rows)).toEqual([80, 80, 80]);
});

test.each<[what: string, change: (known: Record<string, unknown>) => void, message: RegExp]>([
  ['a window function', (known) => derive(known, 'sum(rent) over ()'), /twice has a window function/],
  ['an aggregate', (known) => derive(known, 'rent / max(rent)'), /twice has the aggregate max/],
  ['a macro that is an aggregate', (known) => derive(known, 'geometric_mean(rent)'), /the aggregate geometric_mean/],
  ['a subquery', (known) => derive(known, '(select max(rent) from context)'), /twice has a subquery/],
  ['a column that is there', (known) => derive(known, 'rent * 2', 'Rent'), /context has Rent already/],
  ['no such column', (known) => Object.assign(known, { partition: 'county' }), /context has no county/],
])('a table cannot be made in partitions with %s: GR-1003', async (_, change, message) => {
  const { refresh } = await smallSetting((definition) => {
    inPartitionsBy('region')(definition);
    change(definition.features.known ?? {});
  });
  await expect(refresh({ only: ['features'] })).rejects.toMatchObject({
    type: 'GR-1003',
    message: expect.stringMatching(message) as string,
  });
});

function derive(known: Record<string, unknown>, expression: string, name = 'twice'): void {
  known.steps = [{ derive: { [name]: expression } }, ...(known.steps as object[])];
}

test('an expression over its own row is no window: also one that names a function like an aggregate of a list', async () => {
  const { refresh } = await smallSetting((definition) => {
    inPartitionsBy('region')(definition);
    derive(definition.features.known ?? {}, 'list_sum([rent, area]) + greatest(rent, area)');
  });
  expect(recordOf(await refresh({ only: ['features'] }), 'features/known@now').tables['known@now']?.columns).toContain(
    'twice',
  );
});
