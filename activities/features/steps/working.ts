import { GeorefreshError } from '../../../config/errors.js';
import type { Parameters } from '../../../lake/parameters.js';
import type { Session } from '../../../lake/session.js';
import { isSorted } from '../../../lake/sorted.js';
import { bare, orderClause, quoteIdent } from '../../../lake/sql.js';
import type { TableSource } from '../../../lake/tables.js';
import type { Column, Columns } from '../../../lake/types.js';
import { columnOf } from '../builders/columns.js';
import { type KnownTable, readKept } from './kept-columns.js';

/** The working table as SQL sees it. */
export const SELF = 'self';

/** A table or view of the session, and the engine's types of its columns by name. */
interface Layer {
  relation: string;
  types: ReadonlyMap<string, string>;
}

/** Types that columns in memory have, too: read and written again, values are the same. */
const CARRIED = new Set(['DOUBLE', 'BIGINT', 'TIMESTAMP', 'BOOLEAN', 'VARCHAR']);

/** Rows of a table of the lake: all, or those where a condition holds. */
interface Begun {
  table: KnownTable;
  where?: string;
}

/**
 * The table that builders work on. It stays in the session, as layers whose rows stand side by side: the table it began
 * with, then columns that builders added. Only columns that a kernel asks for are read into memory, and nothing is
 * copied but the added columns, until SQL makes other rows.
 */
export class WorkingTable {
  private layers: Layer[] = [];
  private rowCount = 0;
  /** Columns that were read, and those that builders added, which the session does not have yet. */
  private readonly loaded = new Map<string, Column>();
  private readonly added = new Map<string, Column>();
  /** What drops tables and views of this object, when they are left behind. */
  private owned: (() => Promise<unknown>)[] = [];
  private made = 0;
  private begun: ReadonlySet<string> = new Set();
  /** Set while the rows are those of the table that it began with. */
  private still: Begun | undefined;

  constructor(
    private readonly session: Session,
    private readonly table: { name: string; key: readonly string[] },
    private readonly parameters: Parameters,
  ) {}

  get rows(): number {
    return this.rowCount;
  }

  /** Begins with the rows of another table, in its order, or with what a list of SQL names of those where a condition holds. */
  async begin(table: KnownTable, where?: string, list?: string): Promise<void> {
    const { name } = table;
    if (where === undefined) await this.take(quoteIdent(name));
    else if (list !== undefined) await this.replace(`select ${list} from ${quoteIdent(name)} where ${where}`);
    else {
      // A view: only the columns that builders ask for are read.
      const view = this.fresh();
      await this.session.run(`create temp view ${view} as select * from ${quoteIdent(name)} where ${where}`);
      await this.take(view, [() => this.session.run(`drop view ${view}`)]);
    }
    this.begun = new Set(this.names);
    if (list === undefined) this.still = { table, ...(where !== undefined && { where }) };
  }

  /** Columns that the table did not begin with, in the order in which they came. */
  get addedNames(): string[] {
    return this.names.filter((name) => !this.begun.has(name));
  }

  /** Columns in the order in which they came. */
  private get names(): string[] {
    return [...new Set([...this.layers.flatMap(({ types }) => [...types.keys()]), ...this.added.keys()])];
  }

  /** Columns by name, in memory. */
  async columns(names: readonly string[]): Promise<Columns> {
    const missing = [...new Set(names)].filter((name) => !this.added.has(name) && !this.loaded.has(name));
    if (missing.length > 0) {
      this.demandColumns(missing);
      const read = await (this.still === undefined
        ? this.session.readColumns(`select ${missing.map(quoteIdent).join(', ')} from (${this.sql()})`)
        : readKept(this.session, this.still.table, missing, this.still.where));
      for (const name of missing) this.loaded.set(name, columnOf(read, name));
    }
    const entries = names.map((name) => [name, this.added.get(name) ?? this.loaded.get(name)] as [string, Column]);
    return { rows: this.rowCount, columns: Object.fromEntries(entries) };
  }

