import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import type { Refresh } from '../../client/index.js';
import { sample } from '../../config/pipelines/ev-sites/sample.js';
import { projectRoot } from '../../config/root.js';
import { type Cluster, startCluster } from '../support/cluster.js';
import { temporaryFolder } from '../support/home.js';
import { startReader } from '../support/reader.js';
import { differences, faultsOf, pointerOf } from '../support/snapshots.js';
import { Sometimes } from '../support/sometimes.js';

export const PIPELINE = 'ev-sites';
/** Logical time of the snapshot that stands before each disturbed run, and of that run. */
export const BEFORE = '2026-01-05T06:00:00.000Z';
export const NOW = '2026-01-06T06:00:00.000Z';

/** A silent worker is given up after this: the faults of the suite then cost seconds. One case uses the default. */
export const QUICK = { GEOREFRESH_HEARTBEAT_TIMEOUT: '3s' };

/** Every case is the same run in a home of its own, so what it leaves can be compared with what the undisturbed run left. */
export interface Scenario {
  /** A home in which the run was done in peace. */
  undisturbed: string;
  /** How long it took there, in milliseconds. */
  peacefulMs: number;
  /** Settings of every cluster of the scenario. */
  env: Record<string, string>;
  faults: Sometimes;
  /** Looks of the readers that ran beside. */
  looks: number;
  /** A fresh home that has published once, from other inputs, so that nothing of the run's is there already. */
  home(): Promise<string>;
}

export async function prepareScenario(): Promise<Scenario> {
  const folder = await temporaryFolder('chaos');
  const template = join(folder, 'template');
  const inputs = join(folder, 'inputs');
  await sampleInputs(inputs, sample.seed + 1);
  await sampleInputs(join(template, 'inputs'));
  const env = { ...QUICK, GEOREFRESH_PIPELINES: await lightPipelines(join(folder, 'pipelines')) };
  const first = await startCluster({ home: template, env });
  try {
    const refresh = await first.client.refresh({ pipeline: PIPELINE, logicalTime: BEFORE, inputs });
    expect(await refresh.result()).toMatchObject({ outcome: 'published', generation: 1 });
    await first.stop();
  } finally {
    await first.end();
  }
  let homes = 0;
  const home = async (): Promise<string> => {
    const path = join(folder, `home-${homes++}`);
    await cp(template, path, { recursive: true, verbatimSymlinks: true });
    return path;
  };
  const undisturbed = await home();
  const cluster = await startCluster({ home: undisturbed, env });
  try {
    const started = performance.now();
    await expectPublished(await startRun(cluster));
    return {
      undisturbed,
      env,
      peacefulMs: performance.now() - started,
      faults: new Sometimes(),
      looks: 0,
      home,
    };
  } finally {
    await cluster.end();
  }
}

/** The pipeline as it is, but for smaller models: what a fault costs is not theirs to show. */
export async function lightPipelines(folder: string): Promise<string> {
  const own = join(folder, PIPELINE);
  await cp(join(projectRoot(), 'config', 'pipelines', PIPELINE), own, { recursive: true });
  const path = join(own, 'pipeline.yaml');
  const light = (await readFile(path, 'utf8')).replace(/numIterations: \d+/g, 'numIterations: 10');
  await writeFile(path, light);
  return folder;
}

/** Writes the sample's files into a folder, and gives the folder. */
export async function sampleInputs(folder: string, seed = sample.seed): Promise<string> {
  for (const path of sample.files) await write(join(folder, path), sample.generate(path, seed));
  return folder;
}

async function write(path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
}

export const startRun = (cluster: Cluster): Promise<Refresh> =>
  cluster.client.refresh({ pipeline: PIPELINE, logicalTime: NOW });

export async function expectPublished(refresh: Refresh): Promise<void> {
  expect(await refresh.result()).toMatchObject({ run: refresh.run, outcome: 'published', generation: 2 });
}

/** All that must hold after any fault: the home is whole, and what is current is what the undisturbed run left. */
export async function expectAsUndisturbed(scenario: Scenario, home: string): Promise<void> {
  expect(await faultsOf(home, PIPELINE)).toEqual([]);
  expect(await differences(scenario.undisturbed, home, PIPELINE)).toEqual([]);
}

/** Nothing was published: what people see is still that of the run before, whole. */
export async function expectAsBefore(home: string): Promise<void> {
  expect(await faultsOf(home, PIPELINE)).toEqual([]);
  expect(await pointerOf(home, PIPELINE)).toMatchObject({ generation: 1, logicalTime: BEFORE });
}

export interface Case {
  env?: Record<string, string>;
}

/** Gives `work` a cluster on a fresh home, with a reader beside it that must never see anything torn. */
export async function withCluster(
  scenario: Scenario,
  { env = {} }: Case,
  work: (cluster: Cluster) => Promise<void>,
): Promise<void> {
  const home = await scenario.home();
  const cluster = await startCluster({ home, env: { ...scenario.env, ...env } });
  const reader = startReader(home, PIPELINE);
  try {
    await work(cluster);
  } finally {
    const { looks, torn } = await reader.stop();
    scenario.looks += looks;
    await cluster.end();
    expect(torn).toEqual([]);
  }
}
