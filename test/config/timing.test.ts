import { expect, test } from 'vitest';
import { signalsOf } from '../../config/definition/timing.js';
import { GeorefreshError } from '../../config/errors.js';
import { loadPipeline } from '../../config/load.js';
import { temporaryFolder } from '../support/home.js';
import { type SmallDefinition, writeSmallPipeline } from '../support/small-pipeline.js';

/** The small pipeline with these keys beside the others. */
async function load(keys: object) {
  const change = (definition: SmallDefinition): void => void Object.assign(definition, keys);
  const { name, pipelines } = await writeSmallPipeline(await temporaryFolder(), { change });
  return (await loadPipeline(name, { pipelines: [pipelines] })).pipeline;
}

test('a definition says when it is refreshed by itself; signals have a usual pace (S2.18, S2.31)', async () => {
  const usual = await load({});
  expect(usual.schedule).toBeUndefined();
  expect(signalsOf(usual)).toEqual({ quiet: 30_000, longestWait: 600_000, idle: 600_000 });
  const own = await load({ schedule: { cron: '0 2 * * 0', jitter: '5m' }, signals: { quiet: '1s' } });
  expect(own.schedule).toEqual({ cron: '0 2 * * 0', timezone: 'UTC', jitter: 300_000 });
  expect(signalsOf(own)).toEqual({ quiet: 1000, longestWait: 600_000, idle: 600_000 });
});

test('what is wrong with it is told at once, each fault with its line and in words', async () => {
  const wrong = {
    schedule: { cron: '0 25 * * 0', timezone: 'Mars/Olympus', jiter: '1m' },
    signals: { quiet: '1h', longestWait: '10m' },
  };
  const fault: unknown = await load(wrong).catch((error: unknown) => error);
  if (!(fault instanceof GeorefreshError)) throw new Error('it was taken');
  const { code, where, message } = fault;
  expect(code).toBe('GR-1003');
  expect(where.every(({ line }) => line !== undefined && line > 1)).toBe(true);
  expect(message).toContain('from 0 to 23 as the hour, found `25`');
  expect(message).toContain('expected a time zone such as UTC');
  expect(message).toContain('`jiter`');
  const impatient = load({ signals: { quiet: '1h', longestWait: '10m' } });
  await expect(impatient).rejects.toMatchObject({
    code: 'GR-1003',
    message: expect.stringContaining('at least as much as `quiet`') as unknown,
  });
});
