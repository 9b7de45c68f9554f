import { readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryFolder, temporaryHome } from '../support/home.js';
import { type Bench, openBench, runPlan } from '../support/run-plan.js';
import { type SmallPipeline, smallFiles, writeSmallPipeline } from '../support/small-pipeline.js';

interface Setting {
  small: SmallPipeline;
  bench: Bench;
}

/** A home where the small pipeline was refreshed once. */
async function refreshedOnce(): Promise<Setting> {
  const small = await writeSmallPipeline(await temporaryFolder());
  const bench = await openBench({ home: await temporaryHome(), pipelines: [small.pipelines] });
  onTestFinished(() => bench.close());
  await runPlan(bench, { pipeline: small.name, inputs: small.inputs, run: 'first' });
  return { small, bench };
}

const again = ({ small, bench }: Setting, changes: Partial<Parameters<typeof runPlan>[1]> = {}) =>
  runPlan(bench, {
    pipeline: small.name,
    inputs: small.inputs,
    run: 'second',
    logicalTime: '2026-03-01T00:00:00.000Z',
    ...changes,
  });

const ran = ({ records }: Awaited<ReturnType<typeof again>>): string[] =>
  records.filter(({ reused }) => !reused).map(({ id }) => id);

const OWN = ['publish/report', 'publish/snapshot'];

test('a refresh of which nothing changed ends before any stage, and leaves a manifest that says so (S0.13)', async () => {
  const setting = await refreshedOnce();
  const { plan, summary, records } = await again(setting);
  expect(plan.ended).toBe('unchanged');
  expect(records).toEqual([]);
  expect(summary).toMatchObject({ outcome: 'unchanged', generation: null });
});

test('a file that was only touched is read, and found to be the same (S0.10)', async () => {
  const setting = await refreshedOnce();
  await utimes(join(setting.small.inputs, 'shops.csv'), new Date(), new Date());
  expect((await again(setting)).summary.outcome).toBe('unchanged');
});

test('a forced refresh makes every step again, with the same bytes (S0.12)', async () => {
  const setting = await refreshedOnce();
  const { records, summary } = await again(setting, { force: true });
  expect(records.every(({ reused }) => !reused)).toBe(true);
  expect(records.length).toBeGreaterThan(10);
  expect(summary.outcome).toBe('published');
});

test('a changed source reruns what depends on it and nothing else, and says why', async () => {
  const setting = await refreshedOnce();
  const blocks = smallFiles()['blocks.csv'] ?? '';
  await writeFile(join(setting.small.inputs, 'blocks.csv'), blocks.replace(/,(0\.\d+)\n$/, ',0.5\n'));
  const second = await again(setting);
  const ids = ran(second);
  expect(ids).toContain('ingest/blocks');
  expect(ids).not.toContain('ingest/shops');
  expect(ids).not.toContain('validate/regions');
  const { why } = second.plan.steps.find(({ id }) => id === 'ingest/blocks') ?? {};
  expect(why).toEqual(['content changed']);
  expect(second.summary.stages.ingest).toMatchObject({ steps: 3, reused: 2 });
});

test('a change that the contract does not see ends where the rows are the same again', async () => {
  const setting = await refreshedOnce();
  const shops = smallFiles()['shops.csv'] ?? '';
  await writeFile(join(setting.small.inputs, 'shops.csv'), shops.replaceAll('\n', ',x\n').replace(',x\n', ',Note\n'));
  const second = await again(setting);
  expect(ran(second).filter((id) => id.startsWith('features/') || id.startsWith('score/'))).toEqual([]);
  expect(second.records.find(({ id }) => id === 'features/located')?.reused).toBe(true);
});

test('a source that changes without changing the training table costs a new card, and no fit (S0.12)', async () => {
  const setting = await refreshedOnce();
  const shops = smallFiles()['shops.csv'] ?? '';
  const latest = join(setting.bench.home, 'outputs', setting.small.name, 'latest');
  const files = () => Promise.all(['model.onnx', 'model-card.md'].map((name) => readFile(join(latest, name))));
  const [model, card] = await files();
  await writeFile(join(setting.small.inputs, 'shops.csv'), shops.replaceAll('\n', ',x\n').replace(',x\n', ',Note\n'));
  const second = await again(setting);

  expect(ran(second).filter((id) => id.startsWith('train/'))).toEqual(['train/card']);
  expect(second.summary).toMatchObject({ outcome: 'published', model: { version: 'v1' } });
  const [kept, written] = await files();
  expect(kept).toEqual(model);
  const { sha256 } = second.records.find(({ id }) => id === 'ingest/shops')?.artifacts['raw:shops'] ?? {};
  expect(card?.toString()).not.toContain(sha256);
  expect(written?.toString()).toContain(sha256);
});

test('a parameter reruns only the tables that name it', async () => {
  const setting = await refreshedOnce();
  const second = await again(setting, { overrides: { cut: 251 } });
  const { steps } = second.plan;
  expect(steps.filter(({ decision }) => decision === 'run').map(({ id }) => id)).toEqual(
    expect.arrayContaining(['features/known@now', ...OWN]),
  );
  expect(steps.find(({ id }) => id === 'features/known@later')?.decision).toBe('reuse');
  expect(steps.find(({ id }) => id === 'features/located')?.decision).toBe('reuse');
});

test.each(['deleted', 'altered'])('a result whose object was %s is made again', async (how) => {
  const setting = await refreshedOnce();
  const { lake } = setting.bench;
  const first = await again(setting);
  const table = first.plan.steps.find(({ id }) => id === 'features/located')?.result?.tables.located;
  if (table === undefined) throw new Error('the step was not reused');
  const path = join(setting.bench.home, table.uri);
  if (how === 'deleted') await rm(path);
  else {
    const bytes = await readFile(path);
    bytes[Math.floor(bytes.length / 2)] ^= 1;
    await writeFile(path, bytes);
  }
  const second = await again(setting, { run: 'third' });
  expect(ran(second)).toContain('features/located');
  expect(second.plan.steps.find(({ id }) => id === 'features/located')?.why).toEqual([
    `${table.uri} is gone or damaged`,
  ]);
  expect((await lake.store.head(table.uri))?.bytes).toBe(table.bytes);
  expect((await again(setting, { run: 'fourth' })).plan.ended).toBe('unchanged');
});

test('a look at what would run writes nothing', async () => {
  const setting = await refreshedOnce();
  await writeFile(join(setting.small.inputs, 'shops.csv'), `${smallFiles()['shops.csv']}401,1.5,1.5\n`);
  const files = async () =>
    (await readdir(setting.bench.home, { recursive: true })).filter((name) => !name.startsWith('scratch')).sort();
  const before = await files();
  const { perform, headerOf } = await import('../support/run-plan.js');
  const plan = await perform(setting.bench.activities.resolve, {
    ...headerOf(setting.small.name),
    inputs: setting.small.inputs,
    dry: true,
  });
  expect(plan.steps.some(({ decision }) => decision === 'if-changed')).toBe(true);
  expect(await files()).toEqual(before);
});
