import { type Comparison, picked, rowsAt, type Side, type Told } from './diff-sql.js';
import type { Session } from './session.js';
import type { Columns } from './types.js';

/** A cell. Integers beyond 2^53, and doubles that are no finite numbers, are told as texts. */
export type Value = string | number | boolean | null;

/** Where a row stands: 1 is the first of a ranked table. Null where the table is not ranked, or has no score. */
export interface Standing {
  rank: number | null;
  score: number | null;
}

/** A row of one table or both. */
export interface RowDiff {
  key: Record<string, Value>;
  /** Null for an added row. */
  before: Standing | null;
  /** Null for one that is gone. */
  after: Standing | null;
  /** Columns whose values differ, but for the key, in the order of the table; none for a row of one table only. */
  changes: { column: string; before: Value; after: Value }[];
}

/** Rows told one by one, of the pairs that `joined` gives. */
export async function readRows(
  session: Session,
  pairs: string,
  told: Told,
  columns: Record<Side, { name: string; type: string }[]>,
  comparison: Comparison,
  options: { top: number; within?: number },
): Promise<RowDiff[]> {
  const picks = session.temporaryName();
  await session.run(`CREATE TEMP TABLE ${picks} AS ${picked(pairs, told, comparison, options)}`);
  const found = await session.readColumns(rowsAt(picks, columns));
  return Array.from({ length: found.rows }, (_, row) => {
    const before = cellsAt(found, 'before', row);
    const after = cellsAt(found, 'after', row);
    const standing = (cells: Cells | null, place: string): Standing | null => {
      if (cells === null) return null;
      const score = comparison.score === undefined ? null : cells[comparison.score.name];
      return {
        rank: comparison.ranked ? numberAt(found, place, row) : null,
        score: typeof score === 'number' ? score : null,
      };
    };
    const named = after ?? before ?? {};
    return {
      key: Object.fromEntries(comparison.key.map(({ name }) => [name, named[name] ?? null])),
      before: standing(before, 'p0'),
      after: standing(after, 'p1'),
      changes:
        before === null || after === null
          ? []
          : comparison.compared.flatMap(({ name }, c) =>
              numberAt(found, `c${c}`, row) === 1
                ? [{ column: name, before: before[name] ?? null, after: after[name] ?? null }]
                : [],
            ),
    };
  });
}

type Cells = Record<string, Value>;

function cellsAt({ columns }: Columns, name: string, row: number): Cells | null {
  const column = columns[name];
  if (column?.type !== 'text') throw new TypeError(`${name} is no column of text`);
  const text = column.dictionary[column.codes[row] ?? -1];
  return text === undefined ? null : (JSON.parse(text) as Cells);
}

/** A number or truth (0, 1) of a result; null where it is missing. */
export function numberAt({ columns }: Columns, name: string, row: number): number | null {
  const column = columns[name];
  if (column === undefined || column.type === 'text') throw new TypeError(`${name} is no column of numbers`);
  const value = column.values[row] ?? Number.NaN;
  return Number.isNaN(value) ? null : value;
}
