import type { Session } from '../../lake/session.js';
import type { Columns } from '../../lake/types.js';
import { sharedFloat64, textColumn } from '../features/builders/columns.js';
import { cellName, jsonPath } from './cell.js';
import type { Records } from './records.js';

/** A row that people mended, in the place of one that was put aside. */
export interface MendedRow {
  file: string;
  /** 1 for the first record of the file. */
  row: number;
  /** SHA-256 of the JSON text of the cells that it stands for: the mend is for that row and no other. */
  was: string;
  cells: Record<string, string | null>;
}

/** Mended rows of a source, in order of file and row; an artifact. */
export interface Overlay {
  version: 1;
  rows: MendedRow[];
}

/**
 * Records with mended rows in the place of theirs. A mend whose row has other cells by now is left out: the file has
 * changed, and what it says counts. `files` are the names of the records' files in their order.
 */
export async function overlaid(
  records: Records,
  { rows }: Overlay,
  files: readonly string[],
  session: Session,
): Promise<{ records: Records; stale: number }> {
  const counts = files.length > 1 ? await records.count() : [0];
  const before = new Map(files.map((file, i) => [file, counts.slice(0, i).reduce((sum, count) => sum + count, 0)]));
  const known = rows.filter(({ file }) => before.has(file));
  const [given, mended] = [session.temporaryName(), session.temporaryName()];
  await session.createTable(
    given,
    tableOf(known, (row) => (before.get(row.file) ?? 0) + row.row),
  );
  await session.run(
    `create temp table ${mended} as select g.* from ${given} as g join (${await records.cells([], { of: given })}) as r using (_row)
     where sha256(r.raw) = g.was`,
  );
  const { columns } = await session.readColumns(`select count(*) as n from ${mended}`);
  const used = columns.n?.type === 'integer' ? columns.n.values[0] : 0;
  return {
    stale: rows.length - used,
    records: {
      ...records,
      inOrder: false,
      cells: async (wanted, { of } = {}) => {
        const cells = [...new Set(wanted)].map(
          (column) => `json_extract_string(cells, ${jsonPath(column)}) as ${cellName(column)}`,
        );
        const raw = of === undefined ? [] : ['cells as raw'];
        const some = of === undefined ? '' : ` semi join ${of} using (_row)`;
        return `select * from (${await records.cells(wanted, of === undefined ? {} : { of })}) anti join ${mended} using (_row)
          union all by name select ${['_row', '0 as _file', ...cells, ...raw].join(', ')} from ${mended}${some}`;
      },
      close: async () => {
        await session.run(`drop table if exists ${given}; drop table if exists ${mended}`);
        await records.close();
      },
    },
  };
}

const tableOf = (rows: readonly MendedRow[], numberOf: (row: MendedRow) => number): Columns => {
  const numbers = sharedFloat64(rows.length);
  for (const [i, row] of rows.entries()) numbers[i] = numberOf(row);
  return {
    rows: rows.length,
    columns: {
      _row: { type: 'integer', values: numbers },
      was: textColumn(rows.length, (i) => rows[i].was),
      cells: textColumn(rows.length, (i) => JSON.stringify(rows[i].cells)),
    },
  };
};
