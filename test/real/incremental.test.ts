import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sample } from '../../config/pipelines/ev-sites/sample.js';
import { projectRoot } from '../../config/root.js';
import { temporaryFolder, temporaryHome } from '../support/home.js';
import { dataFolder, needs } from '../support/needs.js';
import { madeOf, partsOf, recordOf, rowsBy } from '../support/partitions.js';
import { type Bench, openBench, type Ran, runPlan } from '../support/run-plan.js';
import { differences } from '../support/snapshots.js';

const PIPELINE = 'ev-sites';
const STATIONS = join('ev_sites', 'afdc_us_points_2022.csv');
const TRACTS = join('ev_sites', 'census_tracts_2019_tiger.csv');
const CUTOFFS = ['train', 'score', 'backtest'].map((cutoff) => `features/tract_features@${cutoff}`);
const FULL = process.env.GEOREFRESH_FULL === '1';
const MINUTES = 60_000;
const HOUR_MS = 3_600_000;

/** Inputs of which one file is edited. */
async function sampleInputs(): Promise<string> {
  const folder = await temporaryFolder('inputs');
  for (const path of sample.files) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), sample.generate(path));
  }
  return folder;
}

async function realInputs(): Promise<string> {
  const folder = await temporaryFolder('inputs');
  await cp(join(dataFolder(), 'ev_sites'), join(folder, 'ev_sites'), { recursive: true });
  return folder;
}

/** The pipeline with another partition of its features and predictions, or with none. */
async function dividedBy(column: string | undefined): Promise<string> {
  const folder = await temporaryFolder('pipelines');
  await cp(join(projectRoot(), 'config', 'pipelines', PIPELINE), join(folder, PIPELINE), { recursive: true });
  const path = join(folder, PIPELINE, 'pipeline.yaml');
  const text = await readFile(path, 'utf8');
  const changed = text
    .replace('    partition: state\n', column === undefined ? '' : `    partition: ${column}\n`)
    .replace(', partition: state }', column === undefined ? ' }' : `, partition: ${column} }`);
  expect(changed).not.toContain('partition: state');
  await writeFile(path, changed);
  return folder;
}

type Edit = (lines: string[]) => string[];

/** Station Name,ZIP,Latitude,Longitude,ID */
const placed = (line: string, [lat, lon]: Place): string => {
  const fields = line.split(',');
  return [...fields.slice(0, -3), lat, lon, fields.at(-1)].join(',');
};

type Place = readonly [lat: number, lon: number];

/** FIPS codes of two states that share a border. */
const [WYOMING, MONTANA] = ['56', '30'] as const;

