import { once } from 'node:events';
import { connect as connectTo, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sinkColumn } from '../../../activities/deliver/columns.js';
import { withDatabase } from '../../../activities/deliver/steps/connection.js';
import { replaceTables } from '../../../activities/deliver/steps/swap.js';
import { withTablesToDeliver } from '../../../activities/deliver/steps/tables.js';
import type { Output } from '../../../config/definition/pipeline.js';
import type { Lake } from '../../../lake/lake.js';
import { type Pointer, readPointer } from '../../../lake/pointer.js';
import { publishTables } from '../../lake/support/publishing.js';
import { withLake } from '../../lake/support/temporary.js';
import { needs } from '../../support/needs.js';
import { type PostgresServer, startPostgres, TEST_PASSWORD } from '../../support/postgres.js';

const output = (table: string, to: Output['to']): Output => ({ table, format: 'table', drop: [], show: [], to });

interface Asked {
  url: string;
  signal?: AbortSignal;
  anew?: boolean;
  outputs?: Record<string, Output>;
  /** Of the pointer. */
  as?: Partial<Pointer>;
}

needs('postgres').describe('delivery to PostgreSQL', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(async () => {
    await server?.close();
  });

  /** Delivers what is published of `pipeline`, as the activity does. */
  async function deliver(lake: Lake, pipeline: string, asked: Partial<Asked> & { outputs: Record<string, Output> }) {
    const { url = server.url, signal = new AbortController().signal, anew = false, outputs, as } = asked;
    const pointer = (await readPointer(lake.store, pipeline))?.pointer;
    if (pointer === undefined) throw new Error('nothing is published');
    const given = { ...pointer, ...as };
    return withTablesToDeliver(lake, given, outputs, signal, (tables, logicalTime) =>
      withDatabase(
        url,
        (database) =>
          replaceTables(database, { ...given, logicalTime }, tables, { anew, signal, progress: () => undefined }),
        signal,
      ),
    );
  }

  let pipelines = 0;
  const fresh = (): { name: string; left: string; right: string; outputs: Record<string, Output> } => {
    const n = pipelines++;
    const [left, right] = [`left_${n}`, `right_${n}`];
    return {
      name: `demo-${n}`,
      left,
      right,
      outputs: { left: output('l', { postgres: left }), right: output('r', { postgres: right }) },
    };
  };
  const publish = (lake: Lake, pipeline: string, minute: number, rows = 1000) =>
    publishTables(
      lake,
      {
        left: `select ${minute} as made, i from range(${rows}) t(i)`,
        right: `select ${minute} as made, i from range(${2 * rows}) t(i)`,
      },
      { minute, pipeline },
    );
  const made = (table: string) =>
    server.rows<{ made: number; n: number }>(`select made, count(*)::int n from "${table}" group by made`);

  it('brings 10^5 rows of every type, missing values and texts of any kind', () =>
    withLake(async (lake) => {
      const select = `select i as id, i % 2 = 0 as flag, (i % 100)::tinyint tiny, (i % 200)::utinyint utiny, (i % 999)::smallint small,
        i::integer whole, (i * 1000003)::bigint wide, 18446744073709551615::ubigint most,
        i / 7 as ratio, (i / 7)::float single, (i / 8)::decimal(12, 3) exact, case i % 4 when 0 then null when 1 then '' when 2 then 'a,"b"' || chr(10) || '\\.' || chr(10) || 'é\\N' else 'plain' end as words,
        date '2026-01-01' + (i % 365)::int as day, time '12:30:00.5' as clock, timestamp '2026-01-01 00:00:00.123456' as at_local, timestamptz '2026-01-01 00:00:00+02' as at_zone,
        '2026-01-01 00:00:00.123456789'::timestamp_ns as fine, interval 3 month + interval 90 minute as span, '\\xAA\\x00'::blob as bytes,
        uuid '2d8f8b44-a520-4688-9539-1a85cb9c326e' as id_text, [i, null] as listed, {'a': i, 'b': 'x'} as pair, 'low'::enum('low', 'high') as level,
        case when i % 3 = 0 then 'nan'::double when i % 3 = 1 then '-inf'::double end as odd, null::integer as nothing
        from range(100000) t(i)`;
      await publishTables(lake, { types: select }, { minute: 1, pipeline: 'types' });
      const outputs = { types: output('t', 'postgres') };
      expect(await deliver(lake, 'types', { outputs })).toEqual({ state: 'delivered', there: 1 });
      const columns = await server.rows<{ column_name: string; data_type: string }>(
        "select column_name, data_type from information_schema.columns where table_name = 'types' order by ordinal_position",
      );
      expect(Object.fromEntries(columns.map(({ column_name, data_type }) => [column_name, data_type]))).toEqual({
        ...{ id: 'bigint', flag: 'boolean', tiny: 'smallint', utiny: 'smallint', small: 'smallint', whole: 'integer' },
        ...{
          wide: 'bigint',
          most: 'numeric',
          ratio: 'double precision',
          single: 'real',
          exact: 'numeric',
        },
        ...{ words: 'text', day: 'date', clock: 'time without time zone', at_local: 'timestamp without time zone' },
        ...{
          at_zone: 'timestamp with time zone',
          fine: 'timestamp without time zone',
          span: 'interval',
          bytes: 'bytea',
        },
        ...{
          id_text: 'uuid',
          listed: 'jsonb',
          pair: 'jsonb',
          level: 'text',
          odd: 'double precision',
          nothing: 'integer',
        },
      });
      const [sums] =
        await server.rows(`select count(*)::int n, sum(id)::text ids, sum(wide)::text wide, count(words)::int words, sum(exact)::text exact,
        sum(ratio) ratio, count(*) filter (where odd = 'NaN')::int nans, count(*) filter (where odd = '-infinity')::int inf, count(odd)::int odd, count(nothing)::int nothing from types`);
      const mine = await lake.duckdb.session((session) =>
        session.readColumns(
          `select sum(id)::varchar ids, sum(wide)::varchar wide, sum(exact)::varchar exact, sum(ratio) ratio from (${select})`,
        ),
      );
      const texts = (name: string) => (mine.columns[name] as { dictionary: string[] }).dictionary[0];
      expect(sums).toMatchObject({
        ...{ n: 100_000, ids: texts('ids'), wide: texts('wide'), exact: texts('exact'), words: 75_000 },
        ...{ nans: 33_334, inf: 33_333, odd: 66_667, nothing: 0 },
      });
      expect(
        await server.rows(
          'select words, span::text, bytes, listed, pair, most, fine::text, at_zone::text from types where id in (1, 2) order by id',
        ),
      ).toMatchObject([
        {
          words: '',
          span: '3 mons 01:30:00',
          bytes: Buffer.from([0xaa, 0]),
          listed: [1, null],
          pair: { a: 1, b: 'x' },
          most: '18446744073709551615',
        },
        {
          words: 'a,"b"\n\\.\né\\N',
          fine: '2026-01-01 00:00:00.123456',
        },
      ]);
    }));

  it('brings tables whose names of 63 characters differ in the last one only', () =>
    withLake(async (lake) => {
      const [left, right] = [`${'t'.repeat(62)}l`, `${'t'.repeat(62)}r`];
      const outputs = { left: output('l', { postgres: left }), right: output('r', { postgres: right }) };
      await publish(lake, 'long-names', 1);
      expect(await deliver(lake, 'long-names', { outputs })).toEqual({ state: 'delivered', there: 1 });
      expect([await made(left), await made(right)]).toEqual([[{ made: 1, n: 1000 }], [{ made: 1, n: 2000 }]]);
    }));

  it('is idempotent by generation: the same one changes nothing, an older one that comes late neither', () =>
    withLake(async (lake) => {
      const { name, left, outputs } = fresh();
      await publish(lake, name, 1);
      const old = (await readPointer(lake.store, name))?.pointer;
      await publish(lake, name, 2);
      expect(await deliver(lake, name, { outputs })).toEqual({ state: 'delivered', there: 2 });
      const [before] = await server.rows(`select oid from pg_class where relname = '${left}'`);
      expect(await deliver(lake, name, { outputs })).toEqual({ state: 'stands', there: 2 });
      expect(await deliver(lake, name, { outputs, ...(old && { as: old }) })).toEqual({ state: 'newer', there: 2 });
      expect(await server.rows(`select oid from pg_class where relname = '${left}'`)).toEqual([before]);
      expect(await made(left)).toEqual([{ made: 2, n: 1000 }]);
      // A lake that was begun anew counts from 1 too: it is not taken for the same one.
      expect(await deliver(lake, name, { outputs, as: { nonce: 'another0' } })).toEqual({ state: 'newer', there: 2 });
      expect(await deliver(lake, name, { outputs, as: { nonce: 'another0', generation: 1 }, anew: true })).toEqual({
        state: 'delivered',
        there: 1,
      });
      // Another table of the same generation is brought as well.
      expect(
        await deliver(lake, name, {
          outputs: { left: output('l', { postgres: left }) },
          as: { nonce: 'another0', generation: 1 },
        }),
      ).toMatchObject({ state: 'delivered' });
    }));

  it('several deliveries of one generation at once bring it once', () =>
    withLake(async (lake) => {
      const { name, right, outputs } = fresh();
      await publish(lake, name, 1);
      const ends = await Promise.all(
        Array.from({ length: 4 }, () =>
          deliver(lake, name, { outputs }).then(
            ({ state }) => state,
            ({ code }) => code as string,
          ),
        ),
      );
      expect(ends.filter((end) => end === 'delivered')).toHaveLength(1);
      for (const end of ends) expect(['delivered', 'stands', 'GR-5013']).toContain(end);
      expect(await made(right)).toEqual([{ made: 1, n: 2000 }]);
      expect(
        await server.rows(`select generation::int from georefresh_generations where pipeline = '${name}'`),
      ).toEqual([{ generation: 1 }]);
    }));

  it(
    'a reader never sees an empty, torn or mixed table, nor two tables of different generations',
    { timeout: 90_000 },
    () =>
      withLake(async (lake) => {
        const { name, left, right, outputs } = fresh();
        await publish(lake, name, 1);
        await deliver(lake, name, { outputs });
        const seen = new Set<number>();
        let reading = true;
        /** One statement over both tables, a transaction over both, and one whose view is older than what it reads. */
        const reader = async (begin: string, statements: string[], pause: number): Promise<number> => {
          const client = new pg.Client({ connectionString: server.url });
          await client.connect();
          let looks = 0;
          for (; reading; looks++) {
            await client.query(begin);
            // Takes a repeatable read's view of the rows.
            await client.query('select count(*) from pg_class');
            await sleep(pause);
            const rows: { made: number; n: number }[] = [];
            for (const sql of statements) rows.push(...(await client.query<{ made: number; n: number }>(sql)).rows);
            await client.query('commit');
            const generations = new Set(rows.map((row) => row.made));
            if (generations.size !== 1 || rows.reduce((sum, row) => sum + row.n, 0) !== 3000) {
              await client.end();
              throw new Error(`seen: ${JSON.stringify(rows)}`);
            }
            seen.add(rows[0]?.made ?? 0);
          }
          await client.end();
          return looks;
        };
        const count = (table: string) => `select made, count(*)::int n from "${table}" group by made`;
        const readers = Promise.all([
          reader('begin', [`${count(left)} union all ${count(right)}`], 0),
          reader('begin isolation level repeatable read', [count(left), count(right)], 5),
          reader('begin isolation level repeatable read', [count(right), count(left)], 20),
        ]);
        try {
          for (let minute = 2; minute <= 12; minute++) {
            await publish(lake, name, minute);
            expect(await deliver(lake, name, { outputs })).toEqual({ state: 'delivered', there: minute });
          }
        } finally {
          reading = false;
        }
        expect(Math.min(...(await readers))).toBeGreaterThan(3);
        expect(seen.size).toBeGreaterThan(5);
      }),
  );

  it('a connection that is cut in the middle of a COPY leaves what stood, and the next attempt brings it', () =>
    withLake(async (lake) => {
      const { name, left, outputs } = fresh();
      await publish(lake, name, 1);
      await deliver(lake, name, { outputs });
      await publish(lake, name, 2, 200_000);
      /** A way to the server that breaks after so many bytes towards it. */
      const cutAfter = async (bytes: number) => {
        const sockets: Socket[] = [];
        const proxy = createServer((near) => {
          const far = connectTo(server.port, '127.0.0.1');
          sockets.push(near, far);
          let sent = 0;
          near.on('data', (chunk) => {
            sent += chunk.length;
            if (sent > bytes) for (const one of sockets) one.destroy();
            else far.write(chunk);
          });
          far.on('data', (chunk) => near.write(chunk));
          for (const one of [near, far])
            one
              .on('error', () => undefined)
              .on('close', () => {
                for (const other of [near, far]) other.destroy();
              });
        }).listen(0, '127.0.0.1');
        await once(proxy, 'listening');
        return { port: (proxy.address() as { port: number }).port, close: () => proxy.close() };
      };
      for (const bytes of [0, 200, 100_000, 2_000_000]) {
        const proxy = await cutAfter(bytes);
        const url = server.url.replace(String(server.port), String(proxy.port));
        await expect(deliver(lake, name, { outputs, url })).rejects.toMatchObject({ code: 'GR-5010' });
        proxy.close();
        expect(await made(left)).toEqual([{ made: 1, n: 1000 }]);
      }
      // The server may need a moment to see that the last one has gone.
      const state = async (): Promise<string> => {
        for (;;) {
          const end = await deliver(lake, name, { outputs }).catch((error: { code: string }) => error);
          if (!('code' in end)) return end.state;
          expect(end.code).toBe('GR-5013');
          await sleep(50);
        }
      };
      expect(await state()).toBe('delivered');
      expect(await made(left)).toEqual([{ made: 2, n: 200_000 }]);
      expect(await server.rows("select 1 from pg_class where relname like '%~new%'")).toEqual([]);
    }));

  it(
    'a server that crashes in the middle of the swap comes back with all of the old or all of the new',
    { timeout: 90_000 },
    () =>
      withLake(async (lake) => {
        const { name, left, right, outputs } = fresh();
        await publish(lake, name, 1);
        await deliver(lake, name, { outputs });
        await publish(lake, name, 2);
        const pointer = (await readPointer(lake.store, name))?.pointer as Pointer;
        const signal = new AbortController().signal;
        for (const fatal of ['DROP TABLE', 'ALTER TABLE', 'INSERT INTO', 'COMMIT']) {
          const attempt = withTablesToDeliver(lake, pointer, outputs, signal, (tables, logicalTime) =>
            withDatabase(
              server.url,
              (database) =>
                replaceTables(
                  {
                    ...database,
                    async query(sql, values) {
                      const crash = sql.startsWith(fatal);
                      const answer = database.query<never>(sql, values);
                      if (crash) await Promise.all([server.stop('SIGQUIT'), answer.catch(() => undefined)]);
                      return answer;
                    },
                  },
                  { ...pointer, logicalTime },
                  tables,
                  { anew: false, signal, progress: () => undefined },
                ),
              signal,
            ),
          );
          await attempt.catch((error: unknown) => expect(error).toMatchObject({ code: 'GR-5010' }));
          await server.start();
          const [[a], [b]] = [await made(left), await made(right)];
          expect([a?.made, b?.made, a?.n, b?.n]).toEqual([a?.made, a?.made, 1000, 2000]);
          if (fatal !== 'COMMIT') expect(a?.made).toBe(1);
        }
        expect(['delivered', 'stands']).toContain((await deliver(lake, name, { outputs })).state);
        expect(await made(left)).toEqual([{ made: 2, n: 1000 }]);
      }),
  );

  it('waits for readers without keeping others from reading, and tells when they never end', { timeout: 120_000 }, () =>
    withLake(async (lake) => {
      const { name, left, outputs } = fresh();
      await publish(lake, name, 1);
      await deliver(lake, name, { outputs });
      await publish(lake, name, 2);
      const client = new pg.Client({ connectionString: server.url });
      await client.connect();
      await client.query('begin');
      await client.query(`select count(*) from "${left}"`);
      const delivery = deliver(lake, name, { outputs });
      await sleep(800);
      expect(await made(left)).toEqual([{ made: 1, n: 1000 }]);
      await client.query('commit');
      expect(await delivery).toMatchObject({ state: 'delivered' });
      expect(await made(left)).toEqual([{ made: 2, n: 1000 }]);
      await client.end();
    }),
  );

  it('keeps the rights that were given on a table, and drops nothing that it did not make', () =>
    withLake(async (lake) => {
      const { name, left, outputs } = fresh();
      await publish(lake, name, 1);
      await deliver(lake, name, { outputs });
      await server.rows(
        `create role "a reader"; grant select on "${left}" to "a reader"; grant insert on "${left}" to public`,
      );
      await publish(lake, name, 2);
      await deliver(lake, name, { outputs });
      expect(
        await server.rows(
          `select has_table_privilege('a reader', '"${left}"', 'select') s, has_table_privilege('a reader', '"${left}"', 'insert') i, has_table_privilege('a reader', '"${left}"', 'delete') d`,
        ),
      ).toEqual([{ s: true, i: true, d: false }]);
      await server.rows('create table precious as select 1 as one');
      await expect(
        deliver(lake, name, { outputs: { left: output('l', { postgres: 'precious' }) }, as: { generation: 3 } }),
      ).rejects.toMatchObject({ code: 'GR-5014', message: expect.stringContaining('precious') });
      expect(await server.rows('select one from precious')).toEqual([{ one: 1 }]);
      await server.rows(`create view hanging as select * from "${left}"`);
      await publish(lake, name, 3);
      await expect(deliver(lake, name, { outputs })).rejects.toMatchObject({
        code: 'GR-5014',
        message: expect.stringContaining('2BP01'),
      });
      expect(await made(left)).toEqual([{ made: 2, n: 1000 }]);
    }));

  it('can be cancelled at any time, and leaves what stood', () =>
    withLake(async (lake) => {
      const { name, left, outputs } = fresh();
      await publish(lake, name, 1);
      await deliver(lake, name, { outputs });
      await publish(lake, name, 2, 300_000);
      for (const after of [5, 60, 150, 250]) {
        const cancelled = new AbortController();
        const delivery = deliver(lake, name, { outputs, signal: cancelled.signal }).catch((error: unknown) => error);
        setTimeout(() => cancelled.abort('enough'), after);
        expect(await delivery).toBe('enough');
        // The server may need a moment to see that nobody is there any more.
        while ((await server.rows("select 1 from pg_locks where locktype = 'advisory'")).length > 0) await sleep(20);
      }
      expect(await made(left)).toEqual([{ made: 1, n: 1000 }]);
    }));

  it('no error tells the address, the user, a password or a value', () =>
    withLake(async (lake) => {
      const { name, outputs } = fresh();
      await publishTables(
        lake,
        { left: "select 'secret-value' || chr(0) as made", right: 'select 1 as made' },
        { minute: 1, pipeline: name },
      );
      const at = (change: (url: string) => string) => ({ outputs, url: change(server.url) });
      const wrong: [string, string, { outputs: Record<string, Output>; url: string }][] = [
        ['GR-5010', 'ECONNREFUSED', at((url) => url.replace(/:\d+\//, ':1/'))],
        ['GR-5010', 'ENOTFOUND', at((url) => url.replace('127.0.0.1', 'nobody.invalid'))],
        ['GR-5011', '3D000', at((url) => url.replace(/postgres$/, 'nowhere'))],
        ['GR-5011', '28000', at((url) => url.replace('tester', 'stranger'))],
        ['GR-5011', '', at((url) => `${url}?sslmode=require`)],
        ['GR-2106', '22021', at((url) => url)],
      ];
      for (const [code, told, asked] of wrong) {
        const error = await deliver(lake, name, asked).then(
          () => new Error('taken'),
          (fault: Error) => fault,
        );
        expect(error).toMatchObject({ code, message: expect.stringContaining(told) });
        const all = `${error.message} ${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`;
        for (const secret of [TEST_PASSWORD, '127.0.0.1', 'nobody.invalid', 'stranger', 'nowhere', 'secret-value'])
          expect(all).not.toContain(secret);
      }
    }));
});

describe('the address of the database', () => {
  it('is of the environment alone; one that is missing or cannot be read is told without it', async () => {
    const { addressOf } = await import('../../../activities/deliver/steps/connection.js');
    expect(addressOf({ GEOREFRESH_POSTGRES_URL: ' postgres://a:b@c/d ' })).toBe('postgres://a:b@c/d');
    for (const GEOREFRESH_POSTGRES_URL of [undefined, '', 'mysql://a:geheim@c/d', 'postgres://a:geheim@[c/d'])
      expect(() => addressOf({ GEOREFRESH_POSTGRES_URL })).toThrow(/^(?!.*geheim).*GEOREFRESH_POSTGRES_URL/);
  });
});

describe('the columns of the database', () => {
  it.each([
    ['HUGEINT', 'numeric(39,0)'],
    ['DECIMAL(18, 3)', 'numeric(18,3)'],
    ['INTEGER[]', 'jsonb'],
    ['DOUBLE[3]', 'jsonb'],
    ['MAP(VARCHAR, INTEGER)', 'jsonb'],
    ['TIMESTAMP_S', 'timestamp'],
    ['TIME WITH TIME ZONE', 'timetz'],
    ["ENUM('a[]', 'b')", 'text'],
    ['BIT', 'text'],
  ])('%s is %s', (type, expected) => {
    expect(sinkColumn({ name: 'a "b"', type })).toMatchObject({ name: 'a "b"', type: expected });
  });
});
