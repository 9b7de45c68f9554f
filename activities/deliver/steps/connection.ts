import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { GeorefreshError } from '../../../config/errors.js';
import { databaseError } from '../faults.js';

/** The one place where the address is: it may hold a password, so it is in no definition, setting, history or log. */
export const ADDRESS = 'GEOREFRESH_POSTGRES_URL';

const CONNECTS_MS = 10_000;
/** A server that says nothing for so long is given up. */
const SILENT_MS = 60_000;

/** A connection whose every wait ends: with an answer, with the signal, or with the server's silence. */
export interface Database {
  query<T extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<T[]>;
  /** Streams CSV into a table, as fast as the server takes it. */
  copy(sql: string, csv: Readable): Promise<void>;
}

/** The address of this process's environment: GR-5012 where there is none, or it is no address. */
export function addressOf(env: NodeJS.ProcessEnv): string {
  const address = env[ADDRESS]?.trim() ?? '';
  if (address === '') throw new GeorefreshError('GR-5012', `${ADDRESS} is empty where the workers run`);
  if (!/^postgres(ql)?:\/\//.test(address) || !URL.canParse(address))
    throw new GeorefreshError('GR-5012', `${ADDRESS} is not of the form postgres://user:password@host:5432/database`);
  return address;
}

/** Runs `work` with a connection that is closed afterwards. Failures are of the registry and tell nothing of the address. */
export async function withDatabase<T>(
  address: string,
  work: (database: Database) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  signal.throwIfAborted();
  const client = clientOf(address);
  // Without a listener, a connection that is cut between two queries would end the process.
  client.on('error', () => undefined);
  const drop = (): void => {
    // The driver's own end waits for what is under way; this ends that too.
    (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
  };
  const bounded = async <R>(about: string, wait: Promise<R>, beat?: (alive: () => void) => void): Promise<R> => {
    let silence = setTimeout(drop, SILENT_MS);
    beat?.(() => {
      clearTimeout(silence);
      silence = setTimeout(drop, SILENT_MS);
    });
    try {
      return await wait;
    } catch (error) {
      signal.throwIfAborted();
      throw databaseError(error, about);
    } finally {
      clearTimeout(silence);
    }
  };
  const database: Database = {
    async query(sql, values) {
      signal.throwIfAborted();
      const about = sql.trim().split(/\s+/, 2).join(' ').toLowerCase();
      return (await bounded(about, client.query(sql, values?.slice()))).rows;
    },
    async copy(sql, csv) {
      signal.throwIfAborted();
      const taken = pipeline(csv, client.query(copyFrom(sql)));
      await bounded('copy', taken, (alive) => csv.on('data', alive));
    },
  };
  signal.addEventListener('abort', drop, { once: true });
  try {
    await bounded('connecting', client.connect());
    const result = await work(database);
    await client.end().catch(() => undefined);
    return result;
  } finally {
    signal.removeEventListener('abort', drop);
    drop();
  }
}

function clientOf(connectionString: string): pg.Client {
  try {
    return new pg.Client({
      connectionString,
      connectionTimeoutMillis: CONNECTS_MS,
      keepAlive: true,
      application_name: 'georefresh',
    });
  } catch {
    // What it would say quotes the address.
    throw new GeorefreshError('GR-5012', `${ADDRESS} cannot be understood`);
  }
}
