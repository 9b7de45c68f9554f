import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker, type WorkflowBundle } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { beforeAll, describe, expect, test } from 'vitest';
import { bundleOf, quietRuntime, replayableHistory } from '../support/engine.js';

const FOLDER = join(import.meta.dirname, 'histories');

/**
 * Histories of refreshes and runs that completed, failed and were cancelled, of a keeper of signals that ended idle and
 * one that continued as new, of backfills and a delivery. They are made anew, with a change of the workflows that is
 * meant, by GEOREFRESH_RECORD_HISTORIES=test/replay/histories and the tests of the workflows, the signals, and what goes
 * on beside refreshes.
 */
const HISTORIES = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));

const read = (name: string): string => readFileSync(join(FOLDER, name), 'utf8');

/** Replays a history: the error of the replay, or undefined where today's code would give the same commands. */
async function replay(workflowBundle: WorkflowBundle, name: string): Promise<Error | undefined> {
  for await (const { error } of Worker.runReplayHistories({ workflowBundle }, [
    { workflowId: name, history: replayableHistory(read(name)) },
  ]))
    return error;
  throw new Error('the replay gave no result');
}

describe('recorded histories', () => {
  let bundle: WorkflowBundle;
  let changed: WorkflowBundle;
  beforeAll(async () => {
    quietRuntime();
    [bundle, changed] = await Promise.all([bundleOf(), bundleOf('../replay/changed/index.ts')]);
  });

  test('there are those of a completed, a failed and a cancelled refresh, each with its run, both ends of a keeper of signals, a delivery and the ends of backfills', () => {
    const ends = ['cancelled', 'completed', 'failed'];
    const runs = ['refresh', 'run'].flatMap((type) => ends.map((end) => `${type}-${end}.json`));
    const backfills = ['cancelled', 'completed', 'continued'].map((end) => `backfill-${end}.json`);
    const others = ['deliver-completed.json', 'pipeline-completed.json', 'pipeline-continued.json'];
    expect(HISTORIES.sort()).toEqual([...backfills, ...others, ...runs]);
  });

  test.each(HISTORIES)('%s is replayed by the workflows as they are', async (name) => {
    expect(await replay(bundle, name)).toBeUndefined();
  });

  test.each(HISTORIES)('%s does not fit workflows with another sequence of commands', async (name) => {
    expect(await replay(changed, name)).toBeInstanceOf(DeterminismViolationError);
  });

  test('hold no path of a machine and no name of a host', () => {
    for (const name of HISTORIES) {
      const texts = textsOf(JSON.parse(read(name))).join('\n');
      expect(texts).not.toMatch(/\/(?:home|root|Users|tmp|work)\//);
    }
  });
});

/** Every text of a history, payloads and failures decoded. */
function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value, Buffer.from(value, 'base64').toString('utf8')];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsOf) : [];
}