  /** Rows where an expression holds. */
  where(names: readonly string[], expression: string): Promise<Columns> {
    const list = names.map(quoteIdent).join(', ');
    return this.asSelf(() =>
      this.session.readColumns(`select ${list} from ${SELF} where ${expression}`, this.parameters),
    );
  }

  add(columns: Readonly<Record<string, Column>>): void {
    for (const [name, column] of Object.entries(columns)) this.added.set(name, column);
  }

  /** Adds columns by SQL expressions over a row. */
  async derive(expressions: Readonly<Record<string, string>>): Promise<void> {
    const list = Object.entries(expressions).map(([name, expression]) => `(${expression}) as ${quoteIdent(name)}`);
    const derived = await this.asSelf(() =>
      this.session.readColumns(`select ${list.join(', ')} from ${SELF}`, this.parameters),
    );
    this.add(derived.columns);
  }

  /** Takes other rows and columns in the place of all there are. */
  async put(table: Columns): Promise<void> {
    const name = this.fresh();
    await this.session.showColumns(name, table);
    await this.take(name, [() => this.session.hideColumns(name)]);
    for (const [column, values] of Object.entries(table.columns)) this.loaded.set(column, values);
  }

  /** Leaves out rows by their numbers. */
  async drop(rows: readonly number[]): Promise<void> {
    if (rows.length === 0) return;
    await this.flush();
    const numbers = this.fresh();
    await this.session.createTable(numbers, {
      rows: rows.length,
      columns: { number: { type: 'integer', values: Float64Array.from(rows) } },
    });
    const numbered = `select *, row_number() over () - 1 as _number from (${this.sql()})`;
    await this.replace(
      `select * exclude (_number) from (${numbered}) where _number not in (select number from ${numbers}) order by _number`,
    );
    await this.session.run(`drop table ${numbers}`);
  }

  /** The rows of a SELECT over `self`, in an order that does not depend on the engine. */
  async query(sql: string): Promise<void> {
    await this.asSelf(() => this.ordered(bare(sql)));
  }

  /** A SELECT of all there is, once every column stands in the session. */
  async select(): Promise<string> {
    await this.flush();
    return this.sql();
  }

  /**
   * All there is, for a table of the lake: from memory where every column is there, which then need neither be read again
   * nor, as a rule, be sorted.
   */
  async source(): Promise<TableSource> {
    const { names } = this;
    const columns = this.inMemory(names);
    return columns !== undefined && (await this.isCarried(names)) ? { columns } : { select: await this.select() };
  }

  private inMemory(names: readonly string[]): Columns | undefined {
    const entries = names.map((name) => [name, this.added.get(name) ?? this.loaded.get(name)] as const);
    if (names.length === 0 || entries.some(([, column]) => column === undefined)) return undefined;
    return { rows: this.rowCount, columns: Object.fromEntries(entries) as Columns['columns'] };
  }

  /** Whether columns that were read are written as they were: of a type that memory carries, and no number that is none. */
  private async isCarried(names: readonly string[]): Promise<boolean> {
    const read = names.filter((name) => !this.added.has(name));
    const types = new Map(this.layers.flatMap((layer) => [...layer.types]));
    if (!read.every((name) => CARRIED.has(types.get(name) ?? ''))) return false;
    const doubles = read.filter((name) => types.get(name) === 'DOUBLE');
    if (doubles.length === 0) return true;
    const none = doubles.map((name) => `isnan(${quoteIdent(name)})`).join(' or ');
    return (await this.session.readColumns(`select 1 as n from (${this.sql()}) where ${none} limit 1`)).rows === 0;
  }

