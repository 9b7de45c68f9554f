import { appendFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { toFeatures } from '../../activities/train/features.js';
import { predictModel } from '../../activities/train/learners.js';
import { decodeModelJson } from '../../activities/train/model-json.js';
import type { LinearModel } from '../../activities/train/ridge.js';
import { type ExplainedRow, explainRows } from '../../client/diff-moves.js';
import { connect, type Manifest, type SnapshotDiff } from '../../client/index.js';
import type { Pipeline } from '../../config/definition/pipeline.js';
import { type Columns, type Lake, readTable } from '../../lake/index.js';
import { temporaryFolder, temporaryHome } from '../support/home.js';
import { openBench, runPlan } from '../support/run-plan.js';
import { smallFiles, writeSmallPipeline } from '../support/small-pipeline.js';
import { georefresh } from './cli/shells.js';

const RUNS = [1, 2].map((n) => ({
  run: `0191d7a0-0000-7000-8000-00000000000${n}`,
  logicalTime: `2026-02-2${n}T06:00:00.000Z`,
}));

/** A home with two snapshots: in the second one, shops were added in one place, blocks came and went. */
async function twoRefreshes(): Promise<{ home: string; name: string; pipelines: string }> {
  const folder = await temporaryFolder('diffs');
  const small = await writeSmallPipeline(folder);
  const home = await temporaryHome();
  const bench = await openBench({ home, pipelines: [small.pipelines] });
  try {
    const request = { pipeline: small.name, inputs: small.inputs };
    expect((await runPlan(bench, { ...request, ...RUNS[0] })).summary.outcome).toBe('published');
    await appendFile(
      join(small.inputs, 'shops.csv'),
      '401,0.30000,0.33000\n402,0.30000,0.33100\n403,0.31000,0.33000\n',
    );
    const blocks = smallFiles()['blocks.csv'] ?? '';
    const kept = blocks.split('\n').filter((line) => !line.startsWith('b0007,'));
    const text = kept.join('\n').replace(/^(b0010,.*),high,/m, '$1,low,');
    await writeFile(join(small.inputs, 'blocks.csv'), `${text}b0900,0.333,0.333,1000000,low,0.5\n`);
    expect((await runPlan(bench, { ...request, ...RUNS[1] })).summary.outcome).toBe('published');
  } finally {
    await bench.close();
  }
  return { home, name: small.name, pipelines: small.pipelines };
}

/** Rows of a published CSV file, by a column. */
async function csvOf(path: string, key: string): Promise<Map<string, Record<string, string>>> {
  const [head = '', ...lines] = (await readFile(path, 'utf8')).trimEnd().split('\n');
  const names = head.split(',');
  const rows = lines.map((line) => Object.fromEntries(line.split(',').map((cell, i) => [names[i] ?? '', cell])));
  return new Map(rows.map((row) => [row[key] ?? '', row]));
}

describe('the difference of two refreshes of a pipeline', () => {
  let home = '';
  let name = '';
  let env: Record<string, string> = {};
  let diff: SnapshotDiff;
  beforeAll(async () => {
    const made = await twoRefreshes();
    ({ home, name } = made);
    env = { GEOREFRESH_HOME: home, GEOREFRESH_PIPELINES: made.pipelines };
    diff = await ask({ top: 1000 });
  }, 120_000);

  async function ask(request: Parameters<Awaited<ReturnType<typeof connect>>['diff']>[1]): Promise<SnapshotDiff> {
    const client = await connect({ env });
    try {
      return await client.diff(name, request);
    } finally {
      await client.close();
    }
  }
  const tableOf = (table: string) => diff.tables.find((one) => one.name === table);
  const pathOf = (side: 'before' | 'after', file: string): string => join(home, diff[side].snapshot, file);

  test('names both snapshots, their models, figures beside each other, and the sources that changed', () => {
    expect(diff).toMatchObject({
      pipeline: name,
      before: { generation: 1, run: RUNS[0]?.run, champion: 'line', modelVersion: 'v1' },
      after: { generation: 2, run: RUNS[1]?.run, modelVersion: 'v2' },
      equal: false,
      definitionChanged: false,
      parameters: [],
    });
    expect(diff.sources.map((one) => [one.name, one.before?.rows, one.after?.rows])).toEqual([
      ['shops', 400, 403],
      ['blocks', 240, 240],
    ]);
    const top = diff.metrics.find(({ model, metric }) => model === 'line' && metric === 'top');
    expect([top?.before, top?.after]).toEqual([expect.any(Number), expect.any(Number)]);
    expect(diff.metrics.map(({ model }) => model)).toContain('as_now');
    expect(diff.tables.map((one) => one.name)).toEqual(['blocks_out', 'regions_out']);
  });

  test('tells each row of a ranked table with its old and new rank and score, as the published files have them', async () => {
    const found = tableOf('blocks_out')?.diff;
    const [old, now] = [
      await csvOf(pathOf('before', 'blocks_out.csv'), 'block'),
      await csvOf(pathOf('after', 'blocks_out.csv'), 'block'),
    ];
    const both = [...now].filter(([block]) => old.has(block));
    const moves = both.map(([block, row]) => ({ block, from: Number(old.get(block)?.place), to: Number(row.place) }));
    expect(found).toMatchObject({ key: ['block'], ranked: true, score: 'score' });
    expect(found?.rows).toMatchObject({ before: 240, after: 240, added: 1, gone: 1 });
    expect(found?.rows.moved).toBe(moves.filter(({ from, to }) => from !== to).length);
    expect(found?.rows.changed).toBe(
      both.filter(([block, row]) => JSON.stringify(row) !== JSON.stringify(old.get(block))).length,
    );
    expect(found?.added).toMatchObject([
      { key: { block: 'b0900' }, before: null, after: { rank: Number(now.get('b0900')?.place) } },
    ]);
    expect(found?.gone).toMatchObject([{ key: { block: 'b0007' }, after: null }]);
    const farthest = moves
      .filter(({ block }) => JSON.stringify(now.get(block)) !== JSON.stringify(old.get(block)))
      .sort((a, b) => Math.abs(b.to - b.from) - Math.abs(a.to - a.from) || a.to - b.to);
    expect(
      found?.differing.map(({ key, before, after }) => ({ block: key.block, from: before?.rank, to: after?.rank })),
    ).toEqual(farthest);
    for (const { key, before, after } of found?.differing ?? []) {
      expect(before?.score).toBe(Number(old.get(String(key.block))?.score));
      expect(after?.score).toBe(Number(now.get(String(key.block))?.score));
    }
  });

  test('says which features moved a row, each with what it did to the prediction; with the model they add up', async () => {
    const table = tableOf('blocks_out');
    expect(table?.explanation).toEqual({ table: 'known@later', unit: 'prediction' });
    const rows = (table?.diff?.differing ?? []) as ExplainedRow[];
    await withReader(async (lake) => {
      const [old, now] = await Promise.all([sideOf(lake, 'before'), sideOf(lake, 'after')]);
      let moved = 0;
      for (const row of rows) {
        const [from, to] = [old.rowOf(String(row.key.block)), now.rowOf(String(row.key.block))];
        const total = row.features.reduce((sum, { effect }) => sum + effect, 0) + (row.model ?? Number.NaN);
        expect(total).toBeCloseTo((now.predictions[to] ?? 0) - (old.predictions[from] ?? 0), 6);
        for (const { feature, before, after, effect } of row.features) {
          moved++;
          expect([before, after]).toEqual([old.value(feature, from), now.value(feature, to)]);
          if (before === null || after === null) continue;
          const slopes = [old, now].map(({ model }) => {
            const f = model.features.indexOf(feature);
            return (model.coefficient[f] ?? 0) / (model.scale[f] ?? 1);
          });
          const step = Math.fround(Number(after)) - Math.fround(Number(before));
          expect(effect).toBeCloseTo((step * ((slopes[0] ?? 0) + (slopes[1] ?? 0))) / 2, 6);
        }
        const sizes = row.features.map(({ effect }) => Math.abs(effect));
        expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
      }
      expect(moved).toBeGreaterThan(10);
    });
  });

  test('of rows that were not predicted it tells features in deviations, from a table with the same key', async () => {
    const side = async (name: 'before' | 'after') => {
      const manifest = JSON.parse(await readFile(pathOf(name, 'manifest.json'), 'utf8')) as Manifest;
      const frozen = await readFile(join(home, manifest.definition?.uri ?? ''), 'utf8');
      const { pipeline } = JSON.parse(frozen) as { pipeline: Pipeline };
      return { manifest, definition: { ...pipeline, score: { tables: pipeline.score.tables } } };
    };
    const [before, after] = [await side('before'), await side('after')];
    const rows = tableOf('blocks_out')?.diff?.differing ?? [];
    const found = await withReader((lake) => explainRows(lake, { before, after }, ['block'], rows));
    expect(found?.explanation).toEqual({ table: 'context', unit: 'deviations' });
    const row = found?.rows.find(({ key }) => key.block === 'b0010');
    // 80 blocks are low, 80 high: their deviation is a half.
    expect(row?.features).toEqual([{ feature: 'level', before: 1, after: 0, effect: -2 }]);
    expect(row?.model).toBeNull();
  });

  async function withReader<T>(work: (lake: Lake) => Promise<T>): Promise<T> {
    const bench = await openBench({ home });
    try {
      return await work(bench.lake);
    } finally {
      await bench.close();
    }
  }

  /** A run's model and what it was asked to predict. */
  async function sideOf(lake: Lake, side: 'before' | 'after') {
    const manifest = JSON.parse(await readFile(pathOf(side, 'manifest.json'), 'utf8')) as Manifest;
    const made = Object.assign({}, ...manifest.steps.map(({ outputs }) => outputs)) as Manifest['steps'][0]['outputs'];
    const [features, native] = [made['known@later'], made['model.json']];
    if (features === undefined || native === undefined) throw new Error('the run left no features or no model');
    const table: Columns = await readTable(lake, features);
    const model = decodeModelJson(await lake.store.get(native.uri)) as LinearModel;
    const blocks = table.columns.block;
    if (blocks?.type !== 'text') throw new Error('block is text');
    const rows = new Map(Array.from(blocks.codes, (code, row) => [blocks.dictionary[code], row]));
    return {
      model,
      predictions: predictModel({ model, matrix: toFeatures(table, model.features) }),
      rowOf: (block: string): number => rows.get(block) ?? -1,
      value: (name: string, row: number): number | null => {
        const column = table.columns[name];
        const value = column === undefined || column.type === 'text' ? Number.NaN : (column.values[row] ?? Number.NaN);
        return Number.isNaN(value) ? null : value;
      },
    };
  }

  test('is the same each time, and none between a snapshot and itself', async () => {
    expect(await ask({ top: 1000 })).toEqual(diff);
    const none = await ask({ before: '2', after: 'current' });
    expect(none).toMatchObject({ equal: true, sources: [], definitionChanged: false });
    expect(none.tables.map(({ state }) => state)).toEqual(['equal', 'equal']);
  });

  test('the other way round has added and gone, old and new exchanged', async () => {
    const back = await ask({ before: 'current', after: 'previous', top: 1000 });
    const [there, here] = [tableOf('blocks_out')?.diff, back.tables[0]?.diff];
    expect(here?.rows).toEqual({ ...there?.rows, before: 240, after: 240, added: 1, gone: 1 });
    expect(here?.added.map(({ key }) => key)).toEqual(there?.gone.map(({ key }) => key));
    expect(new Set(here?.differing.map(({ key }) => key.block))).toEqual(
      new Set(there?.differing.map(({ key }) => key.block)),
    );
  });

  test('chooses tables by name or key, and compares by another key where that names one row', async () => {
    expect((await ask({ key: ['region'] })).tables.map((one) => one.name)).toEqual(['regions_out']);
    expect((await ask({ outputs: ['blocks_out'] })).tables.map((one) => one.name)).toEqual(['blocks_out']);
    const other = await ask({ outputs: ['blocks_out'], key: ['place'] });
    expect(other.tables[0]?.diff).toMatchObject({ key: ['place'], rows: { added: 0, gone: 0, before: 240 } });
    expect((await ask({ outputs: ['quarantine'], key: ['source', 'row'] })).tables[0]?.name).toBe('quarantine');
    for (const [request, code] of [
      [{ outputs: ['blocks_out'], key: ['region'] }, 'GR-2105'],
      [{ outputs: ['blocks_out'], key: ['nothing'] }, 'GR-1001'],
      [{ outputs: ['nothing'] }, 'GR-1001'],
      [{ key: ['nothing'] }, 'GR-1001'],
      [{ top: 1001 }, 'GR-1001'],
      [{ before: '7' }, 'GR-4010'],
    ] as const)
      await expect(ask(request)).rejects.toMatchObject({ code });
  });

  test('the command tells it as a table, with --json as one object, and by its exit code only if asked', async () => {
    const args = ['diff', name, '--top', '3'];
    const { code, out, err } = await georefresh(args, env);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^shops-next {2}generation 1 .* → generation 2 /);
    expect(out).toMatch(/model +line v1 → line v2/);
    expect(out).toMatch(/source +shops changed, 400 → 403 rows/);
    expect(out).toMatch(/blocks_out {2}240 rows {2}\+1 added {2}−1 gone {2}\d+ changed {2}\d+ moved in rank/);
    const [mover] = (tableOf('blocks_out')?.diff?.differing ?? []) as ExplainedRow[];
    const line = out.split('\n').find((one) => one.includes(String(mover?.key.block))) ?? '';
    expect(line).toContain(`${mover?.before?.rank} → ${mover?.after?.rank}`);
    expect(line).toContain(mover?.features[0]?.feature ?? 'other model');
    const json = JSON.parse((await georefresh([...args, '--json'], env)).out) as SnapshotDiff;
    expect(json).toEqual(await ask({ top: 3 }));
    expect((await georefresh([...args, '--exit-code'], env)).code).toBe(1);
    const same = await georefresh(['diff', name, 'current', '2', '--exit-code'], env);
    expect(same).toMatchObject({ code: 0, out: expect.stringContaining('no table differs') });
    expect(await georefresh(['diff', name, '9'], env)).toMatchObject({
      code: 6,
      err: expect.stringContaining('GR-4010'),
    });
    expect((await georefresh(['diff', name, '--key', ''], env)).code).toBe(2);
  });

  test('goes without features that are no longer kept; a file that is gone or altered is an error that names it', async () => {
    const manifest = JSON.parse(await readFile(pathOf('before', 'manifest.json'), 'utf8')) as Manifest;
    const features = manifest.steps.map(({ outputs }) => outputs['known@later']).find((one) => one !== undefined);
    await rm(join(home, features?.uri ?? 'none'));
    const [table] = (await ask({ outputs: ['blocks_out'] })).tables;
    expect(table).toMatchObject({
      state: 'changed',
      explanation: null,
      note: expect.stringContaining('no longer kept'),
    });
    const file = pathOf('before', 'blocks_out.parquet');
    await appendFile(file, 'x');
    await expect(ask({})).rejects.toMatchObject({ code: 'GR-4005', message: expect.stringContaining('blocks_out') });
    await rm(file);
    await expect(ask({})).rejects.toMatchObject({ code: 'GR-4004', message: expect.stringContaining('blocks_out') });
  });
});
