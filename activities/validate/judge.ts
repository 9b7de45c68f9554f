import type { Source } from '../../config/definition/source.js';
import { GeorefreshError } from '../../config/errors.js';
import type { Session } from '../../lake/session.js';
import { quoteIdent, quoteLiteral } from '../../lake/sql.js';
import type { Records } from '../ingest/records.js';
import { contractSql } from './contract.js';
import { SQL_TYPES } from './types.js';

/** What a contract says of the records of a source; the rows themselves are tables of the session. */
export interface Judgement {
  rows: number;
  failed: number;
  /** Rows put aside by rule, and rows that a rule only counts. */
  counts: Record<string, number>;
  warnings: Record<string, number>;
  /** A SELECT of the good rows: the declared columns and `_row`. */
  good: string;
  /** A SELECT of the rows put aside: source, row, rule, reason, raw. */
  aside: string;
}

/** What is known of the rows of some files, as the same contract was held to them before. */
export interface CheckedBefore {
  /** The SELECT of all rows in the order of the files; `checked` writes that of some of them, by their places. */
  together(columns: readonly string[], checked: (files: readonly number[]) => Promise<string>): Promise<string>;
  /** Keeps the rows that were checked now, once `_rows` is a table of them all. */
  keep(session: Session, columns: readonly string[]): Promise<void>;
}

/** The rows with what later checks found: few, so that they are looked up and the others stay as they lie. */
const WITH_LATER =
  'select _rows.* replace (coalesce(_check, _at) as _check) from _rows left join _against using (_row)';

/** Rows that an error names one by one. */
const NAMED_ROWS = 5;

/**
 * Holds the records of a source to its contract, in the session's tables `checked` and, where rows are put aside,
 * `aside`. Other sources that the contract speaks of must be views of the session by their names. GR-3010 names a rule
 * whose SQL cannot be run as it is written.
 */
export async function judge(
  session: Session,
  name: string,
  source: Source,
  records: Records,
  before?: CheckedBefore,
): Promise<Judgement> {
  const contract = contractSql(source);
  await demandExpressions(session, source);
  const numbered = contract.numbered || !records.inOrder;
  // Rows whose numbers count where they are checked are another thing in another place.
  const byFile = numbered ? undefined : before;
  const checked = async (files?: readonly number[]): Promise<string> =>
    contract.checked(await records.cells(contract.reads, { numbered, files }), numbered, files !== undefined);
  const select = await (byFile?.together(contract.columns, checked) ?? checked());
  try {
    await session.keepRows('_rows', select, numbered ? undefined : '_row');
  } catch (error) {
    throw await blamed(session, source, records.explain(error));
  }
  await byFile?.keep(session, contract.columns);
  const warnings: Record<string, number> = {};
  await session.run(
    `create or replace temp table _against (_row bigint, _at smallint, _other bigint);
     create or replace temp view _checked as from _rows`,
  );
  for (const { rule, severity, rows, at } of contract.later) {
    await session
      .run(`create or replace temp table _found as ${rows}`)
      .catch((error: unknown) => Promise.reject(ofRule(error, rule)));
    const count = await numberOf(session, 'select count(*) as n from _found');
    if (severity === 'warn') warnings[rule] = count;
    else if (count > 0)
      await session.run(
        `insert into _against select _row, ${at}, _other from _found; create or replace temp view _checked as ${WITH_LATER}`,
      );
  }
  for (const { rule, broken } of contract.warnings)
    warnings[rule] = await numberOf(session, `select count(*) as n from _checked where _check is null and ${broken}`);

  const counts = await countByRule(session, contract.rules);
  const failed = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const rows = await numberOf(session, 'select count(*) as n from _checked');
  if (failed > 0) {
    const columns = ['_row', '_check', '_other', ...contract.shown.map(quoteIdent)];
    await session.run(
      `create or replace temp table _broken as select ${columns.join(', ')} from _checked left join _against using (_row) where _check is not null`,
    );
    await session.run(
      `create or replace temp table _aside as
       select ${quoteLiteral(name)} as source, _row as "row", _rule as rule, _reason as reason, raw
       from (${contract.aside(await records.cells(contract.reads, { of: '_broken', rows }))})`,
    );
  }
  return {
    rows,
    failed,
    counts,
    warnings,
    good: `select ${[...contract.columns, '_row'].map(quoteIdent).join(', ')} from _checked where _check is null`,
    aside: 'select * from _aside',
  };
}

