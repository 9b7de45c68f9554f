import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { tendWorkers } from '../../client/tend.js';
import { createLogger } from '../../config/logging.js';
import type { Role, Workers } from '../../workers/roles.js';

const log = createLogger({ level: 'silent' });
const ALL: Role[] = ['workflows', 'io', 'compute'];

/** Workers that do nothing until they are told to fail. */
function fakes() {
  const begun: Role[][] = [];
  const stopped: Role[][] = [];
  const failures: ((error: Error) => void)[] = [];
  const start = async (roles: Role[]): Promise<Workers> => {
    begun.push(roles);
    let end = (): void => undefined;
    const done = new Promise<void>((resolve, reject) => {
      end = resolve;
      failures.push(reject);
    });
    return {
      done,
      async stop() {
        stopped.push(roles);
        end();
      },
    };
  };
  return { begun, stopped, failures, start };
}

describe('workers of a command', () => {
  test('are started where the home has none, for the roles that are missing, and stopped at the end', async () => {
    const { begun, stopped, start } = fakes();
    const tended = await tendWorkers({ missingRoles: async () => ['compute'], start, log, onFailure: () => undefined });
    expect(begun).toEqual([['compute']]);
    await tended.stop();
    expect(stopped).toEqual([['compute']]);
  });

  test('are not started where the home has its own', async () => {
    const { begun, start } = fakes();
    const tended = await tendWorkers({ missingRoles: async () => [], start, log, onFailure: () => undefined });
    await tended.stop();
    expect(begun).toEqual([]);
  });

  test("take over when the home's own are gone for good, not while one is replaced", async () => {
    const { begun, start } = fakes();
    let missing: Role[] = [];
    const times = { lookMs: 10, replacedMs: 200 };
    const tended = await tendWorkers({
      missingRoles: async () => missing,
      start,
      log,
      onFailure: () => undefined,
      ...times,
    });
    for (let i = 0; i < 4; i++) {
      missing = ALL;
      await sleep(100);
      missing = [];
      await sleep(50);
    }
    expect(begun).toEqual([]);
    missing = ALL;
    await sleep(400);
    expect(begun).toEqual([ALL]);
    await tended.stop();
  });

  test('that fail are started again, five times a minute, and then the command fails', async () => {
    const { begun, failures, start } = fakes();
    const told: unknown[] = [];
    const tended = await tendWorkers({
      missingRoles: async () => ALL,
      start,
      log,
      onFailure: (error) => told.push(error),
    });
    for (let i = 0; i < 6; i++) {
      failures[i]?.(new Error(`failure ${i}`));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(begun).toHaveLength(6);
    expect(told).toEqual([new Error('failure 5')]);
    await tended.stop();
  });
});
