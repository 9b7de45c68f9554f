import { cp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Manifest, RefreshPlan } from '../../client/index.js';
import { projectRoot } from '../../config/root.js';
import { Random } from '../../config/samples.js';
import { type Cluster, startCluster } from '../support/cluster.js';
import { temporaryFolder, temporaryHome } from '../support/home.js';
import { needs } from '../support/needs.js';
import { inPartitionsBy } from '../support/partitions.js';
import { type SmallPipeline, writeSmallPipeline } from '../support/small-pipeline.js';
import { faultsOf } from '../support/snapshots.js';

const SEED = Number(process.env.GEOREFRESH_SEED ?? 4);
const KINDS = ['row', 'bytes', 'parameter', 'deleted', 'altered', 'code'] as const;
type Kind = (typeof KINDS)[number];
/** How often each kind of edit is made, in a seeded order. */
const TIMES = process.env.GEOREFRESH_FULL === '1' ? 5 : 1;
const HOUR_MS = 3_600_000;
const MINUTES = 60_000;

/** The build as it is installed, where modules may be edited. */
async function installed(): Promise<string> {
  const root = projectRoot();
  const folder = await temporaryFolder('installed');
  for (const name of ['package.json', 'package-lock.json', 'dist', 'config'])
    await cp(join(root, name), join(folder, name), { recursive: true });
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction');
  return folder;
}

needs('engine').describe(
  `a plan says what the refresh after it does, on a real engine (GEOREFRESH_SEED=${SEED})`,
  () => {
    const random = new Random(SEED, 'edits');
    let home = '';
    let program = '';
    let small: SmallPipeline;
    let cluster: Cluster;
    let last: Manifest;
    let edits = 0;
    const overrides = { cut: 250 };
    /** What each step read in all runs so far: it runs again only for what is not among it. */
    const read = new Map<string, Set<string>>();

    const start = (): Promise<Cluster> =>
      startCluster({ home, workers: 1, program, env: { GEOREFRESH_PIPELINES: small.pipelines } });
    const request = () => ({
      pipeline: small.name,
      inputs: small.inputs,
      overrides,
      logicalTime: new Date(Date.parse('2026-03-01T00:00:00Z') + edits * HOUR_MS).toISOString(),
    });
    const refresh = async (): Promise<Manifest> => {
      const { run, result } = await cluster.client.refresh(request());
      await result();
      const manifest = await cluster.client.show(run);
      for (const { id, inputs } of manifest.steps) read.set(id, (read.get(id) ?? new Set()).add(String(inputs)));
      return manifest;
    };

    beforeAll(async () => {
      [home, program] = await Promise.all([temporaryHome(), installed()]);
      small = await writeSmallPipeline(await temporaryFolder(), { change: inPartitionsBy('region') });
      cluster = await start();
      last = await refresh();
    }, 3 * MINUTES);
    afterAll(() => cluster?.end());

    const editFile = async (name: string, edit: (text: string) => string): Promise<void> => {
      const path = join(small.inputs, name);
      await writeFile(path, edit(await readFile(path, 'utf8')));
    };

    /** The file of something that a step left. */
    const somethingMade = (): string => {
      const made = last.steps
        .filter(({ stage }) => stage !== 'publish')
        .flatMap(({ outputs }) => Object.values(outputs));
      const one = made[Math.floor(random.next() * made.length)];
      if (one === undefined) throw new Error('the run before left nothing');
      return join(home, one.uri);
    };

    const EDITS: Record<Kind, () => Promise<void>> = {
      row: () =>
        editFile(
          'shops.csv',
          (text) => `${text}${5000 + edits},${(2 * random.next()).toFixed(5)},${(2 * random.next()).toFixed(5)}\n`,
        ),
      // A column that no contract names.
      bytes: () =>
        editFile('blocks.csv', (text) =>
          text.replaceAll('\n', `,${edits}\n`).replace(`,${edits}\n`, `,Note${edits}\n`),
        ),
      parameter: async () => {
        overrides.cut++;
      },
      deleted: () => rm(somethingMade()),
      altered: async () => {
        const path = somethingMade();
        const bytes = await readFile(path);
        const at = Math.floor(random.next() * bytes.length);
        bytes[at] = (bytes[at] ?? 0) ^ 1;
        await rm(path);
        await writeFile(path, bytes);
      },
      code: async () => {
        await cluster.end();
        const path = join(program, 'dist', 'activities', 'train', 'ridge.js');
        await writeFile(path, `${await readFile(path, 'utf8')}\nexport const edited${edits} = true;\n`);
        cluster = await start();
      },
    };

    /** Every file of the home that steps or plans could write, with its size and time. */
    const files = async (): Promise<string[]> => {
      const all = await Promise.all(
        ['lake', 'outputs'].map(async (room) =>
          (await readdir(join(home, room), { recursive: true })).map((name) => join(room, name)),
        ),
      );
      return Promise.all(
        all
          .flat()
          .sort()
          .map(async (name) => {
            const { size, mtimeMs } = await stat(join(home, name));
            return `${name} ${size} ${mtimeMs}`;
          }),
      );
    };

    const expectAsPlanned = (plan: RefreshPlan, known: Map<string, Set<string>>, manifest: Manifest): void => {
      const byId = new Map(manifest.steps.map((step) => [step.id, step]));
      const wrong = plan.steps.flatMap(({ id, decision }) => {
        const step = byId.get(id);
        const ran = step?.reused === false;
        const isNew = known.get(id)?.has(String(step?.inputs)) !== true;
        const expected = decision === 'run' || (decision === 'if-changed' && isNew);
        return ran === expected ? [] : [`${id}: ${decision}${isNew ? ', reads something new' : ''}, ran: ${ran}`];
      });
      expect(wrong).toEqual([]);
    };

    test(
      'after edits of files, a parameter, results and code: all that would run ran, nothing else, and what may run ran where its inputs changed',
      async () => {
        const order = Array.from({ length: TIMES }, () => KINDS)
          .flat()
          .map((kind) => ({ kind, at: random.next() }))
          .sort((a, b) => a.at - b.at);
        const decisions = { run: 0, reuse: 0, 'if-changed': 0 };
        for (const { kind } of order) {
          edits++;
          await EDITS[kind]();
          const before = await files();
          const plan = await cluster.client.plan(request());
          expect(await files(), `planning after ${kind}`).toEqual(before);
          const known = new Map([...read].map(([id, inputs]) => [id, new Set(inputs)]));
          last = await refresh();
          expectAsPlanned(plan, known, last);
          for (const { decision } of plan.steps) decisions[decision]++;
        }
        expect(Math.min(...Object.values(decisions))).toBeGreaterThan(0);
        expect(await faultsOf(home, small.name)).toEqual([]);
      },
      TIMES * 4 * MINUTES,
    );

    test('a plan of what has not changed would run nothing, and says that the refresh ends at once (S0.13)', async () => {
      const plan = await cluster.client.plan(request());
      expect(plan).toMatchObject({ ended: 'unchanged', counts: { run: 0, 'if-changed': 0 } });
      expect((await refresh()).outcome).toBe('unchanged');
    });
  },
);
