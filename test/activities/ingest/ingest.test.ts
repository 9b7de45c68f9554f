import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ApplicationFailure } from '@temporalio/common';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createIngestActivities } from '../../../activities/ingest/index.js';
import { withRecords } from '../../../activities/ingest/steps/open.js';
import { rowsOf } from '../../../activities/publish/steps/outputs.js';
import type { StepResult } from '../../../activities/types.js';
import { polygonSource, recordSource, type Source } from '../../../config/definition/source.js';
import { putArtifact } from '../../../lake/artifacts.js';
import { temporaryFolder, temporaryHome } from '../../support/home.js';
import { type Bench, headerOf, openBench, perform, quiet } from '../../support/run-plan.js';

let bench: Bench;
let inputs: string;
beforeAll(async () => {
  bench = await openBench({ home: await temporaryHome(), threads: 2 });
  inputs = await temporaryFolder();
});
afterAll(() => bench.close());

const columns = { a: { type: 'text' }, b: { type: 'text' } };

/** Reads a file as the source of a definition that has no other; answers its cells as they came. */
async function ingest(content: string | Uint8Array, more: object = {}, activities = bench.activities) {
  await writeFile(join(inputs, 'x.csv'), content);
  const source = recordSource.parse({ uri: 'x.csv', format: 'csv', columns, ...more });
  const result = await ingestSource(source, activities);
  return { result, rows: await readRaw(source, result) };
}

async function readRaw(source: Source, result: StepResult): Promise<Record<string, unknown>[]> {
  const kept = result.artifacts['raw:x'];
  if (kept === undefined) throw new Error('nothing was kept');
  return bench.lake.duckdb.session((session) =>
    withRecords(bench.lake, session, source, kept, async (records) => {
      const { rows, columns: read } = await session.readColumns(
        `select _row, raw from (${await records.cells([], { of: 'range(1, 1000000) as t(_row)' })}) order by _row`,
      );
      const raw = read.raw;
      if (raw?.type !== 'text') throw new Error('raw is text');
      expect(result.rowsOut).toBe(rows);
      return Array.from({ length: rows }, (_, row) => ({
        _row: row + 1,
        ...(JSON.parse(raw.dictionary[raw.codes[row] ?? 0] ?? '') as object),
      }));
    }),
  );
}

async function ingestSource(source: object, activities: Pick<Bench['activities'], 'ingest'> = bench.activities) {
  const frozen = {
    pipeline: { name: 'demo', sources: { x: source } },
    sources: [{ name: 'x', from: 'file', path: 'x.csv' }],
  };
  const definition = await putArtifact(
    bench.lake.store,
    'lake/demo/state',
    Buffer.from(JSON.stringify(frozen)),
    'json',
  );
  const step = { id: 'ingest/x', stage: 'ingest' as const };
  return perform(activities.ingest, {
    header: headerOf('demo'),
    definition,
    inputs,
    step,
    tables: {},
    artifacts: {},
  });
}

const failureOf = async (content: string | Uint8Array, more: object = {}): Promise<ApplicationFailure> => {
  const outcome = await ingest(content, more).catch((error: unknown) => error);
  if (outcome instanceof ApplicationFailure) return outcome;
  throw new Error('it was read');
};
const cellsOf = async (content: string | Uint8Array, more: object = {}) =>
  (await ingest(content, more)).rows.map(({ a, b }) => [a, b]);

test.each([
  ['a mark of the byte order', '\ufeffa,b\n1,2\n', [['1', '2']]],
  [
    'lines that end as on Windows',
    'a,b\r\n1,2\r\n3,4\r\n',
    [
      ['1', '2'],
      ['3', '4'],
    ],
  ],
  [
    'lines that end as once on a Mac',
    'a,b\r1,2\r3,4\r',
    [
      ['1', '2'],
      ['3', '4'],
    ],
  ],
  ['no end of the last line', 'a,b\n1,2', [['1', '2']]],
  [
    'delimiters, line breaks and quotes in quotes',
    'a,b\n"x,y","l1\nl2"\n"q""q",\n',
    [
      ['x,y', 'l1\nl2'],
      ['q"q', ''],
    ],
  ],
  [
    'blanks, marks for missing and control characters',
    'a,b\n 1 ,NA\n\u0001,""\n',
    [
      [' 1 ', 'NA'],
      ['\u0001', ''],
    ],
  ],
  [
    'blank lines between',
    'a,b\n1,2\n\n3,4\n',
    [
      ['1', '2'],
      ['3', '4'],
    ],
  ],
  ['names of columns in quotes and blanks', '" a ",b\n1,2\n', [['1', '2']]],
])('cells are kept as they came: %s (S3.2)', async (_, content, cells) => {
  expect(await cellsOf(content)).toEqual(cells);
});

