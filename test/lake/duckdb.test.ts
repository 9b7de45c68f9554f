import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DuckDb } from '../../lake/duckdb.js';
import { hashFile } from '../../lake/hashing.js';
import { orderClause, quoteIdent, quoteLiteral, sqlError } from '../../lake/sql.js';
import { putColumns, putTable, readTable, withTables } from '../../lake/tables.js';
import { withFolder, withLake } from './support/temporary.js';

describe('a DuckDB session', () => {
  it('binds to each statement just the parameters that it names, whatever their type', () =>
    withLake(({ duckdb }) =>
      duckdb.session(async (session) => {
        const table = await session.readColumns(
          `CREATE TEMP TABLE t AS SELECT $n AS n, typeof($n) AS tn; -- $nobody
           SELECT n, tn, $x AS x, $s AS s, $b AS b, epoch_ms($d) AS d, 'b' = ANY($l) AS l, $z::INTEGER AS z FROM t`,
          { n: 3, x: 0.5, s: "it's; $n", b: true, d: new Date(5), l: ['a', 'b'], z: null, unused: 1 },
        );
        const first = Object.fromEntries(
          Object.entries(table.columns).map(([name, column]) => [
            name,
            column.type === 'text' ? column.dictionary[column.codes[0]!] : column.values[0],
          ]),
        );
        expect(first).toEqual({ n: 3, tn: 'INTEGER', x: 0.5, s: "it's; $n", b: 1, d: 5, l: 1, z: NaN });
        await expect(session.run('SELECT $missing')).rejects.toMatchObject({
          code: 'GR-3010',
          message: expect.stringContaining('$missing') as unknown,
        });
        // A statement that cannot even be taken apart is the author's to mend, and no reason to try again.
        await expect(session.run('SELEC 1')).rejects.toMatchObject({ code: 'GR-3010' });
      }),
    ));

  it('answers statements that are asked for at the same moment one after the other, each to its last row', () =>
    withLake(({ duckdb }) =>
      duckdb.session(async (session) => {
        const reads = [100_000, 1, 250_000].map((rows) => session.readColumns(`SELECT range AS n FROM range(${rows})`));
        const failing = session.run('SELECT nothing');
        const after = session.readColumns('SELECT 1 AS n');
        await expect(failing).rejects.toMatchObject({ code: 'GR-3010' });
        expect((await Promise.all([...reads, after])).map(({ rows }) => rows)).toEqual([100_000, 1, 250_000, 1]);
      }),
    ));

  it('reaches no file but those of the scratch folder, no extension and no setting', () =>
    withLake(({ duckdb, scratch }, home) =>
      duckdb.session(async (session) => {
        for (const sql of [
          "SELECT * FROM read_text('/etc/passwd')",
          `SELECT * FROM read_text(${quoteLiteral(`${scratch.dir}/../../../../etc/passwd`)})`,
          `COPY (SELECT 1) TO ${quoteLiteral(join(home, 'stolen.csv'))}`,
          `ATTACH ${quoteLiteral(join(home, 'x.db'))}`,
          'INSTALL httpfs',
          "SELECT * FROM 'https://example.com/x.parquet'",
          'SET threads = 8',
          'SET enable_external_access = true',
          "SET allowed_directories = ['/']",
        ])
          await expect(session.run(sql), sql).rejects.toMatchObject({
            code: expect.stringMatching(/^GR-30(01|10)$/) as unknown,
          });
        await session.run(`COPY (SELECT 1) TO ${quoteLiteral(join(scratch.dir, 'made', 'fine.csv'))}`);
      }),
    ));

  it('does not share temporary tables with another', () =>
    withLake(({ duckdb }) =>
      duckdb.session(async (one) => {
        await one.run('CREATE TEMP TABLE mine AS SELECT 1');
        await duckdb.session((other) =>
          expect(other.run('SELECT * FROM mine')).rejects.toMatchObject({ code: 'GR-3010' }),
        );
      }),
    ));

  it('stops within 2 s of an abort, with its reason, and leaves DuckDB usable', () =>
    withLake(async ({ duckdb }) => {
      for (const wait of [0, 1, 100]) {
        const controller = new AbortController();
        const work = duckdb.session(
          (session) => session.readColumns('SELECT count(*) FROM range(100000000000) r(i) WHERE hash(i) % 7 = 3'),
          { signal: controller.signal },
        );
        setTimeout(() => controller.abort(new Error('cancelled by the user')), wait);
        const started = performance.now();
        await expect(work).rejects.toThrow('cancelled by the user');
        expect(performance.now() - started).toBeLessThan(2000 + wait);
      }
      expect(await duckdb.session((session) => session.readColumns('SELECT 1 x'))).toMatchObject({ rows: 1 });
    }));

  it('names the step and the statement of what fails, and says of memory that it was memory', () =>
    withFolder(async (folder) => {
      const duckdb = await DuckDb.open({ scratch: folder, memoryLimit: '50MB', threads: 2 });
      const fails = (sql: string) => duckdb.session((session) => session.run(sql), { step: 'features/join.sql' });
      await expect(fails('SELECT nope')).rejects.toMatchObject({
        code: 'GR-3010',
        where: [{ file: 'features/join.sql', note: 'SELECT nope' }],
      });
      await expect(
        fails('SELECT list(repeat(i::VARCHAR, 50) ORDER BY i) FROM range(1000000) r(i)'),
      ).rejects.toMatchObject({ code: 'GR-3007' });
      duckdb.close();
      const full = new Error('IO Error: Could not write file "x": No space left on device');
      expect(sqlError(full, 'x', '')).toMatchObject({ code: 'GR-5003' });
    }));

  it(
    'spills a sort that is larger than its memory, below the scratch folder',
    () =>
      withFolder(async (folder) => {
        const duckdb = await DuckDb.open({ scratch: folder, memoryLimit: '150MB', threads: 2 });
        const written = await duckdb.session((session) =>
          session.writeParquet('SELECT hash(i) h, i, i::VARCHAR s FROM range(3000000) r(i)', {
            orderBy: ['h'],
            path: join(folder, 'x.parquet'),
          }),
        );
        expect(written).toEqual({ rows: 3_000_000, columns: ['h', 'i', 's'] });
        duckdb.close();
      }),
    60_000,
  );

  it('keeps rows in a file while it lasts, in the order in which they came and numbered so', () =>
    withLake(
      ({ duckdb, scratch }) =>
        duckdb.session(async (session) => {
          const rows = 700_000;
          await session.run(`CREATE TEMP TABLE given AS SELECT range AS i FROM range(${rows})`);
          await session.keepRows('kept', 'SELECT i AS "file_row_number", i AS c0 FROM given', 'place');
          const { columns } = await session.readColumns(
            `SELECT count(*) AS n, count(*) FILTER (place = "file_row_number" + 1 AND c0 = place - 1) AS same FROM kept`,
          );
          expect(columns).toMatchObject({
            n: { values: Float64Array.of(rows) },
            same: { values: Float64Array.of(rows) },
          });
          const files = (): Promise<string[]> => readdir(join(scratch.dir, 'spill'));
          expect((await files()).filter((file) => file.endsWith('.parquet'))).toHaveLength(1);
          await session.end();
          expect((await files()).filter((file) => file.endsWith('.parquet'))).toEqual([]);
        }),
      4,
    ));

  it('writes CSV in UTF-8 with LF, a header, missing values empty and empty text quoted', () =>
    withLake(({ duckdb, scratch }) =>
      duckdb.session(async (session) => {
        const path = scratch.newFile('csv');
        await session.writeCsv(
          `SELECT * FROM (VALUES (2, 'ø "q", x', 0.1::DOUBLE), (1, NULL, NULL), (3, '', 1e-7)) t(id, "a b", v);`,
          { orderBy: ['-id'], path },
        );
        expect(await readFile(path, 'utf8')).toBe('id,a b,v\n3,"",1e-07\n2,"ø ""q"", x",0.1\n1,,\n');
      }),
    ));
});

