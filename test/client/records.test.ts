import picocolors from 'picocolors';
import { describe, expect, test } from 'vitest';
import { runsText } from '../../client/cli/commands/runs.js';
import { manifestText } from '../../client/cli/commands/show.js';
import { statusText } from '../../client/cli/statuses.js';
import { findManifest, readPublished, readRuns } from '../../client/records.js';
import { lakeStatus, type Status } from '../../client/status.js';
import { FolderStore } from '../../lake/folder-store.js';
import { jsonBytes, type Manifest } from '../../lake/manifest.js';
import { writeRunManifest } from '../../lake/runs.js';
import { temporaryHome } from '../support/home.js';

const plain = picocolors.createColors(false);
const digest = 'a'.repeat(64);

const manifest = (run: string, logicalTime: string, given: Partial<Manifest> = {}): Manifest => ({
  ...{ version: 1, pipeline: 'p', run, outcome: 'published', logicalTime, trigger: 'operator', sample: false },
  ...{
    definition: null,
    parameters: {},
    quarantine: { 'lat.min': 3 },
    metrics: null,
    champion: 'ridge',
    generation: 1,
  },
  sources: [],
  steps: [
    {
      ...{ id: 'train/model', stage: 'train', rowsIn: 10, rowsOut: 10, inputs: [], outputs: {} },
      ...{ seconds: 1.5, attempts: 2, reused: false },
    },
  ],
  pipelineMetrics: { records_in: 10, records_out: 10, duration_seconds: 2.5, errors: 0 },
  model: { version: 'v3', sha256: digest },
  outputs: [{ name: 'tracts.csv', uri: 'outputs/p/archive/x/tracts.csv', rows: 7, sha256: digest, bytes: 1234 }],
  ...{ volatileOutputs: [], error: null, started: logicalTime, finished: logicalTime, versions: {}, predecessor: null },
  ...given,
});

async function storeWith(...manifests: Manifest[]): Promise<FolderStore> {
  const store = await FolderStore.open(await temporaryHome());
  for (const one of manifests) await writeRunManifest(store, one);
  return store;
}

describe('runs as the lake remembers them', () => {
  const failed = {
    outcome: 'failed',
    error: { code: 'GR-2104', message: 'a source breaks its contract: stations\nmore' },
  };

  test('come latest first, filtered by outcome and start, and bounded', async () => {
    const store = await storeWith(
      manifest('run-a', '2026-11-19T00:00:00Z'),
      manifest('run-b', '2026-11-20T00:00:00Z', failed),
      manifest('run-c', '2026-11-21T00:00:00Z'),
    );
    expect((await readRuns(store, 'p')).map(({ run }) => run)).toEqual(['run-c', 'run-b', 'run-a']);
    expect((await readRuns(store, 'p', { outcome: 'failed' })).map(({ run }) => run)).toEqual(['run-b']);
    expect((await readRuns(store, 'p', { since: '2026-11-20T00:00:00Z', limit: 1 })).map(({ run }) => run)).toEqual([
      'run-c',
    ]);
    expect(await readRuns(store, 'other')).toEqual([]);
  });

  test('are named by a unique beginning of their id among all pipelines', async () => {
    const store = await storeWith(
      manifest('01a1fdd0-aaaa', '2026-11-19T00:00:00Z'),
      manifest('01a1fdd0-bbbb', '2026-11-20T00:00:00Z', { pipeline: 'q' }),
    );
    expect((await findManifest(store, ['p', 'q'], '01a1fdd0-b')).pipeline).toBe('q');
    for (const wrong of ['01a1fdd0', '01a', 'ffff'])
      await expect(findManifest(store, ['p', 'q'], wrong)).rejects.toMatchObject({ code: 'GR-4002' });
  });

  test('are listed with their outcome and error, and shown with sources, steps and outputs (S0.18)', async () => {
    const store = await storeWith(manifest('01a1fdd0-f186-1', '2026-11-20T06:00:00Z', failed));
    const listed = runsText(await readRuns(store, 'p'), plain).split('\n');
    expect(listed[1]).toMatch(/^01a1fdd0-f186 +p +2026-11-20T06:00Z +failed +2\.50 s +10 +3 +operator +GR-2104$/);
    const shown = manifestText(await findManifest(store, ['p'], '01a1'), plain);
    expect(shown).toMatch(/train\/model +10 +10 +1\.50 s +attempt 2/);
    expect(shown).toMatch(/tracts\.csv +7 +1\.23.kB/);
    expect(shown).toContain('lat.min');
  });

  test('one that failed is in the status of its pipeline, though nothing was published (S2.21)', async () => {
    const store = await storeWith(manifest('01a1fdd0-f186-1', '2026-11-20T06:00:00Z', failed));
    const now = Date.parse('2026-11-20T08:00:00Z');
    const pipeline = await lakeStatus(store, 'p', now);
    expect(pipeline).toMatchObject({ published: null, lastRun: { outcome: 'failed', error: { code: 'GR-2104' } } });
    const status: Status = { engine: { state: 'down' }, store: store.base, pipelines: [pipeline] };
    const text = statusText(status, plain);
    expect(text).toContain('p: GR-2104 a source breaks its contract: stations\n');
    expect(text).toContain('engine down');
    expect(await readPublished(store, 'p')).toBeUndefined();
  });

  test('a damaged pointer is told of and does not keep the other pipelines from being shown', async () => {
    const store = await storeWith();
    await store.swap('lake/p/state/current.json', jsonBytes({ version: 1 }), undefined);
    expect((await lakeStatus(store, 'p', 0)).fault).toContain('current.json');
  });
});

