import { appendFile, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import { startWatching, type WatchOptions } from '../../workers/watch.js';
import { temporaryHome } from '../support/home.js';
import { smallFiles, writeSmallPipeline } from '../support/small-pipeline.js';

const SETTLE = 50;
/** Longer than any test: what is seen sooner was told of by the system. */
const NEVER = 3_600_000;

const ending: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0)) await end();
});

interface Watched {
  home: string;
  inputs: string;
  signals: { pipeline: string; fingerprint: string }[];
  warnings: string[];
  /** Signals so far, once there are as many. */
  until(count: number): Promise<void>;
  /** Waits so long that a signal would have come. */
  still(count: number): Promise<void>;
}

/** Watches a home with one pipeline whose files are there, or not. */
async function watched(
  { files = true, every = NEVER, settle = SETTLE }: { files?: boolean; every?: number; settle?: number },
  signal: WatchOptions['signal'] = () => Promise.resolve(),
): Promise<Watched> {
  const home = await temporaryHome();
  const { pipelines, inputs } = await writeSmallPipeline(home);
  if (!files) await rm(inputs, { recursive: true });
  const signals: Watched['signals'] = [];
  const warnings: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => warnings.push(line) });
  const watching = await startWatching({
    settings: { home, pipelines: [pipelines], watch: { every, settle } },
    log,
    async signal(pipeline, pacing, fingerprint) {
      await signal(pipeline, pacing, fingerprint);
      expect(pacing).toEqual({ quiet: 30_000, longestWait: 600_000, idle: 600_000 });
      signals.push({ pipeline, fingerprint });
    },
  });
  ending.push(() => watching.stop());
  return {
    ...{ home, inputs, signals, warnings },
    async until(count) {
      for (const end = Date.now() + 20_000; signals.length < count; await sleep(10))
        if (Date.now() > end) throw new Error(`${signals.length} of ${count} signals within 20 s`);
    },
    async still(count) {
      await sleep(500 + 2 * settle);
      expect(signals).toHaveLength(count);
    },
  };
}

const shops = smallFiles()['shops.csv'] ?? '';

describe('whoever watches the inputs', () => {
  test('signals at the start what is there, then each change, once each', async () => {
    const { inputs, signals, until, still } = await watched({});
    await until(1);
    await writeFile(join(inputs, 'shops.csv'), `${shops}9001,1.5,1.5\n`);
    await until(2);
    await appendFile(join(inputs, 'shops.csv'), '9002,1.5,1.5\n');
    await until(3);
    await still(3);
    expect(new Set(signals.map(({ fingerprint }) => fingerprint)).size).toBe(3);
    expect(new Set(signals.map(({ pipeline }) => pipeline))).toEqual(new Set(['shops-next']));
  });

  test('waits until all files that must be there are there, and signals them together', async () => {
    const { inputs, until, still } = await watched({ files: false });
    for (const [name, text] of Object.entries(smallFiles())) {
      await still(0);
      await mkdir(inputs, { recursive: true });
      await writeFile(join(inputs, name), text);
    }
    await until(1);
    await still(1);
  });

  test('waits for a file that is still written to, and takes one that is moved into place', async () => {
    const { inputs, until, still } = await watched({ settle: 700 });
    await until(1);
    const writing = join(inputs, 'shops.csv');
    for (let n = 0; n < 100; n++) {
      await appendFile(writing, `${9100 + n},1.5,1.5\n`);
      await sleep(20);
    }
    await until(2);
    await still(2);
    await writeFile(join(inputs, 'shops.csv.part'), shops);
    await still(2);
    await rename(join(inputs, 'shops.csv.part'), writing);
    await until(3);
  });

  test('cares for files of sources alone, an optional one among them', async () => {
    const { inputs, until, still } = await watched({});
    await until(1);
    await mkdir(join(inputs, 'other'));
    await writeFile(join(inputs, 'other', 'shops.csv'), shops);
    await writeFile(join(inputs, 'notes.txt'), 'x');
    await still(1);
    await writeFile(join(inputs, 'visits.csv'), 'Visit,x,y\n1,0.5,0.5\n');
    await until(2);
    await rm(join(inputs, 'visits.csv'));
    await until(3);
    // A source that must be there: a refresh would only fail.
    await rm(join(inputs, 'shops.csv'));
    await still(3);
  });

  test('looks again from time to time, and so sees pipelines that are added, or mended', async () => {
    const { home, signals, warnings, until } = await watched({ every: 100 });
    await until(1);
    const folder = join(home, 'pipelines', 'later');
    await mkdir(folder);
    await writeFile(join(folder, 'pipeline.yaml'), 'name: later\n');
    for (const end = Date.now() + 10_000; warnings.length === 0 && Date.now() < end; ) await sleep(20);
    await sleep(500);
    expect(warnings.filter((line) => line.includes('"later"'))).toHaveLength(1);
    await writeSmallPipeline(home, { name: 'later' });
    await until(2);
    expect(signals[1]?.pipeline).toBe('later');
  });

  test('tells again what the engine did not take', async () => {
    let refusals = 2;
    const { until, warnings } = await watched({ every: 100 }, () =>
      refusals-- > 0 ? Promise.reject(new Error('away')) : Promise.resolve(),
    );
    await until(1);
    expect(warnings).toHaveLength(2);
  });
});