test('columns that have no name, or that of another, get one of their own; ours is not taken', async () => {
  const { rows } = await ingest('a,,A,b,_row\n1,2,3,4,9\n', {
    columns: { ...columns, c: { type: 'text', from: 'A_1' } },
  });
  expect(rows).toEqual([{ _row: 1, a: '1', column1: '2', A_1: '3', b: '4', _row_1: '9' }]);
});

test('another delimiter and another quote are read as declared', async () => {
  expect(await cellsOf("a;b\n'x;y';2\n", { delimiter: ';', quote: "'" })).toEqual([['x;y', '2']]);
});

test.each([
  ['a row with a cell too many', 'a,b\n1,2\nJane Doe,4,5\n', 'GR-2002', 3],
  ['a row with a cell too few', 'a,b\n1,2\nJane Doe\n', 'GR-2002', 3],
  ['a quote that is never closed', 'a,b\n1,2\n"Jane Doe,4\n5,6\n', 'GR-2002', 3],
  ['bytes that are no UTF-8', Buffer.from('a,b\n1,2\nJane Do\xe9,3\n', 'latin1'), 'GR-2002', 3],
  ['lines that end in two ways', 'a,b\n1,2\r\nJane Doe,4\n', 'GR-2002', undefined],
  ['an empty file', '', 'GR-2002', undefined],
  ['a file of blank lines', '\n\n', 'GR-2002', undefined],
  ['a header alone', 'a,b\n', 'GR-2004', undefined],
  ['a header without a declared column', 'a,c\n1,2\n', 'GR-2003', 1],
])('%s is refused, by file and line, and shows no row', async (_, content, code, line) => {
  const failure = await failureOf(content);
  expect(failure).toMatchObject({ type: code, nonRetryable: true });
  expect(failure.message).toContain('x.csv');
  const [{ where }] = failure.details as [{ where: { file: string; line?: number }[] }];
  expect(where[0]?.line).toBe(line);
  for (let at: Error | undefined = failure; at !== undefined; at = at.cause as Error | undefined)
    expect(at.message).not.toContain('Jane');
});

test('a file that changes while it is read is read again', async () => {
  const { lake } = bench;
  const scratch = Object.create(lake.scratch) as typeof lake.scratch;
  scratch.capture = async (...args) => {
    const captured = await lake.scratch.capture(...args);
    await appendFile(join(inputs, 'x.csv'), '5,6\n');
    return captured;
  };
  const { activities: _, ...rest } = bench;
  const changing = createIngestActivities({ ...rest, lake: { ...lake, scratch }, log: quiet, settings: {} as never });
  const reading = ingest('a,b\n1,2\n', {}, { ...bench.activities, ...changing });
  await expect(reading).rejects.toMatchObject({ type: 'GR-2005', nonRetryable: false });
});

test('row numbers are those of the file, also where several threads read it', async () => {
  const rows = 120_000;
  const lines = Array.from({ length: rows }, (_, i) => `${i + 1},${'x'.repeat(i % 90)}`);
  const { rows: read } = await ingest(`a,b\n${lines.join('\n')}\n`);
  expect(read).toHaveLength(rows);
  expect(read.every(({ _row, a }) => String(_row) === a)).toBe(true);
});

test('a layer gives a row for each feature in its order, broken ones with the reason', async () => {
  const ring = [
    [0, 0],
    [1, 0],
    [1, 1],
    [0, 0],
  ];
  const features = [
    { type: 'Feature', id: 7, properties: { mode: 'x' }, geometry: { type: 'Polygon', coordinates: [ring] } },
    { type: 'Feature', properties: { name: 'point' }, geometry: { type: 'Point', coordinates: [0, 0] } },
    { type: 'Feature', properties: { name: 'named' }, geometry: { type: 'Polygon', coordinates: [ring] } },
  ];
  await writeFile(join(inputs, 'x.csv'), JSON.stringify({ type: 'FeatureCollection', features }));
  const source = polygonSource.parse({ uri: 'x.csv', format: 'geojson' });
  const { artifacts, rowsOut } = await ingestSource(source);
  expect(rowsOut).toBe(3);
  const kept = artifacts['raw:x'];
  if (kept === undefined) throw new Error('nothing was kept');
  const rows = await bench.lake.duckdb.session((session) =>
    withRecords(bench.lake, session, source, kept, async (records) =>
      rowsOf(await session.readColumns(await records.cells([]))),
    ),
  );
  expect(rows.map(({ _row, id, _fault }) => [_row, id, _fault !== null])).toEqual([
    [1, '7', false],
    [2, null, true],
    [3, 'named', false],
  ]);
});
