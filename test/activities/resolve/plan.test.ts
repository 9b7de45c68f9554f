import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import type { FrozenDefinition } from '../../../activities/resolve/frozen.js';
import { planSteps } from '../../../activities/resolve/plan.js';
import { STAGES } from '../../../activities/types.js';
import { loadPipeline } from '../../../config/load.js';
import { temporaryFolder } from '../../support/home.js';
import { writeSmallPipeline } from '../../support/small-pipeline.js';

let small: FrozenDefinition;
let whole: FrozenDefinition;

async function frozen(name: string, places: { pipelines?: string[] }, absent: string[]): Promise<FrozenDefinition> {
  const { pipeline } = await loadPipeline(name, places);
  const sources = Object.entries(pipeline.sources).map(([source, { uri }]) => ({
    name: source,
    from: absent.includes(source) ? ('absent' as const) : ('file' as const),
    path: uri,
  }));
  return { pipeline, sources };
}

beforeAll(async () => {
  const { name, pipelines } = await writeSmallPipeline(await temporaryFolder());
  small = await frozen(name, { pipelines: [pipelines] }, ['visits']);
  whole = await frozen('ev-sites', { pipelines: [join(import.meta.dirname, '../../../config/pipelines')] }, []);
});

const ids = (definition: FrozenDefinition, only?: Parameters<typeof planSteps>[1]): string[] =>
  planSteps(definition, only).map(({ id }) => id);

test('every step stands behind those it needs, once, for any choice of stages', () => {
  fc.assert(
    fc.property(fc.boolean(), fc.option(fc.subarray([...STAGES]), { nil: undefined }), (isSmall, only) => {
      const steps = planSteps(isSmall ? small : whole, only);
      const at = new Map(steps.map(({ id }, i) => [id, i]));
      expect(at.size).toBe(steps.length);
      for (const [i, { needs }] of steps.entries())
        for (const need of needs) expect(at.get(need) ?? Number.NaN).toBeLessThan(i);
      const kept = new Set(
        steps.flatMap(({ id, needs, stage }) => (only?.includes(stage) !== false ? [id, ...needs] : needs)),
      );
      if (only !== undefined) expect(steps.every(({ id }) => kept.has(id))).toBe(true);
    }),
    { seed: 11 },
  );
});

test('a chosen stage brings what it needs and nothing that comes after it', () => {
  expect(ids(small, ['validate'])).toEqual(
    expect.arrayContaining(['ingest/shops', 'validate/shops', 'validate/visits']),
  );
  expect(planSteps(small, ['features']).every(({ stage }) => ['ingest', 'validate', 'features'].includes(stage))).toBe(
    true,
  );
  expect(ids(small, ['train'])).not.toContain('features/known@later');
  expect(ids(small, ['publish'])).toEqual(expect.arrayContaining(ids(small)));
  expect(ids(small, [])).toEqual([]);
});

test('a table of an absent optional source is left out, its empty source is not', () => {
  expect(ids(small)).toContain('validate/visits');
  expect(ids(small)).not.toContain('ingest/visits');
  expect(ids(small)).not.toContain('features/visited');
});

test('a table with cut-offs is built once for each, and folds are fitted one a step', () => {
  expect(ids(small)).toEqual(expect.arrayContaining(['features/known@now', 'features/known@later']));
  expect(ids(small).filter((id) => id.startsWith('train/'))).toEqual([
    'train/line/folds/0',
    'train/line/folds/1',
    'train/line/folds/2',
    'train/line/again',
    'train/evaluate',
    'train/model',
    'train/importance',
    'train/card',
  ]);
});

test('tables that need each other are refused', () => {
  const { pipeline } = structuredClone(small);
  const { context, located } = pipeline.features;
  if (context === undefined || located === undefined) throw new Error('the small pipeline has changed');
  context.uses.push('located');
  expect(() => planSteps({ ...small, pipeline })).toThrow(/features\/located → .*features\/located/);
});

test('summaries keep below the length from which the engine refuses a workflow', () => {
  const { pipeline, sources } = structuredClone(small);
  const named = { ...pipeline, outputs: { ...pipeline.outputs } };
  for (let i = 0; i < 40; i++) named.outputs[`an_output_with_a_long_name_${i}`] = { ...named.outputs.best!, drop: [] };
  const paths = sources.map((source) => ({ ...source, path: 'ü'.repeat(500) }));
  for (const { summary } of planSteps({ pipeline: named, sources: paths }))
    expect(Buffer.byteLength(summary)).toBeLessThan(400);
});