  /** Some value of the key that two rows have; undefined where the key names the rows. */
  async repeatedKey(): Promise<Columns | undefined> {
    const columns = this.inMemory(this.table.key);
    if (columns !== undefined && isSorted(columns, this.table.key)) return undefined;
    await this.flush();
    this.demandColumns(this.table.key);
    const key = this.table.key.map(quoteIdent).join(', ');
    const repeated = await this.session.readColumns(
      `select ${key} from (${this.sql()}) group by ${key} having count(*) > 1 order by ${key} limit 1`,
    );
    return repeated.rows === 0 ? undefined : repeated;
  }

  /**
   * By the table's key or, where that is not there yet or not unique yet (a rollup may follow), by all columns: ties
   * would otherwise come in an order of the engine's choosing.
   */
  private async ordered(select: string): Promise<void> {
    const names = [...(await this.typesOf(select)).keys()];
    const key = this.table.key.filter((name) => names.includes(name));
    const whole = key.length === this.table.key.length;
    await this.replace(`select * from (${select}\n)${orderClause(key, names, whole)}`);
    if (whole && (await this.repeatedKey()) !== undefined)
      await this.replace(`select * from (${this.sql()})${orderClause(key, names)}`);
  }

  /** Makes a SELECT's rows the working table. */
  private async replace(select: string): Promise<void> {
    const name = this.fresh();
    await this.session.run(`create temp table ${name} as ${select}`, this.parameters);
    await this.take(name, [() => this.session.run(`drop table ${name}`)]);
  }

  private async take(relation: string, owned: (() => Promise<unknown>)[] = []): Promise<void> {
    const before = this.owned;
    const types = await this.typesOf(`select * from ${relation}`);
    const { columns: counted } = await this.session.readColumns(`select count(*) as n from ${relation}`);
    this.rowCount = counted.n?.type === 'integer' ? counted.n.values[0] : 0;
    this.layers = [{ relation, types }];
    this.owned = owned;
    this.still = undefined;
    this.loaded.clear();
    this.added.clear();
    for (const drop of before) await drop();
  }

  /** Writes added columns into the session, as a layer over the others. */
  private async flush(): Promise<void> {
    if (this.added.size === 0) return;
    const relation = this.fresh();
    await this.session.showColumns(relation, { rows: this.rowCount, columns: Object.fromEntries(this.added) });
    this.layers.push({ relation, types: await this.typesOf(`select * from ${relation}`) });
    this.owned.push(() => this.session.hideColumns(relation));
    for (const [name, column] of this.added) this.loaded.set(name, column);
    this.added.clear();
  }

  /** All layers side by side, row by row in their order; of columns with the same name the latest counts. */
  private sql(): string {
    if (this.layers.length === 0)
      throw new GeorefreshError(
        'GR-1003',
        `${this.table.name} has neither a table to begin with nor an sql step first`,
      );
    const latest = new Map(
      this.layers.flatMap(({ types }, i) => Array.from(types.keys(), (name) => [name, i] as const)),
    );
    const list = [...latest].map(([name, i]) => `l${i}.${quoteIdent(name)}`);
    const from = this.layers.map(({ relation }, i) => `${relation} as l${i}`);
    return `select ${list.join(', ')} from ${from.join(' positional join ')}`;
  }

  /** Runs `work` while the working table stands in the session as `self`. */
  private async asSelf<T>(work: () => Promise<T>): Promise<T> {
    if (this.layers.length === 0) return work();
    await this.flush();
    await this.session.run(`create temp view ${SELF} as ${this.sql()}`);
    try {
      return await work();
    } finally {
      await this.session.run(`drop view ${SELF}`);
    }
  }

  private async typesOf(select: string): Promise<Map<string, string>> {
    return new Map((await this.session.describe(select, this.parameters)).map(({ name, type }) => [name, type]));
  }

  private demandColumns(names: readonly string[]): void {
    const known = new Set(this.names);
    const missing = names.find((name) => !known.has(name));
    if (missing !== undefined)
      throw new GeorefreshError(
        'GR-1003',
        `table ${this.table.name} has no column ${missing}; there are ${[...known].join(', ')}`,
      );
  }

  private fresh(): string {
    return `working_${this.made++}`;
  }
}