describe('the state of pipelines in words', () => {
  const status = (state: 'up' | 'silent'): Status => ({
    engine: { state, address: '127.0.0.1:7233', ui: 'http://127.0.0.1:8233', workers: 1 },
    store: 'file:///home',
    pipelines: [
      {
        pipeline: 'p',
        published: {
          ...{
            generation: 4,
            run: 'r',
            logicalTime: '2026-11-21T06:00:00Z',
            published: '2026-11-21T06:01:00Z',
            folder: '/f',
          },
          ...{
            latest: '/l',
            champion: 'ridge',
            modelVersion: 'v14',
            sample: true,
            hold: { by: 'ann', at: '2026-11-21T06:02:00Z', reason: 'bad data' },
            restored: 2,
            warnings: ['manifest damaged'],
          },
        },
        ageSeconds: 7200,
        delivered: null,
        lastRun: null,
        last_run: null,
        next_scheduled_run: '2026-11-22T02:00:00.000Z',
        running: [],
      },
    ],
  });

  test('tells age, model, hold and damage', () => {
    const text = statusText(status('up'), plain);
    expect(text).toMatch(
      /p +2026-11-21T06:00Z \(2 h old\) +held at generation 4, content of 2, from samples +v14 +– +2026-11-22T02:00Z/,
    );
    expect(text).toContain('p is held by ann since 2026-11-21T06:02Z: bad data (georefresh release p)');
    expect(text).toContain('manifest damaged');
    expect(text).toContain('1 worker process, http://127.0.0.1:8233');
  });

  test('tells what runs, and that an engine is silent', () => {
    const [pipeline] = status('up').pipelines;
    const stages = [
      {
        stage: 'train' as const,
        steps: 5,
        done: 2,
        reused: 0,
        running: ['train/x'],
        rowsIn: 0,
        rowsOut: 0,
        quarantined: 0,
      },
    ];
    const progress = { pipeline: 'p', run: 'r', logicalTime: '', stages, running: [], waiting: false };
    const running = [{ run: '01a1fdd0-f186-71ab', startedAt: '', progress }];
    const text = statusText(
      { ...status('up'), pipelines: [{ ...(pipeline as Status['pipelines'][number]), running }] },
      plain,
    );
    expect(text).toContain('run 01a1fdd0-f186: train 2/5');
    expect(statusText(status('silent'), plain)).toContain('engine does not answer at 127.0.0.1:7233');
  });
});
