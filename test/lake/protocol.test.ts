import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GeorefreshError } from '../../config/errors.js';
import { putArtifact, stands } from '../../lake/artifacts.js';
import { collect, planCollection } from '../../lake/collect.js';
import { inEpoch } from '../../lake/epoch.js';
import { sha256Of } from '../../lake/hashing.js';
import type { Lake } from '../../lake/lake.js';
import { readPointer } from '../../lake/pointer.js';
import { chainOf, floorOf, objectsOf } from '../../lake/reachable.js';
import { lookUp, remember, reuseKey } from '../../lake/reuse.js';
import { findWayBack, rollBack } from '../../lake/rollback.js';
import { publishSnapshot } from '../../lake/snapshots.js';
import type { Artifact } from '../../lake/types.js';
import { emptyPlace, Killed, type Mishap, memoryScratch, memoryStore, type Place } from './support/memory-store.js';
import { HOLD, manifestOf } from './support/publishing.js';

const RUNS = Number(process.env.GEOREFRESH_MODEL_RUNS ?? 400);
const SEED = Number(process.env.GEOREFRESH_SEED ?? 20261121);
const NOW = Date.parse('2026-03-01T00:00:00Z');

/** What an actor does. Runs and collections take the pipeline's turn, a rollback does not. */
type Act =
  /** Makes and publishes one of a few contents, so that bytes come back that were collected before. */
  | ({ does: 'run'; content: number } & Fate)
  | ({ does: 'collect'; keep: number; results: boolean } & Fate)
  | ({ does: 'rollback' } & Fate);

interface Fate {
  /** After so many calls an attempt is given up: it lives on as a zombie beside what comes next. */
  impatience: number;
  /** Whether another attempt takes the place of one that was given up, or failed by what may pass. */
  retried: boolean;
  /** By number of the attempt's call. */
  mishaps: Mishap[];
}

const mishaps = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: fc.constant<Mishap>('none') },
    { weight: 1, arbitrary: fc.constant<Mishap>('lost') },
    { weight: 1, arbitrary: fc.constant<Mishap>('crash') },
  ),
  { maxLength: 40 },
);
const fate = {
  impatience: fc.oneof(fc.constant(1000), fc.integer({ min: 1, max: 40 })),
  retried: fc.boolean(),
  mishaps,
};
const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ does: fc.constant('run' as const), content: fc.integer({ min: 0, max: 2 }), ...fate }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constant('collect' as const),
      keep: fc.integer({ min: 1, max: 2 }),
      results: fc.boolean(),
      ...fate,
    }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('rollback' as const), ...fate }) },
);

type Collector = (lake: Lake, id: string, keep: number, results: boolean) => Promise<unknown>;

const retentionOf = (keep: number, results: boolean) => ({
  snapshots: { count: keep, age: 0 },
  runs: { count: 1000, age: 0 },
  results: { age: results ? Number.MAX_SAFE_INTEGER : 0 },
});

const byEpochs: Collector = (lake, id, keep, results) =>
  collect({ lake, pipeline: 'demo', retention: retentionOf(keep, results), now: NOW, id });

const lakeOn = (place: Place, turn: (call: string) => Promise<Mishap>): Lake => {
  const store = memoryStore(place, turn);
  return { store, scratch: memoryScratch(store) } as unknown as Lake;
};

const calm = (place: Place): Lake => lakeOn(place, async () => 'none');

/** One step that reuses what it can, and the publication of what it left, in the epoch in which the first attempt began. */
async function perform(
  lake: Lake,
  name: string,
  minute: number,
  content: number,
  run: { epoch?: number } = {},
): Promise<string> {
  run.epoch ??= (await readPointer(lake.store, 'demo'))?.pointer.collection?.epoch ?? 0;
  return inEpoch(run.epoch, async () => {
    const made = await stepOf(lake, content);
    const logicalTime = new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString();
    const { outputs: _o, generation: _g, predecessor: _p, outcome: _c, ...manifest } = manifestOf(name, logicalTime);
    const [step] = manifest.steps;
    if (step === undefined) throw new Error('no step');
    const steps = [{ ...step, outputs: { made } }];
    const nonce = sha256Of(name).slice(0, 16);
    const files = { 'out.csv': made };
    return (
      await publishSnapshot({
        lake,
        pipeline: 'demo',
        run: name,
        nonce,
        logicalTime,
        files,
        manifest: { ...manifest, steps },
      })
    ).outcome;
  });
}

