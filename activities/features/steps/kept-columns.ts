import type { Parameters } from '../../../lake/parameters.js';
import type { Session } from '../../../lake/session.js';
import { quoteIdent } from '../../../lake/sql.js';
import type { Column, Columns } from '../../../lake/types.js';
import { Shared } from '../../shared.js';
import { columnOf } from '../builders/columns.js';

/** Bytes of all columns that are kept. */
const MOST_BYTES = 96_000_000;

interface Kept {
  rows: number;
  column: Column;
}

/** A table of the lake as it stands in a session: its name there, and the digest of its bytes. */
export interface KnownTable {
  name: string;
  sha256: string;
}

const kept = new Shared<Kept>(MOST_BYTES, ({ column }) => bytesOf(column));

/**
 * Columns of a table of the lake in memory, of the rows where a condition holds. A table never changes, and the cut-offs and
 * partitions of one read the same columns of the same others: they are read once for all of them.
 */
export async function readKept(
  session: Session,
  { name: table, sha256 }: KnownTable,
  names: readonly string[],
  where?: string,
  parameters: Parameters = {},
): Promise<Columns> {
  // Parameters that the condition does not name decide nothing.
  const bound = [...(where ?? '').matchAll(/\$(\w+)/g)].map(([, parameter = '']) => [parameter, parameters[parameter]]);
  const keyOf = (name: string): string => JSON.stringify([sha256, name, where, bound]);
  const load = (wanted: readonly string[]): Promise<Columns> =>
    session.readColumns(
      `select ${wanted.map(quoteIdent).join(', ')} from ${quoteIdent(table)}${where === undefined ? '' : ` where ${where}`}`,
      parameters,
    );
  const missing = names.filter((name) => !kept.has(keyOf(name)));
  let loading: Promise<Columns> | undefined;
  const read = await Promise.all(
    names.map((name) =>
      kept.get(keyOf(name), async () => {
        if (missing.includes(name)) loading ??= load(missing);
        // One that was there, and then was given up by the step that read it, is read by itself.
        const columns = await (missing.includes(name) && loading ? loading : load([name]));
        return { rows: columns.rows, column: columnOf(columns, name) };
      }),
    ),
  );
  return {
    rows: read[0]?.rows ?? 0,
    columns: Object.fromEntries(names.map((name, i) => [name, (read[i] as Kept).column])),
  };
}

/** About what a column takes; of texts each value that occurs, with what the engine adds to it. */
function bytesOf(column: Column): number {
  if (column.type !== 'text') return column.values.byteLength;
  return column.codes.byteLength + column.dictionary.reduce((sum, text) => sum + text.length + 32, 0);
}
