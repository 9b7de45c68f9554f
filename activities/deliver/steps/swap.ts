import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { codeOf, GeorefreshError } from '../../../config/errors.js';
import { sha256Of } from '../../../lake/hashing.js';
import { quoteIdent, quoteLiteral } from '../../../lake/sql.js';
import type { DeliveredTable } from '../../types.js';
import type { SinkColumn } from '../columns.js';
import type { Database } from './connection.js';

/** A table on its way. `send` streams its CSV anew with each call. */
export interface TableToDeliver extends DeliveredTable {
  columns: readonly SinkColumn[];
  send(copy: (csv: Readable) => Promise<void>): Promise<void>;
}

export interface Generation {
  pipeline: string;
  generation: number;
  /** Of the pointer: tells two lakes apart that count alike. */
  nonce: string;
  run: string;
  logicalTime: string;
}

/** The register of what was delivered, in the schema of the tables. */
const GENERATIONS = 'georefresh_generations';
/** So many rows of it are kept for each pipeline. */
const REMEMBERED = 1000;
/** A wait for readers; shorter than the server's deadlock_timeout (1 s), so that no reader is ever the victim of one. */
const LOCK_MS = 500;
const LOCK_ATTEMPTS = 60;
const PAUSE_MS = 100;

/**
 * Replaces tables by those of a generation, all of them in one transaction: copied into new tables, which nobody sees,
 * then renamed. Readers see what stood before or what stands after, of all tables, and never an empty one; also one
 * whose transaction began before, as the copied rows are frozen.
 *
 * The register in the same transaction makes it idempotent: a generation that was delivered changes nothing when it
 * comes again, and an older one never replaces a newer one.
 */
export async function replaceTables(
  database: Database,
  generation: Generation,
  tables: readonly TableToDeliver[],
  { anew, signal, progress }: { anew: boolean; signal: AbortSignal; progress(done: number): void },
): Promise<{ state: 'delivered' | 'stands' | 'newer'; there: number | null }> {
  await database.query(`CREATE TABLE IF NOT EXISTS ${GENERATIONS} (
    pipeline text NOT NULL, generation bigint NOT NULL, nonce text NOT NULL, run text NOT NULL,
    logical_time timestamptz NOT NULL, tables jsonb NOT NULL, delivered_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (pipeline, generation))`);
  await database.query('BEGIN');
  const [{ free } = { free: false }] = await database.query<{ free: boolean }>(
    'SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS free',
    [`georefresh ${generation.pipeline}`],
  );
  if (!free) throw new GeorefreshError('GR-5013', `another delivery of ${generation.pipeline} is under way`);
  if (anew) await database.query(`DELETE FROM ${GENERATIONS} WHERE pipeline = $1`, [generation.pipeline]);
  const standing = await standingOf(database, generation, tables);
  if (standing !== undefined) {
    await database.query('ROLLBACK');
    return standing;
  }
  await assertOurs(database, generation.pipeline, tables);
  for (const [done, table] of tables.entries()) {
    progress(done);
    await fill(database, generation, table, signal);
  }
  await lockOut(database, tables, signal);
  for (const { table } of tables) {
    await grantAlike(database, table);
    await database.query(`DROP TABLE IF EXISTS ${quoteIdent(table)}`);
    await database.query(`ALTER TABLE ${quoteIdent(madeAs(table))} RENAME TO ${quoteIdent(table)}`);
  }
  await enter(database, generation, tables);
  await database.query('COMMIT');
  return { state: 'delivered', there: generation.generation };
}

/** Where the new table is made, seen by nobody before it has its name. A digest: PostgreSQL cuts names after 63 bytes. */
const madeAs = (table: string): string => `georefresh~new~${sha256Of(table).slice(0, 16)}`;

const commentOf = (pipeline: string, output: string): string => `georefresh ${pipeline}/${output}`;

/** What the register says of this generation; undefined where it is to be delivered. */
async function standingOf(
  database: Database,
  { pipeline, generation, nonce }: Generation,
  tables: readonly TableToDeliver[],
): Promise<{ state: 'stands' | 'newer'; there: number } | undefined> {
  const [newest] = await database.query<{ generation: string; nonce: string; tables: DeliveredTable[] }>(
    `SELECT generation, nonce, tables FROM ${GENERATIONS} WHERE pipeline = $1 ORDER BY generation DESC LIMIT 1`,
    [pipeline],
  );
  if (newest === undefined) return undefined;
  const there = Number(newest.generation);
  if (there < generation) return undefined;
  if (there > generation || newest.nonce !== nonce) return { state: 'newer', there };
  const names = (of: readonly DeliveredTable[]): string => of.map(({ output, table }) => `${output} ${table}`).join();
  return names(newest.tables) === names(tables) ? { state: 'stands', there } : undefined;
}