async function stepOf(lake: Lake, content: number): Promise<Artifact> {
  const ingredients = { step: `features/${content}`, code: 'c', packages: 'p', parameters: 'x', inputs: {} };
  const kept = await lookUp(lake, 'demo', reuseKey(ingredients));
  const [known] = kept?.objects ?? [];
  if (known !== undefined && (await stands(lake.store, known))) return known;
  const made = await putArtifact(lake.store, 'lake/demo/features', Buffer.from(`content ${content}`), 'bin');
  await remember(lake, 'demo', ingredients, { objects: [made], result: {} });
  return made;
}

async function goBack(lake: Lake, name: string): Promise<string> {
  const way = await findWayBack(lake.store, 'demo');
  await rollBack({ lake, way, run: name, nonce: sha256Of(name).slice(0, 16), hold: HOLD });
  // The next refreshes are to publish again.
  const state = await readPointer(lake.store, 'demo');
  if (state !== undefined) {
    const { releaseHold } = await import('../../lake/release.js');
    await releaseHold(lake.store, 'demo');
  }
  return 'published';
}

/** Lets actors have their way in the order that the scheduler chooses; what each was told. */
async function play(
  scheduler: fc.Scheduler,
  acts: readonly Act[],
  collector: Collector,
): Promise<{ place: Place; acked: string[] }> {
  const place = emptyPlace();
  await perform(calm(place), 'run-first', 0, 0);
  const acked: string[] = [];
  const all: Promise<unknown>[] = [];
  let held: Promise<void> = Promise.resolve();
  for (const [i, one] of acts.entries()) {
    const name = `run-${i}`;
    const run = {};
    /** One attempt: what becomes of it, and when it is given up. */
    const attempt = (mishaps: readonly Mishap[]) => {
      let calls = 0;
      let giveUp = (): void => undefined;
      const givenUp = new Promise<'given up'>((resolve) => {
        giveUp = () => resolve('given up');
      });
      const lake = lakeOn(place, async (call) => {
        if (++calls > one.impatience) {
          saw('zombie');
          giveUp();
        }
        await scheduler.schedule(Promise.resolve(), `${name} ${call}`);
        const mishap = mishaps[calls] ?? 'none';
        if (mishap === 'lost') saw('lost answer');
        return mishap;
      });
      const work = async (): Promise<'over' | 'failed'> => {
        try {
          if (one.does === 'run' && (await perform(lake, name, i + 1, one.content, run)) === 'published')
            acked.push(name);
          if (one.does === 'collect') await collector(lake, name, one.keep, one.results);
          if (one.does === 'rollback') await goBack(lake, name);
          return 'over';
        } catch (error) {
          if (!(error instanceof Killed || error instanceof GeorefreshError)) throw error;
          saw(error instanceof Killed ? 'crash' : error.code);
          return error instanceof Killed || error.code === 'GR-5002' ? 'failed' : 'over';
        }
      };
      const end = work();
      all.push(end);
      return Promise.race([end, givenUp]);
    };
    const act = async (): Promise<void> => {
      const first = await attempt(one.mishaps);
      if (first === 'over' || !one.retried || one.does === 'rollback') return;
      saw(first === 'failed' ? 'retry' : `${one.does} beside its retry`);
      await attempt([...one.mishaps].reverse());
    };
    const mine = one.does === 'rollback' ? act() : held.then(act);
    if (one.does !== 'rollback') held = mine;
    all.push(mine);
  }
  // Attempts add their ends while they are awaited.
  for (let known = 0; known < all.length; ) {
    known = all.length;
    await scheduler.waitFor(Promise.all(all));
  }
  return { place, acked };
}

/** What is not as promised, in words. */
async function faultsOf(place: Place, acked: readonly string[]): Promise<string[]> {
  const { store } = calm(place);
  const state = await readPointer(store, 'demo');
  if (state === undefined) return ['nothing is published'];
  const { pointer } = state;
  const floor = floorOf(pointer);
  const chain = await chainOf(store, pointer, floor).catch((error: unknown) => `I1: ${String(error)}`);
  if (typeof chain === 'string') return [chain];
  const faults: string[] = [];
  for (const [i, { ref, manifest }] of chain.entries()) {
    if (ref.generation !== pointer.generation - i)
      faults.push(`I3: ${ref.generation} in the place of ${pointer.generation - i}`);
    for (const { uri, sha256 } of [...manifest.outputs, ...objectsOf(manifest)]) {
      const bytes = uri.startsWith('lake/') || uri.startsWith('outputs/') ? place.objects.get(uri) : undefined;
      if (bytes === undefined || sha256Of(bytes) !== sha256)
        faults.push(`I1: ${uri} of generation ${ref.generation} is gone`);
    }
  }
  if (chain.length !== pointer.generation - floor + 1)
    faults.push(`I5: ${chain.length} generations from ${floor} to ${pointer.generation}`);
  const found = new Set(chain.map(({ ref }) => ref.run));
  if (floor === 1)
    for (const run of acked) if (!found.has(run)) faults.push(`I4: ${run} was told that it is published`);
  return faults;
}

