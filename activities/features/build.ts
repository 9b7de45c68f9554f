import type { Builder } from '../../config/definition/table.js';
import { GeorefreshError } from '../../config/errors.js';
import type { Parameters } from '../../lake/parameters.js';
import type { Session } from '../../lake/session.js';
import { bare, orderClause, quoteIdent, type SortOrder } from '../../lake/sql.js';
import { putTable, withTables } from '../../lake/tables.js';
import type { Columns, TableRef } from '../../lake/types.js';
import type { Deps } from '../deps.js';
import { prefixOf, tableOf } from '../deps.js';
import type { Made, StepContext } from '../durable.js';
import { runSplit } from '../pool/split.js';
import type { FrozenDefinition } from '../resolve/frozen.js';
import { readsOf, type TableTask } from '../resolve/plan.js';
import type { StepInput } from '../types.js';
import { assign } from './builders/assign.js';
import { bufferShare } from './builders/buffer-share.js';
import { columnOf, groupsOf, takeRows, textColumn, valuesOf } from './builders/columns.js';
import { type BuildContext, numbers } from './builders/context.js';
import { countWithin } from './builders/count-within.js';
import { nearest } from './builders/nearest.js';
import { rollup } from './builders/rollup.js';
import { packPolygons } from './geo/layers.js';

/** The working table as SQL sees it. */
const SELF = 'self';

/** Parameters of a table: the definition's, and in their place those of its cut-off. */
export const parametersOf = ({ pipeline }: FrozenDefinition, { cutoff }: Pick<TableTask, 'cutoff'>): Parameters => ({
  ...pipeline.parameters,
  ...(cutoff !== undefined && pipeline.cutoffs[cutoff]),
});

/** Runs the builders of a table one after the other over the working table, and keeps the result in the lake. */
export async function buildTable(
  deps: Deps,
  definition: FrozenDefinition,
  task: TableTask,
  prefix: string,
  input: StepInput,
  { signal, progress }: StepContext,
): Promise<Made> {
  const { lake } = deps;
  const refs = Object.fromEntries(readsOf(task.table).map((name) => [name, tableOf(input, name)]));
  return lake.duckdb.session(
    (session) =>
      withTables(
        lake,
        session,
        refs,
        async () => {
          const work = new Work(deps, session, definition, task, { signal, progress });
          const rowsIn = await work.begin();
          for (const builder of task.table.steps) await work.apply(builder);
          const columns = work.result();
          demandKey(columns, task, definition);
          const { key, sort = [] } = task.table;
          const orderBy = sortOrder([...sort, ...key]);
          const table = await putTable(lake, session, { columns }, { prefix, orderBy, keyed: true, signal });
          const quarantine = await work.quarantined(prefixOf(definition.pipeline.name, 'quarantine'));
          return {
            tables: { [task.name]: table },
            artifacts: {},
            rowsIn: rowsIn ?? table.rows,
            rowsOut: table.rows,
            ...(quarantine && { quarantine }),
            facts: work.facts,
          };
        },
        { signal },
      ),
    { signal, step: input.step.id },
  );
}

export const sortOrder = (sort: readonly string[]): SortOrder =>
  sort.map((entry) => {
    const [column, direction] = entry.split(' ');
    return { column, descending: direction === 'desc' };
  });

/** The first row whose key an earlier one has. */
function repeatedRow(table: Columns, key: readonly string[]): number | undefined {
  const groups = groupsOf(
    key.map((name) => columnOf(table, name)),
    table.rows,
  );
  // Groups are numbered in order of first appearance.
  for (let row = 0; row < table.rows; row++) if (groups[row] < row) return row;
  return undefined;
}

/** Refuses a table whose key does not name its rows: GR-2105, with the first that is there twice, unless it is personal. */
function demandKey(table: Columns, { name, table: { key } }: TableTask, { pipeline }: FrozenDefinition): void {
  const row = repeatedRow(table, key);
  if (row === undefined) return;
  const personal = Object.values(pipeline.sources).some(({ columns }) => key.some((one) => columns[one]?.personal));
  const shown = key.map((one) => `${one} ${String(valuesOf(columnOf(table, one))[row])}`).join(', ');
  throw new GeorefreshError('GR-2105', `${name} has more than one row for ${personal ? key.join(', ') : shown}`);
}

interface PutAside {
  rule: string;
  reason: string;
  rows: Float64Array;
}

/** The working table while its builders run: in memory, or as a table of the session after SQL. */
class Work implements BuildContext {
  readonly facts: Record<string, number> = {};
  readonly threads: number;
  private readonly putAside: PutAside[] = [];
  private readonly parameters: Parameters;
  private columns: Columns | undefined;
  /** Rows of the working table that the builder at work puts aside. */
  private aside: number[] = [];
  private made = 0;

  constructor(
    private readonly deps: Deps,
    private readonly session: Session,
    definition: FrozenDefinition,
    private readonly task: TableTask,
    private readonly context: Pick<StepContext, 'signal' | 'progress'>,
  ) {
    this.parameters = parametersOf(definition, task);
    this.threads = deps.pool.threads;
  }

  /** Reads the table to begin with, if there is one; answers its rows. */
  async begin(): Promise<number | undefined> {
    const { from } = this.task.table;
    if (from === undefined) return undefined;
    this.columns = await this.session.readColumns(`select * from ${quoteIdent(from)}`);
    return this.columns.rows;
  }