function describeEdits(title: string, inputsOf: () => Promise<string>): void {
  describe(title, () => {
    let inputs = '';
    let bench: Bench;
    let first: Ran;
    let before: Ran;
    let text = '';
    let tracts: string[] = [];
    let runs = 0;
    /** Of the station that comes and moves: one that existed at every cut-off. */
    let id = 0;

    const refresh = (on: Bench, changes: { force?: boolean } = {}): Promise<Ran> => {
      const run = `0191d7a0-0000-7000-8000-${String(++runs).padStart(12, '0')}`;
      const logicalTime = new Date(Date.parse('2026-02-20T06:00:00Z') + runs * HOUR_MS).toISOString();
      return runPlan(on, { pipeline: PIPELINE, inputs, run, logicalTime, ...changes });
    };

    /** Where a tract of a state lies: a station there belongs to it. */
    const tractIn = (state: string): Place => {
      const fields = tracts.find((line) => line.startsWith(`${state},`))?.split(',');
      if (fields === undefined) throw new Error(`no tract lies in state ${state}`);
      return [Number(fields.at(-2)), Number(fields.at(-1))];
    };

    /**
     * Edits the stations; gives the refresh after it beside one on a home that knows nothing but the models registered so
     * far, which number their successor, at the same logical time.
     */
    const afterEdit = async (edit: Edit): Promise<{ warm: Ran; cold: Ran; home: string }> => {
      text = edit(text.trimEnd().split('\n')).join('\n');
      await writeFile(join(inputs, STATIONS), `${text}\n`);
      const fresh = await openBench({ home: await temporaryHome() });
      const models = join('lake', PIPELINE, 'models');
      await cp(join(bench.home, models), join(fresh.home, models), { recursive: true });
      const warm = await refresh(bench);
      runs--;
      try {
        const cold = await refresh(fresh);
        return { warm, cold, home: fresh.home };
      } finally {
        await fresh.close();
      }
    };

    /**
     * The partitions that were remade are exactly those whose rows differ from the run before, but for those that are again
     * what the first run made; the others are the same objects.
     */
    const expectExactly = async (warm: Ran, again: readonly string[] = []): Promise<Set<string>> => {
      const all = new Set<string>();
      for (const step of CUTOFFS) {
        const [then, now] = [
          await rowsBy(bench, before, step, 'state', 'geoid'),
          await rowsBy(bench, warm, step, 'state', 'geoid'),
        ];
        const changed = [...now.keys()].filter((state) => then.get(state) !== now.get(state)).sort();
        expect(madeOf(warm, step), step).toEqual(changed.filter((state) => !again.includes(state)));
        const [old, parts] = [await partsOf(bench, before, step), await partsOf(bench, warm, step)];
        expect([...parts.keys()]).toEqual([...now.keys()]);
        for (const [state, part] of parts) if (!changed.includes(state)) expect(part).toEqual(old.get(state));
        const origin = await partsOf(bench, first, step);
        for (const state of again) expect(parts.get(state)).toEqual(origin.get(state));
        for (const state of changed) all.add(state);
      }
      return all;
    };

    const isReused = (ran: Ran, pattern: RegExp): boolean[] => [
      ...new Set(ran.records.filter(({ id }) => pattern.test(id)).map(({ reused }) => reused)),
    ];

    beforeAll(async () => {
      [inputs, bench] = await Promise.all([inputsOf(), temporaryHome().then((home) => openBench({ home }))]);
      text = await readFile(join(inputs, STATIONS), 'utf8');
      tracts = (await readFile(join(inputs, TRACTS), 'utf8')).split('\n');
      const taken = new Set(text.split('\n').map((line) => Number(line.split(',').at(-1))));
      for (id = 100_000; taken.has(id); ) id++;
      first = await refresh(bench);
      before = first;
    }, 5 * MINUTES);
    afterAll(() => bench?.close());

    test(
      'one station that is added in Wyoming remakes the states whose rows it changes, training, and nothing else (S0.12)',
      async () => {
        const { warm, home } = await afterEdit((lines) => [
          ...lines,
          placed(`Added,82520,0,0,${id}`, tractIn(WYOMING)),
        ]);
        const states = await expectExactly(warm);
        expect([...states]).toContain(WYOMING);
        expect(states.size).toBeLessThan(12);
        expect(isReused(warm, /^(ingest|validate)\/(?!stations)/)).toEqual([true]);
        expect(isReused(warm, /^features\/tract_context/)).toEqual([true]);
        expect(isReused(warm, /^train\/|^score\/predictions/)).toEqual([false]);
        // Another model scores every state anew.
        const parts = await partsOf(bench, warm, 'score/predictions');
        expect(madeOf(warm, 'score/predictions')).toEqual([...parts.keys()].sort());
        expect(await differences(bench.home, home, PIPELINE)).toEqual([]);
        before = warm;
      },
      5 * MINUTES,
    );

    test(
      'one station that is moved across a border of states remakes those whose rows change, on both sides',
      async () => {
        const { warm, home } = await afterEdit((lines) =>
          lines.map((line) => (line.endsWith(`,${id}`) ? placed(line, tractIn(MONTANA)) : line)),
        );
        // Without the station Wyoming is what it was at first, and is taken from there.
        const states = await expectExactly(warm, [WYOMING]);
        expect([...states]).toEqual(expect.arrayContaining([MONTANA, WYOMING]));
        expect(isReused(warm, /^train\/|^score\/predictions/)).toEqual([false]);
        expect(await differences(bench.home, home, PIPELINE)).toEqual([]);
        before = warm;
      },
      5 * MINUTES,
    );

    test(
      'one station whose name alone changes remakes no partition, and no model is fitted',
      async () => {
        const { warm, home } = await afterEdit((lines) =>
          lines.map((line) => (line.endsWith(`,${id}`) ? line.replace('Added', 'Renamed') : line)),
        );
        expect([...(await expectExactly(warm))]).toEqual([]);
        // Its partitions are put together again, as the stations' table is another one, to the same bytes.
        for (const step of CUTOFFS) expect(recordOf(warm, step).tables).toEqual(recordOf(before, step).tables);
        expect(isReused(warm, /^train\/(?!card)/)).toEqual([true]);
        // The model's card names the digests of all sources.
        expect(isReused(warm, /^train\/card/)).toEqual([false]);
        expect(madeOf(warm, 'score/predictions')).toEqual([]);
        expect(await differences(bench.home, home, PIPELINE)).toEqual([]);
        before = warm;
      },
      5 * MINUTES,
    );

    test(
      'features and predictions are the same bytes in one piece, and in other partitions (S0.12)',
      async () => {
        // By county there are thousands of small tables, which is for the long suite.
        for (const column of [undefined, FULL ? 'county' : 'fold_state']) {
          const other = await openBench({ home: await temporaryHome(), pipelines: [await dividedBy(column)] });
          try {
            const ran = await runPlan(other, { pipeline: PIPELINE, inputs, only: ['features', 'score'] });
            for (const id of [...CUTOFFS, 'score/predictions'])
              expect(Object.values(recordOf(ran, id).tables), `${id} by ${column ?? 'nothing'}`).toEqual(
                Object.values(recordOf(before, id).tables),
              );
          } finally {
            await other.close();
          }
        }
      },
      10 * MINUTES,
    );
  });
}

describeEdits('edits of the sample of ev-sites, without an engine', sampleInputs);

if (FULL) {
  const { describe: describeReal } = needs('data');
  describeReal('edits of the real files of ev-sites', () => describeEdits('without an engine', realInputs));
}
