import { GeorefreshError } from '../../config/errors.js';
import type { Parameters } from '../../lake/parameters.js';
import type { Session } from '../../lake/session.js';
import { bare, orderClause, quoteIdent } from '../../lake/sql.js';
import type { Column, Columns } from '../../lake/types.js';
import { columnOf, takeRows } from './builders/columns.js';

/** The working table as SQL sees it. */
export const SELF = 'self';

/**
 * The table that builders work on. It stays a table of the session; only columns that a kernel asks for are read into
 * memory, and only those that builders add are written back, when SQL or the end needs them.
 */
export class WorkingTable {
  /** Columns of the session's table, which holds the rows in order. */
  private names: string[] = [];
  private base: string | undefined;
  private rowCount = 0;
  /** Columns that were read, and those that builders added, which SQL does not see yet. */
  private readonly loaded = new Map<string, Column>();
  private readonly added = new Map<string, Column>();
  private made = 0;

  constructor(
    private readonly session: Session,
    private readonly table: { name: string; key: readonly string[] },
    private readonly parameters: Parameters,
  ) {}

  get rows(): number {
    return this.rowCount;
  }

  /** Begins with the rows of another table, in its order. */
  async begin(table: string): Promise<void> {
    await this.replace(`select * from ${quoteIdent(table)}`);
  }

  /** Columns by name, in memory. */
  async columns(names: readonly string[]): Promise<Columns> {
    const missing = [...new Set(names)].filter((name) => !this.added.has(name) && !this.loaded.has(name));
    if (missing.length > 0) {
      for (const name of missing) if (!this.names.includes(name)) columnOf(this.described(), name);
      const read = await this.session.readColumns(`select ${missing.map(quoteIdent).join(', ')} from ${this.source()}`);
      for (const name of missing) this.loaded.set(name, columnOf(read, name));
    }
    const entries = names.map((name) => [name, this.added.get(name) ?? this.loaded.get(name)] as [string, Column]);
    return { rows: this.rowCount, columns: Object.fromEntries(entries) };
  }

  /** Rows where an expression holds. */
  async where(names: readonly string[], expression: string): Promise<Columns> {
    await this.flush();
    const list = names.map(quoteIdent).join(', ');
    return this.asSelf(() =>
      this.session.readColumns(`select ${list} from ${SELF} where ${expression}`, this.parameters),
    );
  }

  add(columns: Readonly<Record<string, Column>>): void {
    for (const [name, column] of Object.entries(columns)) this.added.set(name, column);
  }

  /** Takes other rows and columns in the place of all there are. */
  async put(table: Columns): Promise<void> {
    const name = this.fresh();
    await this.session.createTable(name, table);
    await this.take(name, Object.keys(table.columns), table.rows);
  }

  /** Leaves out rows by their numbers. */
  async drop(rows: readonly number[]): Promise<void> {
    if (rows.length === 0) return;
    const gone = new Set(rows);
    const kept = Int32Array.from({ length: this.rowCount }, (_, row) => row).filter((row) => !gone.has(row));
    const added = takeRows({ rows: this.rowCount, columns: Object.fromEntries(this.added) }, kept);
    const numbers = this.fresh();
    await this.session.createTable(numbers, {
      rows: rows.length,
      columns: { number: { type: 'integer', values: Float64Array.from(rows) } },
    });
    this.added.clear();
    await this.replace(
      `select * from ${this.source()} where rowid not in (select number from ${numbers}) order by rowid`,
    );
    await this.session.run(`drop table ${numbers}`);
    this.add(added.columns);
  }

  /** The rows of a SELECT over `self`, in an order that does not depend on the engine. */
  async query(sql: string): Promise<void> {
    await this.flush();
    await this.asSelf(() => this.ordered(bare(sql)));
  }

  /** A SELECT of all there is, once every column stands in the session. */
  async select(): Promise<string> {
    await this.flush();
    return `select * from ${this.source()}`;
  }

  /** Some value of the key that two rows have; undefined where the key names the rows. */
  async repeatedKey(): Promise<Columns | undefined> {
    await this.flush();
    const missing = this.table.key.filter((name) => !this.names.includes(name));
    if (missing.length > 0) columnOf(this.described(), missing[0]);
    const key = this.table.key.map(quoteIdent).join(', ');
    const repeated = await this.session.readColumns(
      `select ${key} from ${this.source()} group by ${key} having count(*) > 1 order by ${key} limit 1`,
    );
    return repeated.rows === 0 ? undefined : repeated;
  }

  /**
   * By the table's key or, where that is not there yet or not unique yet (a rollup may follow), by all columns: ties
   * would otherwise come in an order of the engine's choosing.
   */
  private async ordered(select: string): Promise<void> {
    const names = (await this.session.describe(select, this.parameters)).map(({ name }) => name);
    const key = this.table.key.filter((name) => names.includes(name));
    const whole = key.length === this.table.key.length;
    await this.replace(`select * from (${select}\n)${orderClause(key, names, whole)}`);
    if (whole && (await this.repeatedKey()) !== undefined)
      await this.replace(`select * from ${this.source()}${orderClause(key, names)}`);
  }

  /** Makes a SELECT's rows the working table. */
  private async replace(select: string): Promise<void> {
    const name = this.fresh();
    await this.session.run(`create temp table ${name} as ${select}`, this.parameters);
    const columns = (await this.session.describe(`select * from ${name}`)).map((column) => column.name);
    const { columns: counted } = await this.session.readColumns(`select count(*) as n from ${name}`);
    await this.take(name, columns, counted.n?.type === 'integer' ? counted.n.values[0] : 0);
  }

  private async take(name: string, columns: string[], rows: number): Promise<void> {
    const before = this.base;
    this.base = name;
    this.names = columns;
    this.rowCount = rows;
    this.loaded.clear();
    this.added.clear();
    if (before !== undefined) await this.session.run(`drop table ${before}`);
  }

  /** Writes added columns into the session, beside the others. Rows meet by their numbers, which are in order. */
  private async flush(): Promise<void> {
    if (this.added.size === 0) return;
    const added = this.fresh();
    const columns = Object.fromEntries(this.added);
    await this.session.createTable(added, { rows: this.rowCount, columns });
    const kept = this.names.filter((name) => !this.added.has(name)).map((name) => `b.${quoteIdent(name)}, `);
    await this.replace(
      `select ${kept.join('')}a.* from ${this.source()} as b join ${added} as a on a.rowid = b.rowid order by b.rowid`,
    );
    await this.session.run(`drop table ${added}`);
    for (const [name, column] of Object.entries(columns)) this.loaded.set(name, column);
  }

  /** Runs `work` while the working table stands in the session as `self`. */
  private async asSelf<T>(work: () => Promise<T>): Promise<T> {
    if (this.base === undefined) return work();
    await this.session.run(`create temp view ${SELF} as select * from ${this.base}`);
    try {
      return await work();
    } finally {
      await this.session.run(`drop view ${SELF}`);
    }
  }

  private source(): string {
    if (this.base === undefined)
      throw new GeorefreshError(
        'GR-1003',
        `${this.table.name} has neither a table to begin with nor an sql step first`,
      );
    return this.base;
  }

  /** The names of all columns, for an error that lists them. */
  private described(): Columns {
    const names = [...this.names, ...this.added.keys()];
    const none: Column = { type: 'double', values: new Float64Array(0) };
    return { rows: 0, columns: Object.fromEntries(names.map((name) => [name, none])) };
  }

  private fresh(): string {
    return `working_${this.made++}`;
  }
}
