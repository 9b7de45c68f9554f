import { afterAll, beforeAll, expect, test } from 'vitest';
import { Random } from '../../config/samples.js';
import { needs } from '../support/needs.js';
import { describeCancelled } from './cancelled.js';
import { describeFrozen } from './frozen.js';
import { describeKilledWorkers } from './killed-workers.js';
import { describeLostProcesses } from './lost-processes.js';
import { describeSameBytes } from './same-bytes.js';
import { prepareScenario, type Scenario } from './scenario.js';
import { describeTogether } from './together.js';

const FULL = process.env.GEOREFRESH_FULL === '1';
const SEED = Number(process.env.GEOREFRESH_SEED ?? Date.now() % 1_000_000);
/** Random moments at which a worker is killed, and the power is cut: all, or the share that a quarter of an hour has room for. */
const KILLS = FULL ? 20 : 4;
const CUTS = FULL ? 8 : 1;

needs('engine').describe(`a refresh under faults, on separate processes (GEOREFRESH_SEED=${SEED})`, () => {
  let scenario: Scenario | undefined;
  const prepared = (): Scenario => {
    if (scenario === undefined) throw new Error('the scenario is not prepared');
    return scenario;
  };
  const moments = (count: number): number[] => {
    const random = new Random(SEED, `moments ${count}`);
    // One in each of as many equal parts of the run, so that few of them still reach all of it.
    return Array.from({ length: count }, (_, i) => (i + random.between(0.02, 0.98)) / count);
  };

  beforeAll(async () => {
    scenario = await prepareScenario();
  });
  afterAll(() => {
    if (scenario === undefined) return;
    process.stdout.write(`\nGEOREFRESH_SEED=${SEED}, ${scenario.looks} looks by readers\n${scenario.faults.table()}\n`);
  });

  describeKilledWorkers(prepared, () => moments(KILLS));
  describeLostProcesses(prepared, () => moments(CUTS));
  describeFrozen(prepared);
  describeCancelled(prepared);
  describeTogether(prepared);
  describeSameBytes(prepared);

  test('every fault was seen to fire', () => {
    expect(prepared().faults.never()).toEqual([]);
  });
});
