import { expect, test } from 'vitest';
import type { Manifest } from '../../client/index.js';
import { NOW, PIPELINE, type Scenario, withCluster } from './scenario.js';

/** Runs of one, and of two threads for kernels and SQL. */
const RUNS: readonly [threads: string, runs: number][] = [
  ['1', 2],
  ['2', 3],
];

/** P12: the bytes of every step, whatever the number of threads. */
export function describeSameBytes(scenario: () => Scenario): void {
  test('every step of five runs leaves the same bytes, on one thread and on two (P12)', async () => {
    const manifests: Manifest[] = [];
    for (const [threads, runs] of RUNS) {
      await withCluster(scenario(), { env: { GEOREFRESH_THREADS: threads } }, async ({ client }) => {
        for (let i = 0; i < runs; i++) {
          const refresh = await client.refresh({ pipeline: PIPELINE, logicalTime: NOW, force: true });
          expect((await refresh.result()).outcome).toBe(i === 0 ? 'published' : 'unchanged');
          manifests.push(await client.show(refresh.run));
        }
      });
    }
    const [first, ...others] = manifests.map(digestsOf);
    expect(Object.keys(first ?? {}).length).toBeGreaterThan(50);
    for (const other of others) expect(other).toEqual(first);
  });
}

/** Digests of all that the steps of a run left, by step and name, but for what its manifest calls volatile. */
const digestsOf = ({ steps, volatileOutputs }: Manifest): Record<string, string> =>
  Object.fromEntries(
    steps.flatMap(({ id, outputs }) =>
      Object.entries(outputs)
        .filter(([name]) => !volatileOutputs.includes(name))
        .map(([name, { sha256 }]) => [`${id} ${name}`, sha256]),
    ),
  );
