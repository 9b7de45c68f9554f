import type { z } from 'zod';
import type { fit as schema } from '../../../config/definition/table.js';
import { GeorefreshError } from '../../../config/errors.js';
import type { Column, Columns } from '../../../lake/types.js';
import { toFeatures } from '../../train/features.js';
import { columnOf, sharedFloat64, sharedGroups, sharedInt32, takeRows } from './columns.js';
import { type BuildContext, numbers, withColumns } from './context.js';

/** Adds what learners that are fitted on another table foretell for the own rows. */
export async function fitOn(self: Columns, params: z.output<typeof schema>, context: BuildContext): Promise<Columns> {
  const { on, target, features, by, add, ascending, min = Number.NEGATIVE_INFINITY } = params;
  const keys = by === undefined ? [] : [by];
  const rows = withTarget(await context.read(on, [target, ...features, ...keys], params.where), target, on);
  demandNumbers(self, features, 'self');
  demandNumbers(rows, features, on);
  const names = Object.keys(add);
  const values = names.map(() => sharedFloat64(self.rows).fill(Number.NaN));
  const learn = async (own: Int32Array, theirs: Int32Array): Promise<void> => {
    const learned = takeRows(rows, theirs);
    const data = { ...toFeatures(learned, features), target: numbers(learned.columns[target], target, on) };
    const matrix = toFeatures(takeRows(self, own), features);
    await Promise.all(
      Object.values(add).map(async ({ learner, ...how }, k) => {
        const foretold = await context.whole('fitPredict', { learner, params: how, data, matrix });
        for (let i = 0; i < own.length; i++) values[k][own[i]] = Math.max(min, foretold[i]);
      }),
    );
  };
  for (const [own, theirs] of groupsBy(self, rows, by)) await learn(own, theirs);
  context.note(`${names[0]}_learned_from`, rows.rows);
  if (ascending) context.note(`${names[0]}_crossed`, rearrange(values, self.rows));
  return withColumns(
    self,
    Object.fromEntries(names.map((name, k): [string, Column] => [name, { type: 'double', values: values[k] }])),
  );
}

/** Own rows and those that they are foretold from, by each value that both tables have. */
function groupsBy(self: Columns, rows: Columns, by: string | undefined): [own: Int32Array, theirs: Int32Array][] {
  const all = ({ rows: count }: Columns): Int32Array => Int32Array.from({ length: count }, (_, row) => row);
  if (by === undefined) return [[all(self), all(rows)]];
  const codes = sharedGroups([columnOf(self, by)], [columnOf(rows, by)], self.rows, rows.rows);
  const [own, theirs] = codes.map((one) => {
    const lists = new Map<number, number[]>();
    for (let row = 0; row < one.length; row++) {
      const list = lists.get(one[row]);
      if (list !== undefined) list.push(row);
      else if (one[row] >= 0) lists.set(one[row], [row]);
    }
    return lists;
  }) as [Map<number, number[]>, Map<number, number[]>];
  return [...own].flatMap(([code, list]): [Int32Array, Int32Array][] => {
    const known = theirs.get(code);
    return known === undefined ? [] : [[Int32Array.from(list), Int32Array.from(known)]];
  });
}

function withTarget(table: Columns, target: string, on: string): Columns {
  const values = numbers(table.columns[target], target, on);
  const known: number[] = [];
  for (let row = 0; row < table.rows; row++) if (Number.isFinite(values[row])) known.push(row);
  return known.length === table.rows
    ? table
    : takeRows(
        table,
        sharedInt32(known.length).map((_, i) => known[i]),
      );
}

/** Levels of a text have other codes in another table, so a model of one says nothing of the other. */
function demandNumbers(table: Columns, features: string[], name: string): void {
  for (const feature of features)
    if (columnOf(table, feature).type === 'text')
      throw new GeorefreshError(
        'GR-1003',
        `feature ${feature} of ${name} is text; a fit on another table reads numbers`,
      );
}

/**
 * Puts the values of each row in ascending order, and counts the rows that were not: what quantiles fitted one by one
 * get wrong is mended, and never made worse (Chernozhukov, Fernández-Val & Galichon 2010).
 */
export function rearrange(columns: readonly Float64Array[], rows: number): number {
  const sorted = new Float64Array(columns.length);
  let crossed = 0;
  for (let row = 0; row < rows; row++) {
    let isAscending = true;
    for (let k = 0; k < columns.length; k++) {
      sorted[k] = columns[k][row];
      if (k > 0 && sorted[k] < sorted[k - 1]) isAscending = false;
    }
    if (isAscending) continue;
    crossed++;
    sorted.sort();
    for (let k = 0; k < columns.length; k++) columns[k][row] = sorted[k];
  }
  return crossed;
}