  async apply(builder: Builder): Promise<void> {
    if ('sql' in builder) return this.query(builder.sql);
    if ('derive' in builder) {
      const derived = Object.entries(builder.derive).map(
        ([name, expression]) => `(${expression}) as ${quoteIdent(name)}`,
      );
      return this.query(`select *, ${derived.join(', ')} from ${SELF}`);
    }
    const self = this.self();
    let after: Columns;
    if ('assign' in builder) after = await assign(self, builder.assign, this);
    else if ('nearest' in builder) after = await nearest(self, builder.nearest, this);
    else if ('count-within' in builder) after = await countWithin(self, builder['count-within'], this);
    else if ('rollup' in builder) after = await rollup(self, builder.rollup, this);
    else after = await bufferShare(self, builder['buffer-share'], this);
    this.columns = this.withoutAside(after);
  }

  result(): Columns {
    return this.self();
  }

  async read(table: string, columns: string[], where?: string): Promise<Columns> {
    const list = [...new Set(columns)].map(quoteIdent).join(', ');
    if (table === SELF) {
      const own = this.self();
      if (where === undefined)
        return { rows: own.rows, columns: Object.fromEntries(columns.map((name) => [name, columnOf(own, name)])) };
      return this.withSelf((name) =>
        this.session.readColumns(`select ${list} from ${name} where ${where}`, this.parameters),
      );
    }
    return this.session.readColumns(
      `select ${list} from ${quoteIdent(table)}${where === undefined ? '' : ` where ${where}`}`,
      this.parameters,
    );
  }

  async polygons(table: string, where?: string): ReturnType<BuildContext['polygons']> {
    const { columns } = await this.read(table, ['id', 'geometry'], where);
    const texts = valuesOf(columnOf({ rows: 0, columns }, 'geometry')) as string[];
    const layer = packPolygons(Array.from(texts, (text) => JSON.parse(text)));
    return { ids: Array.from(valuesOf(columnOf({ rows: 0, columns }, 'id')) as (string | null)[]), layer };
  }

  kernel: BuildContext['kernel'] = (kernel, input, rows) =>
    runSplit(this.deps.pool, kernel, input, rows, {
      signal: this.context.signal,
      onProgress: (done) => this.context.progress({ done, total: rows, unit: 'rows' }),
    });

  quarantine(rows: Int32Array, rule: string, reason: string): void {
    // Only rows as their source has them can be put aside: after SQL or a rollup nobody knows which they were.
    const values = numbers(this.self().columns._row, '_row', this.task.name);
    this.putAside.push({ rule, reason, rows: Float64Array.from(rows, (row) => values[row]) });
    for (const row of rows) this.aside.push(row);
  }

  note(fact: string, value: number): void {
    this.facts[fact] = value;
  }

  /** The rows that builders put aside, as a table: source, row, rule, reason. */
  async quarantined(prefix: string): Promise<TableRef | undefined> {
    const all = this.putAside.flatMap(({ rule, reason, rows }) => Array.from(rows, (row) => ({ rule, reason, row })));
    if (all.length === 0) return undefined;
    for (const { rule, rows } of this.putAside)
      this.facts[`rule:${rule}`] = (this.facts[`rule:${rule}`] ?? 0) + rows.length;
    const columns: Columns = {
      rows: all.length,
      columns: {
        source: textColumn(all.length, () => this.task.table.from),
        row: { type: 'integer', values: Float64Array.from(all, ({ row }) => row) },
        rule: textColumn(all.length, (i) => all[i].rule),
        reason: textColumn(all.length, (i) => all[i].reason),
      },
    };
    return putTable(
      this.deps.lake,
      this.session,
      { columns },
      { prefix, orderBy: ['source', 'row', 'rule'], signal: this.context.signal },
    );
  }

  private self(): Columns {
    if (this.columns === undefined)
      throw new GeorefreshError('GR-1003', `${this.task.name} has neither a table to begin with nor an sql step first`);
    return this.columns;
  }

  private withoutAside(table: Columns): Columns {
    if (this.aside.length === 0) return table;
    const gone = new Set(this.aside);
    this.aside = [];
    const kept: number[] = [];
    for (let row = 0; row < table.rows; row++) if (!gone.has(row)) kept.push(row);
    return takeRows(table, Int32Array.from(kept));
  }

  /** SQL in the place of the working table. */
  private async query(sql: string): Promise<void> {
    this.columns = this.columns === undefined ? await this.ordered(sql) : await this.withSelf(() => this.ordered(sql));
  }

  /**
   * The rows of a SELECT in an order that does not depend on the engine: by the table's key or, where that is not there
   * yet or not unique yet, as a rollup may follow, by all columns.
   */
  private async ordered(sql: string): Promise<Columns> {
    const select = bare(sql);
    const names = (await this.session.describe(select, this.parameters)).map(({ name }) => name);
    const key = this.task.table.key.filter((name) => names.includes(name));
    const read = (keyed: boolean): Promise<Columns> =>
      this.session.readColumns(`select * from (${select}\n)${orderClause(key, names, keyed)}`, this.parameters);
    if (key.length < this.task.table.key.length) return read(false);
    const byKey = await read(true);
    return repeatedRow(byKey, key) === undefined ? byKey : read(false);
  }

  /** Runs `work` while the working table stands in the session as `self`. */
  private async withSelf<T>(work: (name: string) => Promise<T>): Promise<T> {
    const name = `working_${this.made++}`;
    await this.session.createTable(name, this.self());
    await this.session.run(`create temp view ${SELF} as select * from ${name}`);
    try {
      return await work(SELF);
    } finally {
      await this.session.run(`drop view ${SELF}; drop table ${name}`);
    }
  }
}
