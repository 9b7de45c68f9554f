import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readPointer } from '../../lake/pointer.js';
import { findWayBack, rollBack } from '../../lake/rollback.js';
import { temporaryFolder, temporaryHome } from '../support/home.js';
import { headerOf, openBench, perform, runPlan } from '../support/run-plan.js';
import { type SmallDefinition, smallFiles, writeSmallPipeline } from '../support/small-pipeline.js';

/** A home with the small pipeline, and what refreshes it for a day of March. */
async function small() {
  const folder = await temporaryFolder();
  const { name, pipelines, inputs } = await writeSmallPipeline(folder);
  const bench = await openBench({ home: await temporaryHome(), pipelines: [pipelines] });
  onTestFinished(() => bench.close());
  const refresh = (day: number) =>
    runPlan(bench, { pipeline: name, inputs, run: `day-${day}`, logicalTime: `2026-03-0${day}T00:00:00.000Z` });
  return { ...{ folder, name, inputs, bench }, refresh };
}

test('when a pipeline is refreshed changes nothing of what is made: another schedule publishes nothing new', async () => {
  const { folder, refresh } = await small();
  expect((await refresh(1)).summary.outcome).toBe('published');
  const change = (definition: SmallDefinition): void =>
    void Object.assign(definition, { schedule: { cron: '0 2 * * 0' }, signals: { quiet: '1s' } });
  await writeSmallPipeline(folder, { change });
  expect((await refresh(2)).summary.outcome).toBe('unchanged');
});

test('a run of a held pipeline makes nothing, unless it would not publish; what it would make can be planned', async () => {
  const { name, inputs, bench, refresh } = await small();
  await refresh(1);
  const shops = (smallFiles()['shops.csv'] ?? '').trimEnd().split('\n');
  await writeFile(join(inputs, 'shops.csv'), `${shops.slice(0, 300).join('\n')}\n`);
  await refresh(2);
  const { lake } = bench;
  const hold = { by: 'ann', at: '2026-03-02T12:00:00.000Z', reason: 'shops are missing' };
  const way = await findWayBack(lake.store, name);
  await rollBack({ lake, way, run: 'back', nonce: 'feed0002', hold });

  const held = await refresh(3);
  expect(held).toMatchObject({ plan: { ended: 'held', steps: [] }, records: [], summary: { outcome: 'held' } });
  expect((await readPointer(lake.store, name))?.pointer).toMatchObject({ generation: 3, hold });
  const header = headerOf(name, { run: 'other' });
  const trained = await perform(bench.activities.resolve, { ...header, inputs, only: ['train'] });
  expect(trained).not.toHaveProperty('ended');
  const planned = await perform(bench.activities.resolve, { ...header, inputs, dry: true });
  expect(planned.steps.length).toBeGreaterThan(10);
});
