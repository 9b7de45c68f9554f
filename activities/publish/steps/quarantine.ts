import { isGlob, shownPlace } from '../../../config/definition/source.js';
import type { Session } from '../../../lake/session.js';
import { quoteIdent, quoteLiteral } from '../../../lake/sql.js';
import { putTable, withTables } from '../../../lake/tables.js';
import type { TableRef } from '../../../lake/types.js';
import { artifactOf, type Deps, prefixOf } from '../../deps.js';
import { keptFiles, withRecords } from '../../ingest/steps/open.js';
import type { FrozenDefinition } from '../../resolve/frozen.js';
import { overlayOf, rawTable } from '../../resolve/plan.js';
import type { PublishInput } from '../../types.js';

const COLUMNS = {
  source: 'varchar',
  row: 'bigint',
  rule: 'varchar',
  reason: 'varchar',
  raw: 'varchar',
  file: 'varchar',
};

/**
 * Every row that any step put aside, with the cells as they came, in order of source, file and row. `raw` is JSON text of
 * the record's cells; of a layer, of its properties. Steps that know only a row's number leave it out: it is read again.
 */
export async function writeQuarantine(
  deps: Deps,
  session: Session,
  { pipeline }: FrozenDefinition,
  input: PublishInput,
  signal: AbortSignal,
): Promise<TableRef> {
  const { lake } = deps;
  const aside = input.steps.flatMap(({ quarantine }) => (quarantine ? [quarantine] : []));
  const nothing = Object.entries(COLUMNS).map(([column, type]) => `cast(null as ${type}) as ${quoteIdent(column)}`);
  const options = { prefix: prefixOf(pipeline.name, 'quarantine'), orderBy: ['source', 'file', 'row', 'rule'], signal };
  if (aside.length === 0)
    return putTable(lake, session, { select: `select ${nothing.join(', ')} where false` }, options);
  return withTables(
    lake,
    session,
    { aside },
    async () => {
      await session.run(
        `create temp table put_aside as select ${nothing.join(', ')} where false union all by name select * from aside`,
      );
      for (const name of await textsOf(session, 'select distinct source as text from put_aside where raw is null')) {
        const source = pipeline.sources[name];
        if (source === undefined) continue;
        const overlay = input.artifacts[overlayOf(name)];
        await withRecords(
          lake,
          session,
          source,
          artifactOf(input, rawTable(name)),
          async (records) => {
            await session.run(
              `create or replace temp table _wanted as select distinct "row" as _row from put_aside where source = ${quoteLiteral(name)} and raw is null`,
            );
            await session.run(
              `update put_aside set raw = r.raw from (${await records.cells([], { of: '_wanted' })}) as r
             where put_aside.source = ${quoteLiteral(name)} and put_aside.raw is null and put_aside."row" = r._row`,
            );
          },
          { signal, ...(overlay && { overlay }) },
        );
      }
      for (const [name, source] of Object.entries(pipeline.sources))
        if (isGlob(source) && Object.hasOwn(input.artifacts, rawTable(name))) await nameFiles(name);
        else
          await session.run(
            `update put_aside set file = ${quoteLiteral(shownPlace(source.uri))} where source = ${quoteLiteral(name)}`,
          );
      return putTable(lake, session, { select: 'select * from put_aside' }, options);
    },
    { signal },
  );

  /** Rows of several files count on from one to the next; people know them by the file and the row there. */
  async function nameFiles(name: string): Promise<void> {
    const source = pipeline.sources[name];
    if (source === undefined) return;
    const files = await keptFiles(lake, source, artifactOf(input, rawTable(name)), { signal });
    let before = 0;
    const spans = files.map(({ name: file, rows = 0 }) => {
      const span = `(${quoteLiteral(file)}, ${before}, ${before + rows})`;
      before += rows;
      return span;
    });
    await session.run(
      `update put_aside set file = f.file, "row" = "row" - f.before from (values ${spans.join(', ')}) as f(file, before, until)
       where put_aside.source = ${quoteLiteral(name)} and put_aside."row" > f.before and put_aside."row" <= f.until`,
    );
  }
}

async function textsOf(session: Session, sql: string): Promise<string[]> {
  const { columns } = await session.readColumns(sql);
  const { text } = columns;
  return text?.type === 'text' ? Array.from(text.codes, (code) => text.dictionary[code]) : [];
}