const assertNone = (faults: readonly string[]): void => {
  if (faults.length > 0) throw new Error(faults.join('; '));
};

/** What happened in any play: a model in which nothing goes wrong shows nothing. */
const seen = new Map<string, number>();
const saw = (what: string): void => void seen.set(what, (seen.get(what) ?? 0) + 1);

const holds = (collector: Collector) =>
  fc.asyncProperty(fc.scheduler(), fc.array(act, { minLength: 2, maxLength: 7 }), async (scheduler, acts) => {
    const { place, acked } = await play(scheduler, acts, collector);
    assertNone(await faultsOf(place, acked));
    // When all is calm a refresh and two collections leave nothing that nobody can reach (I8).
    const lake = calm(place);
    await perform(lake, 'run-last', 1000, 9);
    for (const id of ['tail-1', 'tail-2']) await byEpochs(lake, id, 1, false);
    assertNone(await faultsOf(place, []));
    const left = await planCollection({ lake, pipeline: 'demo', retention: retentionOf(1, false), now: NOW });
    expect(left?.condemned.filter(({ kind }) => kind === 'object' || kind === 'snapshot')).toEqual([]);
  });

/** What may be said of a broken protocol: that a play is found in which it breaks its promise. */
async function isCaught(property: fc.IAsyncProperty<unknown>, sign: RegExp): Promise<void> {
  const { failed, errorInstance } = await fc.check(property as fc.IAsyncProperty<[unknown]>, {
    seed: SEED,
    numRuns: 4000,
    endOnFailure: true,
  });
  expect(failed).toBe(true);
  expect(String(errorInstance)).toMatch(sign);
}

describe('publish, reuse, go back and collect, under crashes, zombies and lost answers (P2–P5, S3.19)', () => {
  it(`lose nothing, tell no lie and leave no rubbish, in ${RUNS} plays in any order (GEOREFRESH_SEED=${SEED})`, async () => {
    await fc.assert(holds(byEpochs), { seed: SEED, numRuns: RUNS });
    expect([...seen.keys()]).toEqual(
      expect.arrayContaining([
        ...['crash', 'zombie', 'lost answer', 'GR-7002', 'GR-5002'],
        ...['retry', 'run beside its retry', 'collect beside its retry'],
      ]),
    );
  }, 240_000);

  it('would lose data if collections only marked and swept: such a play is found', async () => {
    // It keeps all snapshots, so that nothing but its races can be its fault.
    const markAndSweep: Collector = async ({ store }) => {
      const state = await readPointer(store, 'demo');
      if (state === undefined) return;
      const chain = await chainOf(store, state.pointer, 1);
      const reachable = new Set(chain.flatMap(({ manifest }) => objectsOf(manifest).map(({ uri }) => uri)));
      for await (const { key } of store.list('lake/demo/features/')) if (!reachable.has(key)) await store.delete(key);
    };
    await isCaught(holds(markAndSweep), /I1|GR-4004|I5/);
  }, 240_000);

  it('would let two writers win if a register’s states were told apart by content: such a play is found', async () => {
    const wins = (versionOf: Place['versionOf']) =>
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(fc.constantFrom('A', 'B'), { minLength: 2, maxLength: 5 }),
        async (scheduler, values) => {
          const place = emptyPlace(versionOf);
          await calm(place).store.swap('r', Buffer.from('A'), undefined);
          const replaced: number[] = [];
          const writers = values.map(async (value) => {
            const { store } = lakeOn(place, (call) => scheduler.schedule(Promise.resolve<Mishap>('none'), call));
            const seen = await store
              .read('r')
              .then((found) => ({ found, state: place.registers.get('r')?.state ?? 0 }));
            if ((await store.swap('r', Buffer.from(value), seen.found?.version)) !== 'conflict')
              replaced.push(seen.state);
          });
          await scheduler.waitFor(Promise.all(writers));
          // I2: who won replaced the very state that it had read, so no state was replaced twice.
          if (new Set(replaced).size !== replaced.length) throw new Error('I2: two writers replaced one state');
        },
      );
    await fc.assert(
      wins((_, state) => String(state)),
      { seed: SEED, numRuns: RUNS },
    );
    await isCaught(
      wins((value) => sha256Of(value)),
      /I2/,
    );
  }, 240_000);
});
