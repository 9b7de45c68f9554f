import type { Source } from '../../config/definition/source.js';
import { GeorefreshError } from '../../config/errors.js';
import type { Session } from '../../lake/session.js';
import { quoteIdent, quoteLiteral } from '../../lake/sql.js';
import { putTable, withTables } from '../../lake/tables.js';
import { type Deps, definitionOf, nameOf, prefixOf } from '../deps.js';
import { type StepContext, step } from '../durable.js';
import { rawTable } from '../resolve/plan.js';
import type { StepInput } from '../types.js';
import { contractSql, SQL_TYPES } from './contract.js';

/** Broken rows that an error names one by one. */
const NAMED_ROWS = 5;

export const createValidateActivities = (deps: Deps) => ({
  /** Gives rows their types and holds them to the contract: good ones become the table, the others go to quarantine. */
  validate: step(deps, async (input: StepInput, { signal }: StepContext) => {
    const { lake } = deps;
    const { pipeline } = await definitionOf(lake, input);
    const name = nameOf(input);
    const source = pipeline.sources[name];
    if (source === undefined) throw new GeorefreshError('GR-3009', `no source is called ${name}`);
    const raw = input.tables[rawTable(name)];
    const into = { prefix: prefixOf(pipeline.name, 'validated'), signal };

    return lake.duckdb.session(
      async (session) => {
        if (raw === undefined) {
          const table = await putTable(lake, session, { select: emptyTable(source) }, { ...into, orderBy: [] });
          return { tables: { [name]: table }, artifacts: {}, rowsIn: 0, rowsOut: 0, facts: { absent: 1 } };
        }
        return withTables(
          lake,
          session,
          { raw },
          async () => {
            const { checked, columns } = contractSql(source, 'raw');
            await session.run(`create temp table checked as ${checked}`);
            const facts = await countByRule(session);
            const failed = Object.values(facts).reduce((sum, count) => sum + count, 0);
            await demandShare(session, name, source, failed, raw.rows);
            const table = await putTable(
              lake,
              session,
              { select: `select ${columns.map(quoteIdent).join(', ')}, _row from checked where _rule is null` },
              { ...into, orderBy: [...source.sort, '_row'], keyed: true },
            );
            const quarantine = failed > 0 && {
              quarantine: await putTable(
                lake,
                session,
                {
                  select: `select ${quoteLiteral(name)} as source, _row as "row", _rule as rule, _reason as reason from checked where _rule is not null`,
                },
                { prefix: prefixOf(pipeline.name, 'quarantine'), orderBy: ['row'], keyed: true, signal },
              ),
            };
            return {
              tables: { [name]: table },
              artifacts: {},
              rowsIn: raw.rows,
              rowsOut: table.rows,
              ...quarantine,
              facts: prefixed(facts),
            };
          },
          { signal },
        );
      },
      { signal, step: input.step.id },
    );
  }),
});

const prefixed = (counts: Record<string, number>): Record<string, number> =>
  Object.fromEntries(Object.entries(counts).map(([rule, count]) => [`rule:${rule}`, count]));

async function countByRule(session: Session): Promise<Record<string, number>> {
  const { rows, columns } = await session.readColumns(
    'select _rule, count(*) as n from checked where _rule is not null group by _rule order by _rule',
  );
  const { _rule: rule, n } = columns;
  if (rule?.type !== 'text' || n?.type !== 'integer') throw new TypeError('counts by rule are text and integer');
  return Object.fromEntries(
    Array.from({ length: rows }, (_, row) => [rule.dictionary[rule.codes[row]], n.values[row]]),
  );
}

/** Fails closed: with more broken rows than the contract allows nothing goes on, and published outputs stay. */
async function demandShare(
  session: Session,
  name: string,
  source: Source,
  failed: number,
  rows: number,
): Promise<void> {
  const allowed = source.maxQuarantinedShare;
  if (failed <= allowed * rows) return;
  const { columns, rows: named } = await session.readColumns(
    `select _row, _rule, _reason from checked where _rule is not null order by _row limit ${NAMED_ROWS}`,
  );
  const { _row: row, _rule: rule, _reason: reason } = columns;
  if (row?.type !== 'integer' || rule?.type !== 'text' || reason?.type !== 'text')
    throw new TypeError('broken rows have a row, a rule and a reason');
  const percent = (share: number): string => `${Number((share * 100).toPrecision(3))} %`;
  throw new GeorefreshError(
    'GR-2104',
    `${failed} of ${rows} rows of ${name} (${percent(failed / rows)}) break it, ${percent(allowed)} allowed`,
    {
      where: Array.from({ length: named }, (_, i) => ({
        file: source.uri,
        row: row.values[i],
        note: `${rule.dictionary[rule.codes[i]]}: ${reason.dictionary[reason.codes[i]]}`,
      })),
    },
  );
}

/** The table of an optional source that is not there. */
function emptyTable(source: Source): string {
  const layer = source.format === 'csv' ? [] : ['cast(null as varchar) as id', 'cast(null as varchar) as geometry'];
  const columns = Object.entries(source.columns).map(
    ([column, { type }]) => `cast(null as ${SQL_TYPES[type]}) as ${quoteIdent(column)}`,
  );
  return `select ${[...layer, ...columns, 'cast(null as bigint) as _row'].join(', ')} where false`;
}
