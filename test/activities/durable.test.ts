import { setTimeout as sleep } from 'node:timers/promises';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { activity, type StepContext, step } from '../../activities/durable.js';
import { ERRORS, GeorefreshError } from '../../config/errors.js';
import { putArtifact } from '../../lake/artifacts.js';
import { temporaryHome } from '../support/home.js';
import { environmentOf, headerOf, openBench, quiet } from '../support/run-plan.js';

/** The failure of an activity whose work throws this. */
async function failureOf(error: unknown): Promise<ApplicationFailure> {
  const failing = activity(quiet, () => Promise.reject(error));
  const outcome = await environmentOf()
    .run(failing, undefined)
    .catch((thrown: unknown) => thrown);
  if (outcome instanceof ApplicationFailure) return outcome;
  throw new Error(`not a failure: ${String(outcome)}`);
}

test('an error of the registry becomes a failure of its code, with places and remedy, retried as the registry says', async () => {
  const permanent = await failureOf(
    new GeorefreshError('GR-2104', '3 of 4 rows', { where: [{ file: 'x.csv', row: 7 }] }),
  );
  expect(permanent).toMatchObject({ type: 'GR-2104', nonRetryable: true });
  expect(permanent.message).toContain('3 of 4 rows');
  expect(permanent.details).toEqual([{ where: [{ file: 'x.csv', row: 7 }], remedy: ERRORS['GR-2104'].remedy }]);
  expect(await failureOf(new GeorefreshError('GR-5002', 'away'))).toMatchObject({
    type: 'GR-5002',
    nonRetryable: false,
  });
});

test('an unknown error is GR-3001 and may pass', async () => {
  expect(await failureOf(new TypeError('x is undefined'))).toMatchObject({ type: 'GR-3001', nonRetryable: false });
  expect((await failureOf('just text')).message).toContain('just text');
});

test('heartbeats come while the work goes on, with how far it is, and stop with it', async () => {
  const environment = environmentOf();
  const beats: unknown[] = [];
  environment.on('heartbeat', (details: unknown) => void beats.push(details));
  const working = activity(quiet, async (_: undefined, { progress }: StepContext) => {
    progress({ done: 5, total: 10, unit: 'rows' });
    await sleep(1200);
  });
  await environment.run(working, undefined);
  const report = { done: 5, total: 10, unit: 'rows' };
  expect(beats).toEqual([undefined, report, report]);
  await sleep(700);
  expect(beats).toHaveLength(3);
});

test('work that is cancelled ends as cancelled, whatever it throws on its way out', async () => {
  const environment = environmentOf();
  const working = activity(quiet, async (_: undefined, { signal }: StepContext) => {
    await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('torn down'))));
  });
  const done = environment.run(working, undefined);
  environment.cancel();
  await expect(done).rejects.toBeInstanceOf(CancelledFailure);
});

test('a cancellation that comes when the work is done changes nothing: what is published stays told', async () => {
  const environment = environmentOf();
  const working = activity(quiet, async () => {
    environment.cancel();
    return 'published';
  });
  expect(await environment.run(working, undefined)).toBe('published');
});

test('a step tells the digests that it read, once each and in order, and which attempt it was', async () => {
  const bench = await openBench({ home: await temporaryHome() });
  try {
    const frozen = Buffer.from(JSON.stringify({ pipeline: {}, sources: [] }));
    const definition = await putArtifact(bench.lake.store, 'lake/demo/state', frozen, 'json');
    const ref = (sha256: string) => ({ uri: 'x', sha256, bytes: 1, rows: 1, columns: [] });
    const deps = { ...bench, log: quiet, settings: {} as never };
    const doing = step(deps, async () => ({ tables: {}, artifacts: {}, rowsIn: 1, rowsOut: 1, facts: {} }));
    const result = await environmentOf({ attempt: 3 }).run(doing, {
      header: headerOf('demo'),
      definition,
      step: { id: 'publish/report', stage: 'publish' as const },
      tables: { a: ref('b'), b: ref('a') },
      artifacts: { c: ref('b') },
    });
    expect(result).toMatchObject({ inputs: ['a', 'b'], attempt: 3, reused: false });
  } finally {
    await bench.close();
  }
});

test('every line about a step names its batch, and the last one the records (S3.11, S3.12)', async () => {
  const lines: Record<string, unknown>[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line) as never) });
  const counting = activity(log, async () => ({ rowsIn: 5, rowsOut: 4 }));
  await environmentOf({ activityId: 'validate/x' }).run(counting as never, { header: headerOf('demo') } as never);
  const about = { batch_id: '20260220_143022', execution_mode: 'local', step: 'validate/x' };
  expect(lines).toMatchObject([
    { ...about, event: 'step_started' },
    {
      ...about,
      event: 'step_completed',
      records_in: 5,
      records_out: 4,
      duration_seconds: expect.any(Number) as number,
    },
  ]);
});
