import type { Source } from '../../../config/definition/source.js';
import type { Session } from '../../../lake/session.js';
import { quoteIdent, quoteLiteral } from '../../../lake/sql.js';
import { putTable } from '../../../lake/tables.js';
import { artifactOf, type Deps, nameOf, prefixOf } from '../../deps.js';
import type { StepContext } from '../../durable.js';
import { keptFiles } from '../../ingest/steps/open.js';
import { areScattered, PARTITION, type Part } from '../../partitions/ledger.js';
import { type NamedFile, shelfOfFiles } from '../../partitions/steps/files.js';
import { overlayOf, rawTable } from '../../resolve/plan.js';
import type { StepInput } from '../../types.js';
import type { CheckedBefore } from '../judge.js';

export interface CheckedFiles extends CheckedBefore {
  /** The tables that the kept rows lie in, which the session must have under these names. */
  tables: Record<string, Part>;
}

/**
 * The files of a source as partitions of its rows: what a contract says of a row depends on nothing but its file, so the rows
 * of a file that was checked before are read from where they were kept, typed, with the check that each broke. Checks that
 * see more than a row are asked of all of them together. Undefined where a source is one file, or has mended rows.
 */
export async function checkedFiles(
  deps: Deps,
  input: StepInput,
  source: Source,
  { signal }: StepContext,
): Promise<CheckedFiles | undefined> {
  const { lake } = deps;
  const name = nameOf(input);
  const shelf = await shelfOfFiles(deps, input, source, { signal });
  if (shelf === undefined || Object.hasOwn(input.artifacts, overlayOf(name))) return undefined;
  const raw = await keptFiles(lake, source, artifactOf(input, rawTable(name)), { signal });
  const files = raw.map((file) => ({ file, kept: shelf.find(file) }));
  const tables: Record<string, Part> = {};
  const places = new Map<string, string>();
  for (const { kept } of files) {
    if (kept === undefined || places.has(kept.uri)) continue;
    const table = `_kept${places.size}`;
    places.set(kept.uri, table);
    tables[table] = kept;
  }
  const prefix = prefixOf(input.header.pipeline, 'validated');
  const literals = raw.map((file) => quoteLiteral(file.name));

  return {
    tables,
    together: async (columns, checked) => {
      const list = [...columns.map(quoteIdent), '_check'].join(', ');
      const selects: string[] = [];
      // Neighbours that come from the same place are read in one go: they lie there in the order of their names, too.
      for (let first = 0, next = 0; first < files.length; first = next) {
        const from = files[first]?.kept?.uri;
        while (next < files.length && files[next]?.kept?.uri === from) next++;
        const run = Array.from({ length: next - first }, (_, i) => first + i);
        const rows =
          from === undefined
            ? `select [${literals.join(', ')}][_file + 1] as ${PARTITION}, ${list} from (${await checked(run)})`
            : `select ${PARTITION}, ${list} from ${places.get(from)} where ${ofFiles(run.map((i) => raw[i]))}`;
        selects.push(rows);
      }
      return selects.join('\nunion all\n');
    },
    keep: async (session: Session, columns) => {
      const together = areScattered(files.flatMap(({ kept }) => kept ?? []));
      const written = files.filter(({ kept }) => together || kept === undefined);
      if (written.length === 0) return;
      const select = `select ${[PARTITION, ...columns.map(quoteIdent), '_check'].join(', ')} from _rows
        where ${ofFiles(written.map(({ file }) => file))}`;
      // In the order in which they stand: it is that of their numbers.
      const table = await putTable(lake, session, { select }, { prefix, orderBy: [], keyed: true, signal });
      const parts = files.map(({ file, kept }): [NamedFile, Part] => {
        const { name, rows = 0 } = file;
        return [file, together || kept === undefined ? { ...table, name, rows, facts: {} } : kept];
      });
      await shelf.put(parts);
    },
  };
}

/** The condition that a row is of one of these files. A long `in` is a join to the engine, which rows leave in another order. */
const ofFiles = (files: readonly ({ name: string } | undefined)[]): string =>
  `list_contains([${files.map((file) => quoteLiteral(file?.name ?? '')).join(', ')}], ${PARTITION})`;