describe('quoting', () => {
  it('makes any name or text harmless', () =>
    withLake(({ duckdb }) =>
      duckdb.session(async (session) => {
        for (const odd of ['a"b', "'; DROP TABLE x; --", '"', 'ø\n', '$x']) {
          const table = await session.readColumns(`SELECT ${quoteLiteral(odd)} AS ${quoteIdent(odd)}`);
          expect(table.columns[odd]).toMatchObject({ dictionary: [odd] });
        }
        expect(() => quoteIdent('a\0b')).toThrow();
        expect(() => orderClause(['nope'], ['a'])).toThrow('nope');
        expect(orderClause(['-b', { column: 'a', nulls: 'first' }], ['a', 'b', 'c'])).toBe(
          ' ORDER BY "b" DESC NULLS LAST, "a" ASC NULLS FIRST, "c" ASC NULLS LAST',
        );
      }),
    ));
});

describe('tables', () => {
  it('have the same bytes over five runs with one and two threads, though rows tie on the declared order (S0.1)', async () => {
    const select = `SELECT i % 1000 AS county, hash(i) % 5 AS tie, (hash(i) % 100000) / 7.0 AS x, CASE WHEN i % 13 = 0 THEN NULL ELSE 'tract ' || hash(i) % 70000 END AS name
                    FROM range(300000) r(i)`;
    const digests = new Set<string>();
    for (const threads of [1, 2]) {
      await withFolder(async (folder) => {
        const duckdb = await DuckDb.open({ scratch: folder, memoryLimit: '512MB', threads });
        for (let run = 0; run < 5; run++) {
          const path = join(folder, `${run}.parquet`);
          await duckdb.session(async (session) => {
            // Rows reach the writer in an order that differs between runs.
            await session.run(`CREATE TEMP TABLE t AS ${select} ORDER BY hash(i + ${run})`);
            await session.writeParquet('SELECT * FROM t', { orderBy: ['county'], path });
          });
          digests.add((await hashFile(path)).sha256);
        }
        duckdb.close();
      });
    }
    expect(digests.size).toBe(1);
  }, 60_000);

  it('go into the lake from a SELECT or from columns, alike, and come back', () =>
    withLake(async (lake) => {
      const options = { prefix: 'lake/demo/features', orderBy: ['id'] };
      const select = "SELECT i AS id, i / 2 AS half, CASE WHEN i > 2 THEN 'x' || i END AS s FROM range(5) r(i)";
      const ref = await lake.duckdb.session((session) => putTable(lake, session, { select }, options));
      expect(ref).toMatchObject({
        rows: 5,
        columns: ['id', 'half', 's'],
        uri: expect.stringMatching(/^lake\/demo\/features\/..\/[0-9a-f]{64}\.parquet$/) as unknown,
      });
      const columns = await readTable(lake, ref);
      expect(await putColumns(lake, columns, options)).toEqual(ref);
      expect(Object.keys((await readTable(lake, ref, ['s', 'id'])).columns)).toEqual(['s', 'id']);
      const part = await lake.duckdb.session((session) =>
        putTable(lake, session, { select: 'SELECT $from::BIGINT AS id, 7 AS other', parameters: { from: 9 } }, options),
      );
      const sum = await lake.duckdb.session((session) =>
        withTables(lake, session, { all: [ref, part] }, () =>
          session.readColumns('SELECT sum(id) s, count(other) o FROM "all"'),
        ),
      );
      expect(sum.columns.s).toMatchObject({ values: Float64Array.of(19) });
      expect(sum.columns.o).toMatchObject({ values: Float64Array.of(1) });
    }));
});
