import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { csvTable, PLAIN } from '../../../activities/ingest/csv.js';
import { copyRecords, RecordScan } from '../../../activities/ingest/lines.js';

let folder: string;
let instance: DuckDBInstance;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'georefresh-lines-'));
  instance = await DuckDBInstance.create(':memory:', { threads: '1' });
});
afterAll(async () => {
  instance.closeSync();
  await rm(folder, { recursive: true, force: true });
});

/** Every record of the file that is given, or those of one that was copied. */
async function recordsOf(path: string, given: boolean): Promise<unknown[][]> {
  const connection = await instance.connect();
  try {
    const table = csvTable(path, { ...PLAIN, header: given }, ['a', 'b'], given ? undefined : 'LF');
    return (await connection.runAndReadAll(`select * from ${table}`)).getRowsJS() as unknown[][];
  } finally {
    connection.closeSync();
  }
}

const cell = fc.string({ unit: fc.constantFrom('a', 'é', ' ', '"', ',', '\n', '\r\n', '7'), maxLength: 5 });
const written = (text: string, always: boolean): string =>
  always || /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;

describe('records of a CSV file, copied by their lines', () => {
  it('are those that the engine reads, with quotes, delimiters and line breaks inside cells (S2.8)', async () => {
    const row = fc.tuple(cell, cell, fc.boolean());
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 1, maxLength: 12 }),
        fc.constantFrom('\n', '\r\n'),
        fc.boolean(),
        fc.boolean(),
        fc.uint8Array({ minLength: 1, maxLength: 12 }),
        async (rows, newline, ends, mark, choice) => {
          const lines = rows.map(([a, b, always]) => `${written(a, always)},${written(b, true)}`);
          const path = join(folder, 'given.csv');
          const text = ['a,b', ...lines].join(newline) + (ends ? newline : '');
          await writeFile(path, (mark ? '\ufeff' : '') + text);
          const all = await recordsOf(path, true);
          const wanted = all.map((_, i) => i + 1).filter((n) => (choice[n % choice.length] ?? 0) % 2 === 0);
          const to = join(folder, 'taken.csv');
          await rm(to, { force: true });
          expect(await copyRecords(path, to, wanted, PLAIN)).toBe(all.length);
          if (wanted.length > 0) expect(await recordsOf(to, false)).toEqual(wanted.map((n) => all[n - 1]));
        },
      ),
      { seed: 6, numRuns: 150 },
    );
  });

  it('are the same however the file is cut into blocks (S2.8)', () => {
    const record = fc.constantFrom('1,2\n', '"a\nb",c\r\n', ',"""x"""\n', '\n', 'é,\n', '"",""\n', '\r\n', 'a"b,\n');
    fc.assert(
      fc.property(fc.array(record, { maxLength: 20 }), fc.array(fc.nat(9), { maxLength: 40 }), (records, cuts) => {
        const bytes = Buffer.from(records.join(''));
        const take = (sizes: readonly number[]): { text: string; records: number } => {
          const scan = new RecordScan([1, 3, 4, 9], { ...PLAIN, header: false });
          const found: Buffer[] = [];
          let from = 0;
          for (const size of sizes) {
            if (from >= bytes.length) break;
            found.push(...scan.feed(bytes.subarray(from, from + size + 1)));
            from += size + 1;
          }
          if (from < bytes.length) found.push(...scan.feed(bytes.subarray(from)));
          return { text: Buffer.concat([...found, ...scan.end()]).toString(), records: scan.records };
        };
        expect(take(cuts)).toEqual(take([]));
      }),
      { seed: 6, numRuns: 500 },
    );
  });

  it('skip lines above the header, and end without a last line end (S2.8)', async () => {
    const path = join(folder, 'skipped.csv');
    await writeFile(path, 'a title\n\na,b\n1,2\n3,4');
    const to = join(folder, 'of-skipped.csv');
    expect(await copyRecords(path, to, [2], { ...PLAIN, skip: 2 })).toBe(2);
    expect(await readFile(to, 'utf8')).toBe('3,4\n');
  });
});