/** Refuses to drop what somebody else made. */
async function assertOurs(database: Database, pipeline: string, tables: readonly TableToDeliver[]): Promise<void> {
  for (const { output, table } of tables) {
    const [found] = await database.query<{ comment: string | null }>(
      "SELECT obj_description(to_regclass($1), 'pg_class') AS comment WHERE to_regclass($1) IS NOT NULL",
      [quoteIdent(table)],
    );
    if (found === undefined || found.comment === commentOf(pipeline, output)) continue;
    throw new GeorefreshError(
      'GR-5014',
      `${table} is there and not from output ${output} of ${pipeline}; rename it, or give another name: \`to: { postgres: … }\``,
    );
  }
}

async function fill(
  database: Database,
  { pipeline }: Generation,
  { output, table, columns, send }: TableToDeliver,
  signal: AbortSignal,
): Promise<void> {
  const made = quoteIdent(madeAs(table));
  const types = columns.map(({ name, type }) => `${quoteIdent(name)} ${type}`).join(', ');
  await database.query(`CREATE TABLE ${made} (${types})`);
  // Frozen: seen by every transaction that can see the table, however old its view of the rows is.
  const copy = `COPY ${made} FROM STDIN (FORMAT csv, NULL '', ENCODING 'UTF8', FREEZE)`;
  await send((csv) => database.copy(copy, csv));
  signal.throwIfAborted();
  await database.query(`ANALYZE ${made}`);
  await database.query(`COMMENT ON TABLE ${made} IS ${quoteLiteral(commentOf(pipeline, output))}`);
}

/**
 * Waits until no reader uses the tables. It asks for all of them, for a moment, and lets go of all where one is in use:
 * readers wait no longer than that behind it, and it never holds one table while it waits long for another.
 */
async function lockOut(database: Database, tables: readonly TableToDeliver[], signal: AbortSignal): Promise<void> {
  const there: string[] = [];
  for (const { table } of tables) {
    const [found] = await database.query<{ there: boolean }>('SELECT to_regclass($1) IS NOT NULL AS there', [
      quoteIdent(table),
    ]);
    if (found?.there === true) there.push(quoteIdent(table));
  }
  if (there.length === 0) return;
  await database.query(`SET LOCAL lock_timeout = ${LOCK_MS}`);
  for (let attempt = 1; ; attempt++) {
    await database.query('SAVEPOINT locked');
    try {
      return void (await database.query(`LOCK TABLE ${there.sort().join(', ')} IN ACCESS EXCLUSIVE MODE`));
    } catch (error) {
      if (codeOf(error) !== 'GR-5013' || attempt === LOCK_ATTEMPTS) throw error;
      await database.query('ROLLBACK TO SAVEPOINT locked');
      await sleep(PAUSE_MS, undefined, { signal });
    }
  }
}

/** Whoever could read the old table can read the new one. */
async function grantAlike(database: Database, table: string): Promise<void> {
  const grants = await database.query<{ statement: string }>(
    `SELECT format('GRANT %s ON TABLE %I TO %s%s', a.privilege_type, $2::text,
        CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(r.rolname) END,
        CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) AS statement
      FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
      WHERE c.oid = to_regclass($1) AND a.grantee <> c.relowner`,
    [quoteIdent(table), madeAs(table)],
  );
  for (const { statement } of grants) await database.query(statement);
}

async function enter(
  database: Database,
  { pipeline, generation, nonce, run, logicalTime }: Generation,
  tables: readonly TableToDeliver[],
): Promise<void> {
  const told: DeliveredTable[] = tables.map(({ output, table, rows }) => ({ output, table, rows }));
  await database.query(
    `INSERT INTO ${GENERATIONS} (pipeline, generation, nonce, run, logical_time, tables) VALUES ($1, $2, $3, $4, $5, $6)
      ON CONFLICT (pipeline, generation) DO UPDATE SET tables = EXCLUDED.tables, delivered_at = now()`,
    [pipeline, generation, nonce, run, logicalTime, JSON.stringify(told)],
  );
  await database.query(`DELETE FROM ${GENERATIONS} WHERE pipeline = $1 AND generation <= $2`, [
    pipeline,
    generation - REMEMBERED,
  ]);
}
