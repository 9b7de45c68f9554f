import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readCurrent } from '../../lake/current.js';
import { examineLake } from '../../lake/fsck.js';
import { openStore } from '../../lake/open-store.js';
import { Scratch } from '../../lake/scratch.js';
import type { ObjectStore } from '../../lake/types.js';
import { type Cluster, startCluster } from '../support/cluster.js';
import { temporaryFolder, temporaryHome } from '../support/home.js';
import { needs } from '../support/needs.js';
import { type ObjectServerProcess, startObjectServer, TEST_KEYS } from '../support/object-server.js';
import { type SmallDefinition, type SmallPipeline, smallFiles, writeSmallPipeline } from '../support/small-pipeline.js';
import { Sometimes } from '../support/sometimes.js';
import { isAgain, isBeginOf } from '../support/steps.js';
import { type WrongClock, wrongClock } from '../support/wrong-clock.js';

const HOUR = 3600;
const DAY = 24 * HOUR;
/** P8: what waits for a silent worker waits no longer. */
const GOES_ON_MS = 35_000;
/** How far apart a right clock's times may be here. */
const NEAR_MS = 5 * 60_000;

needs('engine', 'store', 'clock').describe(
  'a worker whose clock is wrong, beside an engine and a store that are right (F28)',
  () => {
    const faults = new Sometimes();
    let clock: WrongClock;
    let small: SmallPipeline;
    let server: ObjectServerProcess;
    let store: ObjectStore;
    let right: Cluster;
    let wrong: Cluster;
    let published = 0;

    beforeAll(async () => {
      Object.assign(process.env, TEST_KEYS);
      const change = (definition: SmallDefinition): void => {
        Object.assign(definition, { retention: { snapshots: 1, days: 1, runs: 1, resultDays: 1 } });
      };
      small = await writeSmallPipeline(await temporaryFolder(), { change });
      server = await startObjectServer(await temporaryFolder('s3'));
      store = await openStore('s3://lake/clock', { endpoint: server.endpoint });
      const env = {
        ...TEST_KEYS,
        GEOREFRESH_PIPELINES: small.pipelines,
        GEOREFRESH_STORE: 's3://lake/clock',
        GEOREFRESH_STORE_ENDPOINT: server.endpoint,
      };
      right = await startCluster({ home: await temporaryHome(), workers: 1, roles: 'workflows', env });
      clock = await wrongClock(await temporaryFolder('clock'));
      const { port } = await right.engine();
      wrong = await startCluster({
        home: await temporaryHome(),
        workers: 1,
        roles: 'io,compute',
        env: { ...env, ...clock.env, TEMPORAL_ADDRESS: `127.0.0.1:${port}` },
      });
    });
    afterAll(async () => {
      await wrong?.end();
      await right?.end();
      store?.close?.();
      await server?.stop();
      process.stdout.write(`\n${faults.table()}\n`);
    });

    /** A refresh of inputs that no other has; the client's clock is right. */
    const begin = async () => {
      const shops = smallFiles()['shops.csv'] ?? '';
      await writeFile(join(small.inputs, 'shops.csv'), `${shops.trimEnd()}\n${900 + published},1.${published},0.5\n`);
      return right.client.refresh({ pipeline: small.name, inputs: small.inputs });
    };
    const isWhole = async (): Promise<void> => {
      const { pointer, manifest, warnings } = (await readCurrent(store, small.name)) ?? {};
      expect({ generation: pointer?.generation, warnings }).toEqual({ generation: published, warnings: [] });
      const logical = Date.parse(manifest?.logicalTime ?? '');
      expect(Math.abs(Date.now() - logical)).toBeLessThan(NEAR_MS);
      const { pipelines } = await right.client.status(small.name);
      expect(Math.abs(pipelines[0]?.ageSeconds ?? NEAR_MS) * 1000).toBeLessThan(NEAR_MS);
      const scratch = await Scratch.open({ store, root: await temporaryFolder('scratch'), bytes: 1e9 });
      const examined = await examineLake({ store, scratch }, small.name).finally(() => scratch.close());
      expect(examined).toMatchObject({ generation: published, faults: [] });
    };

    test.for<[string, number]>([
      ['an hour ahead', HOUR],
      ['an hour behind', -HOUR],
      ['three days ahead', 3 * DAY],
      ['three days behind', -3 * DAY],
    ])(
      '%s publishes what is dated by the engine, is taken for dead by nobody, and collects nothing that is young',
      async ([what, seconds]) => {
        await clock.set(seconds);
        const from = wrong.log.mark();
        const started = performance.now();
        expect(await (await begin()).result()).toMatchObject({ outcome: 'published', generation: ++published });
        const { finished } = (await readCurrent(store, small.name))?.manifest ?? {};
        const ahead = (Date.parse(finished ?? '') - Date.now()) / 1000;
        // Its own clock shows where that is ahead; behind the beginning of its run it never goes.
        if (seconds > 0) expect(ahead).toBeGreaterThan(seconds - NEAR_MS / 1000);
        else expect(Math.abs(ahead) * 1000).toBeLessThan(NEAR_MS);
        // All snapshots are younger than the day that they are kept, whatever that worker's clock says.
        expect(await right.client.collect({ pipeline: small.name })).toMatchObject({ floor: 1, snapshots: published });
        await isWhole();
        expect(wrong.log.lines().slice(from).filter(isAgain)).toEqual([]);
        faults.saw(
          `clock ${what}`,
          `published and collected in ${((performance.now() - started) / 1000).toFixed(1)} s`,
        );
      },
    );

    test.for<[string, number, number]>([
      ['forwards', 0, HOUR],
      ['backwards', HOUR, -HOUR],
    ])('that jumps %s in mid-run goes on (P8)', async ([what, before, after]) => {
      await clock.set(before);
      const from = wrong.log.mark();
      const run = await begin();
      await wrong.log.until(isBeginOf('features/known@now'), 'features begin', { from });
      const jumped = performance.now();
      const setting = clock.set(after);
      const isDone = ({ event }: { event?: string }): boolean => event === 'step_completed';
      await wrong.log.until(isDone, 'a step is done', { from: wrong.log.mark(), withinMs: GOES_ON_MS });
      faults.saw(`clock jumps ${what}`, `a step done ${((performance.now() - jumped) / 1000).toFixed(1)} s after`);
      await setting;
      expect(await run.result()).toMatchObject({ outcome: 'published', generation: ++published });
      await isWhole();
    });
  },
);
