import { expect, test } from 'vitest';
import { type Change, inPartitionsBy, partsOf, recordOf, smallSetting } from '../../support/partitions.js';

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

test('nor do they differ where a table keeps the order of the one that it begins with', async () => {
  const inOrder: Change = ({ features }) => {
    delete features.visited?.when;
  };
  const divided: Change = (definition) => {
    inOrder(definition);
    inPartitionsBy('region')(definition);
  };
  expect(await tablesOf(divided)).toEqual(await tablesOf(inOrder));
}, 120_000);

test('a row without a value lies in a partition of its own', async () => {
  const { bench, refresh } = await smallSetting(inPartitionsBy('level'));
  const parts = await partsOf(bench, await refresh({ only: ['features'] }), 'features/known@now');
  expect([...parts.keys()]).toEqual(['', '0', '1']);
  expect([...parts.values()].map(({ rows }) => rows)).toEqual([80, 80, 80]);
});
