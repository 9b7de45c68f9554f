import { readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { collect } from '../../lake/collect.js';
import { readCurrent } from '../../lake/current.js';
import { examineLake, type Fault } from '../../lake/fsck.js';
import type { Manifest } from '../../lake/manifest.js';
import { openStore } from '../../lake/open-store.js';
import type { ObjectStore } from '../../lake/types.js';
import { isWhole } from '../../lake/whole.js';
import { temporaryFolder, temporaryHome } from '../support/home.js';
import { needs } from '../support/needs.js';
import { type ObjectServerProcess, startObjectServer, TEST_KEYS } from '../support/object-server.js';
import { inPartitionsBy } from '../support/partitions.js';
import { type Bench, openBench, type Ran, runPlan } from '../support/run-plan.js';
import { type SmallPipeline, smallFiles, writeSmallPipeline } from '../support/small-pipeline.js';
import { Sometimes } from '../support/sometimes.js';

/** A lake that was refreshed once, and the folder that its objects lie in as files. */
interface Place {
  small: SmallPipeline;
  files: string;
  /** A process that knows of nothing yet: of what it has read itself, a store may not tell that a disk altered it. */
  open(): Promise<Bench>;
}

/** What is damaged, and what is to become of it. */
interface Case {
  kind: string;
  /** The key of the object. */
  of(manifest: Manifest, keys: readonly string[]): string | undefined;
  /** What `doctor --lake` says; default: the key. */
  says?: RegExp;
  /** How the next refresh ends, and a step that it makes again. */
  outcome: 'published' | 'unchanged';
  again?: string;
  /** It cannot be made again; nothing that is published now rests on it. */
  stays?: boolean;
}

const output = (step: string, name: RegExp) => (manifest: Manifest) =>
  Object.entries(manifest.steps.find(({ id }) => id === step)?.outputs ?? {}).find(([key]) => name.test(key))?.[1].uri;
const found = (pattern: RegExp) => (_: Manifest, keys: readonly string[]) => keys.find((key) => pattern.test(key));
const newest = (pattern: RegExp) => (_: Manifest, keys: readonly string[]) =>
  keys.filter((key) => pattern.test(key)).at(-1);

/** What is kept under the key of a step, or under one of none: of a chunk of its partitions. */
const record = (ofStep: boolean) => (manifest: Manifest, keys: readonly string[]) => {
  const own = manifest.steps.find(({ id }) => id === 'features/located')?.key ?? '';
  const steps = manifest.steps.map(({ key = '' }) => `key-${key}.json`);
  const records = keys.filter((key) => /\/state\/keys\/.*key-/.test(key));
  return ofStep
    ? records.find((key) => key.endsWith(`key-${own}.json`))
    : records.find((key) => !steps.some((step) => key.endsWith(step)));
};

const CASES: Case[] = [
  { kind: 'bytes of a source', of: output('ingest/shops', /./), outcome: 'published', again: 'ingest/shops' },
  { kind: 'a validated table', of: output('validate/blocks', /./), outcome: 'published', again: 'validate/blocks' },
  {
    kind: 'a table of features',
    of: output('features/located', /^located/),
    outcome: 'published',
    again: 'features/located',
  },
  {
    kind: 'the list of a table’s partitions',
    of: output('features/known@now', /^parts of/),
    outcome: 'published',
    again: 'features/known@now',
  },
  { kind: 'a quarantine table', of: found(/\/quarantine\/.*\.parquet$/), outcome: 'published' },
  { kind: 'a model', of: output('train/model', /onnx/), outcome: 'published', again: 'train/model' },
  { kind: 'a model card', of: output('train/card', /card/), outcome: 'published', again: 'train/card' },
  { kind: 'metrics', of: output('train/evaluate', /metrics/), outcome: 'published', again: 'train/evaluate' },
  { kind: 'the frozen definition', of: ({ definition }) => definition?.uri, outcome: 'unchanged' },
  {
    kind: 'the manifest of the snapshot',
    of: ({ outputs }) => outputs[0]?.uri.replace(/[^/]+$/, 'manifest.json'),
    outcome: 'published',
  },
  {
    kind: 'a published file',
    of: ({ outputs }) => outputs.find(({ name }) => /csv$/.test(name))?.uri,
    outcome: 'published',
  },
  {
    kind: 'the newest state of the pointer',
    of: newest(/\/\.current\.json\.versions\/\d+$/),
    says: /state \d+ of .*current\.json is damaged; the copy of it that people see is used/,
    outcome: 'unchanged',
  },
  { kind: 'what is shown of the pointer', of: found(/state\/current\.json$/), outcome: 'unchanged' },
  {
    kind: 'the newest state of the model registry',
    of: newest(/\/\.registry\.json\.versions\/\d+$/),
    says: /state \d+ of .*registry\.json is damaged; the copy of it that people see is used/,
    outcome: 'unchanged',
  },
  {
    kind: 'what a step left for reuse',
    of: record(true),
    outcome: 'published',
    again: 'features/located',
    stays: true,
  },
  { kind: 'what a chunk of partitions left for reuse', of: record(false), outcome: 'unchanged', stays: true },
  { kind: 'what a source was known by', of: found(/\/state\/sources\/file-/), says: /^$/, outcome: 'unchanged' },
  { kind: 'the manifest of a run', of: found(/\/state\/runs\//), outcome: 'unchanged', stays: true },
];

/** Changes one bit in the middle of a file, as a disk does: neither size nor time tells of it. */
async function flipBit(path: string): Promise<void> {
  const bytes = await readFile(path);
  const at = bytes.length >> 1;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  await writeFile(path, bytes);
}

async function keysUnder(folder: string): Promise<string[]> {
  const { readdir } = await import('node:fs/promises');
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1))
    .filter((key) => /^(lake|outputs)\//.test(key))
    .sort();
}

const lookInto = async (bench: Bench, pipeline: string): Promise<Fault[]> =>
  (await examineLake(bench.lake, pipeline)).faults;

/** One kind after the other in the same lake: what a refresh makes good leaves nothing behind for the next. */
async function eachKindIsMadeGood({ small, files, open }: Place): Promise<void> {
  const fired = new Sometimes();
  fired.expect(...CASES.map(({ kind }) => kind));
  let day = 0;
  const refresh = (bench: Bench): Promise<Ran> => {
    const logicalTime = new Date(Date.UTC(2026, 2, 1 + day++)).toISOString();
    return runPlan(bench, { pipeline: small.name, inputs: small.inputs, run: `run-${day}`, logicalTime });
  };
  const withBench = async <T>(work: (bench: Bench) => Promise<T>): Promise<T> => {
    const bench = await open();
    return work(bench).finally(() => bench.close());
  };
  await withBench(refresh);
  for (const { kind, of, says, outcome, again, stays = false } of CASES) {
    const before = await withBench((bench) => readCurrent(bench.lake.store, small.name));
    if (before === undefined) throw new Error('nothing is published');
    const key = of(before.manifest, await keysUnder(files));
    if (key === undefined) throw new Error(`no file is ${kind}`);
    await flipBit(join(files, key));

    await withBench(async (bench) => {
      const faults = await lookInto(bench, small.name);
      const told = faults.filter(({ mend }) => mend === (stays ? 'retention' : 'refresh')).map(({ text }) => text);
      if (says?.source === '^$') expect(told, kind).toEqual([]);
      else expect(told.join('\n'), kind).toMatch(says ?? new RegExp(key.replace(/[.]/g, '\\.')));
      // Whatever is damaged: readers get the generation that is published, or are told of what they get instead.
      const current = await readCurrent(bench.lake.store, small.name);
      expect(current?.pointer.generation, kind).toBe(before.pointer.generation);

      const began = performance.now();
      const { summary, records } = await refresh(bench);
      fired.saw(kind, `made good in ${((performance.now() - began) / 1000).toFixed(1)} s`);
      expect(summary.outcome, kind).toBe(outcome);
      if (again !== undefined) expect(records.find(({ id }) => id === again)?.reused, kind).toBe(false);
      for (const { name, uri, sha256 } of (await readCurrent(bench.lake.store, small.name))?.manifest.outputs ?? []) {
        const same = before.manifest.outputs.find((one) => one.name === name);
        if (name !== 'report.html' && name !== 'model-card.md') expect(sha256, `${kind}: ${name}`).toBe(same?.sha256);
        expect(await isWhole(bench.lake, { uri, sha256, bytes: (await bench.lake.store.head(uri))?.bytes ?? 0 })).toBe(
          true,
        );
      }
    });
    await withBench(async (bench) => {
      const left = (await lookInto(bench, small.name)).filter(({ mend }) => mend === 'refresh');
      expect(left, kind).toEqual([]);
    });
  }
  // What only older generations rest on goes with them.
  await withBench(async ({ lake }) => {
    const retention = { snapshots: { count: 1, age: 0 }, runs: { count: 1, age: 0 }, results: { age: 0 } };
    await collect({ lake, pipeline: small.name, retention, now: Date.parse('2099-01-01'), id: 'gc' });
    expect((await examineLake(lake, small.name)).faults).toEqual([]);
  });
  expect(fired.never()).toEqual([]);
  process.stdout.write(`\n${fired.table()}\n`);
}

async function placeOf(files: string, storeOf?: () => Promise<ObjectStore>): Promise<Place> {
  const small = await writeSmallPipeline(await temporaryFolder(), { change: inPartitionsBy('region') });
  // Long enough ago for their times to be noted.
  for (const name of Object.keys(smallFiles())) await utimes(join(small.inputs, name), 1e9, 1e9);
  return {
    small,
    files,
    async open() {
      const store = await storeOf?.();
      return openBench({
        home: storeOf === undefined ? files : await temporaryHome(),
        pipelines: [small.pipelines],
        ...(store && { store }),
      });
    },
  };
}

test(
  'a bit flipped in any kind of object of a folder is told, and made good by the next refresh (P7, F25)',
  {
    timeout: 120_000,
  },
  async () => eachKindIsMadeGood(await placeOf(await temporaryHome())),
);

let server: ObjectServerProcess | undefined;
afterAll(() => server?.stop());

needs('store').test(
  'a bit flipped in any kind of object of a bucket is told, and made good by the next refresh (P7, F25)',
  async () => {
    Object.assign(process.env, TEST_KEYS);
    server = await startObjectServer(await temporaryFolder('s3'));
    const { endpoint, objects } = server;
    await eachKindIsMadeGood(
      await placeOf(join(objects, 'damaged'), () => openStore('s3://lake/damaged', { endpoint })),
    );
  },
  180_000,
);
