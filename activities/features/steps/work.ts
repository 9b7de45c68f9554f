import type { Builder } from '../../../config/definition/table.js';
import { GeorefreshError } from '../../../config/errors.js';
import type { Parameters } from '../../../lake/parameters.js';
import type { Session } from '../../../lake/session.js';
import { putTable } from '../../../lake/tables.js';
import type { Columns, TableRef } from '../../../lake/types.js';
import type { Deps } from '../../deps.js';
import type { StepContext } from '../../durable.js';
import { runParts, runSplit } from '../../pool/split.js';
import type { FrozenDefinition } from '../../resolve/frozen.js';
import { parametersOf } from '../../resolve/parameters.js';
import type { TableTask } from '../../resolve/plan.js';
import { assign } from '../builders/assign.js';
import { bufferShare } from '../builders/buffer-share.js';
import { calendar } from '../builders/calendar.js';
import { columnOf, textColumn, valuesOf } from '../builders/columns.js';
import { type BuildContext, numbers } from '../builders/context.js';
import { countWithin } from '../builders/count-within.js';
import { fitOn } from '../builders/fit.js';
import { nearest } from '../builders/nearest.js';
import { resample, resampleReads } from '../builders/resample.js';
import { rollup } from '../builders/rollup.js';
import { unpivotQuery } from '../builders/unpivot.js';
import { window, windowReads } from '../builders/window.js';
import { packPolygons } from '../geo/layers.js';
import { type KnownTable, readKept } from './kept-columns.js';
import { treesOf } from './trees.js';
import { SELF, WorkingTable } from './working.js';

interface PutAside {
  rule: string;
  reason: string;
  rows: Float64Array;
}

/** A value of a key in a message; numbers keep a gap as NaN. */
const nameOf = (value: unknown): string => (value === null || Number.isNaN(value) ? 'null' : String(value));

/** Runs builders over the working table, and answers what they ask. */
export class Work implements BuildContext {
  readonly facts: Record<string, number> = {};
  readonly threads: number;
  readonly table: WorkingTable;
  private readonly putAside: PutAside[] = [];
  private readonly parameters: Parameters;
  /** Columns of the working table that the builder at work was given, and rows that it puts aside. */
  private self: Columns = { rows: 0, columns: {} };
  private aside: number[] = [];

  constructor(
    private readonly deps: Deps,
    private readonly session: Session,
    definition: FrozenDefinition,
    private readonly task: TableTask,
    /** The tables that it reads, which stand in the session by their names. */
    private readonly refs: Readonly<Record<string, TableRef>>,
    private readonly context: Pick<StepContext, 'signal' | 'progress'>,
  ) {
    this.parameters = parametersOf(definition, task);
    this.threads = deps.pool.threads;
    this.table = new WorkingTable(session, { name: task.name, key: task.table.key }, this.parameters);
  }

  /**
   * Reads the table to begin with, if there is one, or of those of its rows where a condition holds what a list of SQL names;
   * answers their number.
   */
  async begin(where?: string, list?: string): Promise<number | undefined> {
    const { from } = this.task.table;
    if (from === undefined) return undefined;
    await this.table.begin(this.known(from), where, list);
    return this.table.rows;
  }

  async apply(builder: Builder): Promise<void> {
    if ('sql' in builder) return this.table.query(builder.sql);
    if ('derive' in builder) return this.table.derive(builder.derive);
    if ('unpivot' in builder) return this.table.query(unpivotQuery(builder.unpivot));
    if ('resample' in builder) {
      const self = await this.table.columns(resampleReads(builder.resample));
      return this.table.put(await resample(self, builder.resample, this));
    }
    if ('rollup' in builder && builder.rollup.on === undefined)
      return this.table.put(await rollup({ rows: this.table.rows, columns: {} }, builder.rollup, this));

    this.self = await this.table.columns(columnsFor(builder));
    const after = await this.perform(builder);
    const { columns: before } = this.self;
    this.table.add(
      Object.fromEntries(Object.entries(after.columns).filter(([name, column]) => before[name] !== column)),
    );
    const aside = this.aside;
    this.aside = [];
    await this.table.drop(aside);
  }

