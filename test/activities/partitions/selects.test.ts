import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { sample } from '../../../config/pipelines/energy/sample.js';
import { temporaryFolder, temporaryHome } from '../../support/home.js';
import { madeOf, partsOf, recordOf } from '../../support/partitions.js';
import { type Bench, openBench, type Ran, runPlan } from '../../support/run-plan.js';

const STEPS = ['daily', 'monthly', 'system_hourly', 'suspects'].map((name) => `features/${name}`);
const ELMS = 'energy/eia930/ba/ELMS.csv';
const FEW = 120_000;

let inputs = '';
let bench: Bench;

beforeEach(async () => {
  inputs = await temporaryFolder('energy');
  for (const path of sample.files) {
    await mkdir(dirname(join(inputs, path)), { recursive: true });
    await writeFile(join(inputs, path), sample.generate(path));
  }
  bench = await benchOf();
});

async function benchOf(): Promise<Bench> {
  const opened = await openBench({ home: await temporaryHome() });
  onTestFinished(() => opened.close());
  return opened;
}

const refresh = (run: string, of = bench): Promise<Ran> =>
  runPlan(of, { pipeline: 'energy', inputs, run, only: ['features'] });

async function edit(path: string, change: (lines: string[]) => string[]): Promise<void> {
  const text = await readFile(join(inputs, path), 'utf8');
  await writeFile(join(inputs, path), `${change(text.trimEnd().split('\n')).join('\n')}\n`);
}

/** Every table of the features is what a run makes that knows of no earlier one. */
async function expectAsCold(ran: Ran): Promise<void> {
  const cold = await refresh('cold', await benchOf());
  for (const { id, tables } of cold.records.filter(({ stage }) => stage === 'features'))
    expect([id, recordOf(ran, id).tables]).toEqual([id, tables]);
}

const madeBy = (ran: Ran): Record<string, string[]> =>
  Object.fromEntries(STEPS.map((id) => [id.slice('features/'.length), madeOf(ran, id)]));

test(
  'a late correction of a closed month makes that month of that operator anew, and no other (S3.18, S3.21)',
  async () => {
    const first = await refresh('first');
    expect(recordOf(first, 'features/daily').partitions).toEqual({ all: 32, made: 32 });
    await edit(ELMS, (lines) =>
      lines.map((line) =>
        line.startsWith('2019-10-15 07:00:00') ? line.replace(/,\d+,(\d+|MISSING)$/, ',4321,4000') : line,
      ),
    );
    const after = await refresh('after');
    expect(madeBy(after)).toEqual({
      daily: ['ELMS 2019-10'],
      monthly: ['ELMS 2019-10-01'],
      system_hourly: ['2019-10'],
      suspects: ['ELMS'],
    });
    await expectAsCold(after);
  },
  FEW,
);

test(
  'a row that comes late, before those of other operators, touches its own month alone (S3.18)',
  async () => {
    await edit('energy/eia930/ba/ALDR.csv', (lines) => lines.filter((line) => !line.startsWith('2019-09-20 03')));
    const first = await refresh('first');
    expect(recordOf(first, 'features/missing_hours').rowsOut).toBe(3);
    await writeFile(join(inputs, 'energy/eia930/ba/ALDR.csv'), sample.generate('energy/eia930/ba/ALDR.csv'));
    const after = await refresh('after');
    expect(madeBy(after)).toEqual({
      daily: ['ALDR 2019-09'],
      monthly: ['ALDR 2019-09-01'],
      system_hourly: ['2019-09'],
      suspects: ['ALDR'],
    });
    expect(recordOf(after, 'features/missing_hours').rowsOut).toBe(2);
    await expectAsCold(after);
  },
  FEW,
);

test(
  'a file that is gone at the source takes its partitions along; when it is back, nothing of them is made again (S3.18)',
  async () => {
    await refresh('first');
    const bytes = await readFile(join(inputs, ELMS));
    await rm(join(inputs, ELMS));
    const without = await refresh('without');
    expect(madeBy(without)).toMatchObject({ daily: [], monthly: [], suspects: [] });
    expect(madeOf(without, 'features/system_hourly')).toHaveLength(4);
    expect(recordOf(without, 'features/daily').partitions).toEqual({ all: 28, made: 0 });
    await expectAsCold(without);
    await writeFile(join(inputs, ELMS), bytes);
    const back = await refresh('back');
    expect(madeBy(back)).toEqual({ daily: [], monthly: [], system_hourly: [], suspects: [] });
  },
  FEW,
);

test(
  'a damaged table of partitions is found, and those that lay in it are made again (S2.16)',
  async () => {
    const first = await refresh('first');
    const [part] = (await partsOf(bench, first, 'features/suspects')).values();
    await edit(ELMS, (lines) => lines.filter((line) => !line.startsWith('2019-11-20')));
    const path = join(bench.home, part?.uri ?? '');
    await rm(path);
    await writeFile(path, 'x');
    const after = await refresh('after');
    expect(madeOf(after, 'features/suspects')).toHaveLength(8);
    expect(madeOf(after, 'features/daily')).toEqual(['ELMS 2019-11']);
    await expectAsCold(after);
  },
  FEW,
);

test(
  'after many corrections partitions are written together, so that readers open few files (S3.18)',
  async () => {
    await refresh('first');
    const names = sample.files.filter((file) => file.includes('/ba/'));
    let most = 0;
    let last: Ran | undefined;
    for (let round = 0; round < 14; round++) {
      await edit(names[round % names.length] ?? '', (lines) => [
        ...lines,
        `2019-12-${String(11 + Math.floor(round / 8)).padStart(2, '0')} 0${round % 8}:00:00,5,OKAY,5,5`,
      ]);
      last = await refresh(`round-${round}`);
      const parts = await partsOf(bench, last, 'features/daily');
      most = Math.max(most, new Set([...parts.values()].map(({ uri }) => uri)).size);
      expect(madeOf(last, 'features/daily')).toHaveLength(1);
    }
    expect(most).toBeLessThanOrEqual(12);
    if (last !== undefined) await expectAsCold(last);
  },
  3 * FEW,
);
