import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { greatCircle, MILE_M } from '../../../activities/features/geo/distance.js';
import { temporaryHome } from '../../support/home.js';
import { inPartitionsBy, madeOf, partsOf, recordOf, rowsBy, smallSetting } from '../../support/partitions.js';
import { openBench, runPlan } from '../../support/run-plan.js';
import { smallFiles } from '../../support/small-pipeline.js';

const STEPS = ['features/known@now', 'features/known@later'];

interface Shop {
  id: number;
  lon: number;
  lat: number;
}

type Edit = { kind: 'add' | 'move' | 'remove'; pick: number; lon: number; lat: number };

const shopsOf = (text: string): Shop[] =>
  text
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(',').map(Number) as [number, number, number])
    .map(([id, lon, lat]) => ({ id, lon, lat }));

const textOf = (shops: readonly Shop[]): string =>
  `ID,Longitude,Latitude\n${shops.map(({ id, lon, lat }) => `${id},${lon},${lat}`).join('\n')}\n`;

function edited(shops: readonly Shop[], { kind, pick, lon, lat }: Edit): Shop[] {
  const at = pick % shops.length;
  if (kind === 'add') return [...shops, { id: 1000 + pick, lon, lat }];
  if (kind === 'remove') return shops.filter((_, i) => i !== at);
  return shops.map((shop, i) => (i === at ? { ...shop, lon, lat } : shop));
}

const blocks = (smallFiles()['blocks.csv'] ?? '')
  .trim()
  .split('\n')
  .slice(1)
  .map((line) => line.split(',').slice(1, 3).map(Number) as [lon: number, lat: number])
  .map(([lon, lat]) => ({ lon, lat, region: `${lat < 1 ? 's' : 'n'}${lon < 1 ? 'w' : 'e'}` }));

/** Regions with a block within the largest radius of one of these places. */
const regionsWithin = (places: readonly Shop[]): string[] =>
  blocks
    .filter((block) => places.some(({ lon, lat }) => greatCircle(lon, lat, block.lon, block.lat) <= 20 * MILE_M))
    .map(({ region }) => region);

test('after any edit of the other table, the partitions that were remade are those whose rows a cold run finds changed, or that the point can reach; all others are the same objects (S0.12)', async () => {
  const warm = await smallSetting(inPartitionsBy('region'));
  let before = await warm.refresh({ only: ['features'] });
  let shops = shopsOf(smallFiles()['shops.csv'] ?? '');
  let remade = 0;
  let spared = 0;
  const edit = fc.record<Edit>({
    kind: fc.constantFrom('add', 'move', 'remove'),
    pick: fc.nat(5000),
    lon: fc.double({ min: 0.01, max: 1.99, noNaN: true }).map((value) => Number(value.toFixed(5))),
    lat: fc.double({ min: 0.01, max: 1.99, noNaN: true }).map((value) => Number(value.toFixed(5))),
  });
  const edits = fc.sample(edit, { numRuns: Number(process.env.GEOREFRESH_EDITS ?? 4), seed: 4 });
  for (const [i, one] of edits.entries()) {
    const next = edited(shops, one);
    const places = [...shops, ...next].filter((shop) => !shops.includes(shop) || !next.includes(shop));
    shops = next;
    await writeFile(join(warm.small.inputs, 'shops.csv'), textOf(shops));
    const after = await warm.refresh({ only: ['features'], run: `edit-${i}` });
    const bench = await openBench({ home: await temporaryHome(), pipelines: [warm.small.pipelines] });
    onTestFinished(() => bench.close());
    const cold = await runPlan(bench, { pipeline: warm.small.name, inputs: warm.small.inputs, only: ['features'] });
    for (const id of STEPS) {
      expect(recordOf(after, id).tables).toEqual(recordOf(cold, id).tables);
      const [then, now] = [
        await rowsBy(warm.bench, before, id, 'region', 'block'),
        await rowsBy(bench, cold, id, 'region', 'block'),
      ];
      const changed = [...now.keys()].filter((name) => then.get(name) !== now.get(name));
      const made = madeOf(after, id);
      const about = `${id} after ${JSON.stringify(one)}`;
      expect(made, about).toEqual(expect.arrayContaining(changed));
      // Where the counts are the same again, the point was within reach before or is now.
      expect([...changed, ...regionsWithin(places)], about).toEqual(expect.arrayContaining(made));
      const parts = [await partsOf(warm.bench, before, id), await partsOf(warm.bench, after, id)] as const;
      for (const name of now.keys()) if (!made.includes(name)) expect(parts[1].get(name)).toEqual(parts[0].get(name));
      remade += made.length;
      spared += now.size - made.length;
    }
    before = after;
  }
  expect(Math.min(remade, spared)).toBeGreaterThan(0);
}, 240_000);