  async read(table: string, columns: string[], where?: string): Promise<Columns> {
    const names = [...new Set(columns)];
    if (table === SELF) return where === undefined ? this.table.columns(names) : this.table.where(names, where);
    return readKept(this.session, this.known(table), names, where, this.parameters);
  }

  private known(table: string): KnownTable {
    const ref = this.refs[table];
    if (ref === undefined) throw new GeorefreshError('GR-3009', `${this.task.name} was not given the table ${table}`);
    return { name: table, sha256: ref.sha256 };
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

  kernelParts: BuildContext['kernelParts'] = (kernel, rows, inputOf) =>
    runParts(
      this.deps.pool,
      kernel,
      rows,
      {
        signal: this.context.signal,
        onProgress: (done) => this.context.progress({ done, total: rows, unit: 'rows' }),
      },
      inputOf,
    );

  whole: BuildContext['whole'] = (kernel, input) =>
    this.deps.pool.run(kernel, input, {
      signal: this.context.signal,
      onProgress: (done) => this.context.progress({ done, total: 0, unit: 'rows' }),
    });

  tree: BuildContext['tree'] = (points) => treesOf(this.deps.pool).of(points, this.context.signal);

  quarantine(rows: Int32Array, rule: string, reason: string): void {
    // Only rows as their source has them can be put aside: after SQL or a rollup nobody knows which they were.
    const values = numbers(this.self.columns._row, '_row', this.task.name);
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

  /** Refuses a table whose key does not name its rows: GR-2105, with one that is there twice, unless it is personal. */
  async demandKey({ pipeline }: FrozenDefinition): Promise<void> {
    const repeated = await this.table.repeatedKey();
    if (repeated === undefined) return;
    const { key } = this.task.table;
    const personal = Object.values(pipeline.sources).some(({ columns }) => key.some((one) => columns[one]?.personal));
    const shown = key.map((one) => `${one} ${nameOf(valuesOf(columnOf(repeated, one))[0])}`).join(', ');
    throw new GeorefreshError(
      'GR-2105',
      `${this.task.name} has more than one row for ${personal ? key.join(', ') : shown}`,
    );
  }

  private perform(builder: Adding): Promise<Columns> {
    if ('assign' in builder) return assign(this.self, builder.assign, this);
    if ('nearest' in builder) return nearest(this.self, builder.nearest, this);
    if ('count-within' in builder) return countWithin(this.self, builder['count-within'], this);
    if ('rollup' in builder) return rollup(this.self, builder.rollup, this);
    if ('window' in builder) return window(this.self, builder.window, this);
    if ('fit' in builder) return fitOn(this.self, builder.fit, this);
    if ('calendar' in builder) return calendar(this.self, builder.calendar, this);
    return bufferShare(this.self, builder['buffer-share'], this);
  }
}

/** Builders that add columns by a kernel; the others are SQL, or make other rows. */
type Adding = Exclude<Builder, { sql: string } | { derive: unknown } | { unpivot: unknown } | { resample: unknown }>;

const POINT = ['lon', 'lat'];

/** Own columns that a builder reads; where it may put rows aside, also those by which their source knows them. */
function columnsFor(builder: Adding): string[] {
  const row = (unmatched: string): string[] => (unmatched === 'quarantine' ? ['_row'] : []);
  if ('assign' in builder) return [...POINT, ...row(builder.assign.unmatched)];
  if ('nearest' in builder)
    return [...POINT, ...Object.keys(builder.nearest.within ?? {}), ...row(builder.nearest.unmatched)];
  if ('rollup' in builder) return builder.rollup.on ?? [];
  if ('window' in builder) return windowReads(builder.window);
  if ('fit' in builder) return [...builder.fit.features, ...(builder.fit.by === undefined ? [] : [builder.fit.by])];
  if ('calendar' in builder) return [builder.calendar.time];
  return POINT;
}