/** Fails closed: with more broken rows than the contract allows nothing goes on, and published outputs stay (GR-2104). */
export async function demandShare(
  session: Session,
  name: string,
  source: Source,
  { rows, failed }: Judgement,
): Promise<void> {
  const allowed = source.maxQuarantinedShare;
  if (failed <= allowed * rows) return;
  const { columns, rows: named } = await session.readColumns(
    `select "row", rule, reason from _aside order by "row" limit ${NAMED_ROWS}`,
  );
  const { row, rule, reason } = columns;
  if (row?.type !== 'integer' || rule?.type !== 'text' || reason?.type !== 'text')
    throw new TypeError('broken rows have a row, a rule and a reason');
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

const percent = (share: number): string => `${Number((share * 100).toPrecision(3))} %`;

/** A SELECT without rows of a source's good ones. */
export function noRows(source: Source): string {
  const layer = 'crossing' in source ? ['cast(null as varchar) as id', 'cast(null as varchar) as geometry'] : [];
  return `select ${[...layer, ...nothing(source), 'cast(null as bigint) as _row'].join(', ')} where false`;
}

const nothing = ({ columns }: Source): string[] =>
  Object.entries(columns).map(([column, { type }]) => `cast(null as ${SQL_TYPES[type]}) as ${quoteIdent(column)}`);

export async function numberOf(session: Session, sql: string): Promise<number> {
  const { columns } = await session.readColumns(sql);
  const { n } = columns;
  if (n === undefined || n.type === 'text') throw new TypeError('a count is a number');
  return n.values[0] ?? 0;
}

async function countByRule(session: Session, rules: readonly string[]): Promise<Record<string, number>> {
  const { rows, columns } = await session.readColumns(
    'select _check, count(*) as n from _checked where _check is not null group by _check order by _check',
  );
  const { _check: check, n } = columns;
  if (check?.type !== 'integer' || n?.type !== 'integer') throw new TypeError('counts by check are integers');
  return Object.fromEntries(Array.from({ length: rows }, (_, row) => [rules[check.values[row]] ?? '', n.values[row]]));
}

/**
 * A rule of a row is an expression over its columns: what reads other rows has its place in `across`. That no SQL
 * reaches a file is the session's own doing.
 */
async function demandExpressions(session: Session, { rules }: Source): Promise<void> {
  for (const [rule, { check }] of Object.entries(rules)) {
    const { columns } = await session.readColumns(
      // The engine wants a literal here, not a parameter.
      `select cast(json_serialize_sql(${quoteLiteral(`select (${check}\n)`)}) as varchar) as tree`,
    );
    const tree = columns.tree?.type === 'text' ? (columns.tree.dictionary[0] ?? '') : '';
    const parsed = JSON.parse(tree) as { error: boolean; error_message?: string; statements?: unknown[] };
    if (parsed.error)
      throw new GeorefreshError('GR-3010', `rule ${rule}: ${parsed.error_message ?? 'it is no SQL'}`, {
        where: [{ note: check.slice(0, 500) }],
      });
    if (parsed.statements?.length !== 1 || /"class":"(SUBQUERY|WINDOW)"|"type":"TABLE_FUNCTION"/.test(tree))
      throw new GeorefreshError('GR-3010', `rule ${rule} is no expression over the columns of a row`, {
        where: [{ note: check.slice(0, 500) }],
      });
  }
}

/** Which rule a failed statement is the fault of: each is asked alone, of no rows. */
async function blamed(session: Session, source: Source, error: unknown): Promise<unknown> {
  if (!(error instanceof GeorefreshError) || error.code !== 'GR-3010') return error;
  for (const [rule, { check }] of Object.entries(source.rules)) {
    const fault = await session.describe(`select *, (${check}\n) from (select ${nothing(source).join(', ')})`).then(
      () => undefined,
      (failed: unknown) => ofRule(failed, rule),
    );
    if (fault !== undefined) return fault;
  }
  for (const [column, { pattern, formats = [] }] of Object.entries(source.columns)) {
    const asked = [
      ...(pattern === undefined ? [] : [{ key: 'pattern', sql: `regexp_full_match('', ${quoteLiteral(pattern)})` }]),
      ...formats.map((format) => ({ key: 'format', sql: `try_strptime('', ${quoteLiteral(format)})` })),
    ];
    for (const { key, sql } of asked) {
      const fault = await session.run(`select ${sql}`).then(
        () => undefined,
        () => new GeorefreshError('GR-3010', `column ${column}: its ${key} is none that the engine knows`),
      );
      if (fault !== undefined) return fault;
    }
  }
  // Bound, but not run: the message names a value of some row.
  return new GeorefreshError(
    'GR-3010',
    `a rule of ${Object.keys(source.rules).join(', ') || 'the contract'} cannot be computed for some row`,
  );
}

function ofRule(error: unknown, rule: string): unknown {
  if (!(error instanceof GeorefreshError) || error.code !== 'GR-3010') return error;
  // The first line says what is wrong, with the names that were probably meant; the others show the statement.
  const [what = ''] = error.message.replace(/^[^:]*: /, '').split('\n');
  return new GeorefreshError('GR-3010', `rule ${rule}: ${what}`);
}
