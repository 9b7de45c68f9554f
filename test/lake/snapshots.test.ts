import { lstat, readdir, readFile, rename, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCurrent } from '../../lake/current.js';
import { type Manifest, withoutVolatile } from '../../lake/manifest.js';
import { listModels, registerModel } from '../../lake/models.js';
import { pointerKey, readPointer, swapPointer } from '../../lake/pointer.js';
import { listRuns, readRun, writeRunManifest } from '../../lake/runs.js';
import type { ObjectStore } from '../../lake/types.js';
import { HOLD, manifestOf, publish } from './support/publishing.js';
import { withLake } from './support/temporary.js';

/** The store with one method replaced, the others its own. */
function altered(store: ObjectStore, methods: Partial<ObjectStore>): ObjectStore {
  return new Proxy(store, {
    get: (target, name) => {
      const own: unknown = Reflect.get(methods, name) ?? Reflect.get(target, name);
      return typeof own === 'function' ? (own.bind(name in methods ? methods : target) as unknown) : own;
    },
  });
}

describe('publishing', () => {
  it('makes a whole snapshot in its own folder, then moves the pointer, then latest (S0.9, S0.11)', () =>
    withLake(async (lake, home) => {
      const first = await publish(lake, { run: 'run-1', nonce: 'abcdef0123', minute: 0 });
      expect(first).toMatchObject({ outcome: 'published', generation: 1, again: false });
      expect(first.snapshot.snapshot).toBe('outputs/demo/archive/20260101T000000Z-g1-abcdef01');
      const second = await publish(lake, { run: 'run-2', minute: 1 });
      expect(second).toMatchObject({ outcome: 'published', generation: 2 });
      const latest = join(home, 'outputs/demo/latest');
      expect((await readdir(latest)).sort()).toEqual(['manifest.json', 'ranked.csv', 'report.html']);
      expect(await readFile(join(latest, 'ranked.csv'), 'utf8')).toBe('id\nrun-2\n');
      expect((await lstat(latest)).isSymbolicLink()).toBe(true);
      const current = await readCurrent(lake.store, 'demo');
      expect(current).toMatchObject({
        warnings: [],
        pointer: { generation: 2, run: 'run-2', hold: null },
        manifest: { generation: 2, predecessor: { generation: 1, run: 'run-1' } },
      });
      expect(JSON.parse(await readFile(join(home, pointerKey('demo')), 'utf8'))).toEqual(current?.pointer);
      expect(current?.manifest.outputs.map(({ name, rows }) => [name, rows])).toEqual([
        ['ranked.csv', 1],
        ['report.html', null],
      ]);
    }));

  it('gives outputs of their own: an edit of a published file leaves the lake alone', () =>
    withLake(async (lake, home) => {
      const { snapshot } = await publish(lake, { run: 'run-1', minute: 0 });
      await writeFile(join(home, snapshot.snapshot, 'ranked.csv'), 'id\nrun-X\n');
      const again = await publish(lake, { run: 'run-2', minute: 1, content: 'run-1' });
      expect(await readFile(join(home, again.snapshot.snapshot, 'ranked.csv'), 'utf8')).toBe('id\nrun-1\n');
    }));

  it('answers a repeated attempt with what the first one did, also after a later run', () =>
    withLake(async (lake) => {
      await publish(lake, { run: 'run-1', minute: 0 });
      expect(await publish(lake, { run: 'run-1', minute: 0 })).toMatchObject({
        outcome: 'published',
        generation: 1,
        again: true,
      });
      await publish(lake, { run: 'run-2', minute: 1 });
      await publish(lake, { run: 'run-3', minute: 2 });
      expect(await publish(lake, { run: 'run-1', minute: 0 })).toMatchObject({
        outcome: 'published',
        generation: 1,
        again: true,
      });
      expect((await readPointer(lake.store, 'demo'))?.pointer.generation).toBe(3);
    }));

  it('moves only to a later logical time, and at an equal one only for other content', () =>
    withLake(async (lake) => {
      await publish(lake, { run: 'run-1', minute: 5, content: 'x' });
      expect(await publish(lake, { run: 'run-2', minute: 4 })).toMatchObject({ outcome: 'superseded', generation: 1 });
      expect(await publish(lake, { run: 'run-3', minute: 5, content: 'x' })).toMatchObject({
        outcome: 'unchanged',
        generation: 1,
      });
      expect(await publish(lake, { run: 'run-4', minute: 5, content: 'y' })).toMatchObject({
        outcome: 'published',
        generation: 2,
      });
    }));

  it('publishes nothing while the pointer is held', () =>
    withLake(async (lake) => {
      await publish(lake, { run: 'run-1', minute: 0 });
      const state = await readPointer(lake.store, 'demo');
      await swapPointer(lake.store, { ...state!.pointer, hold: HOLD }, state!.version);
      expect(await publish(lake, { run: 'run-2', minute: 1 })).toMatchObject({ outcome: 'held', generation: 1 });
    }));

  it('takes a lost answer of any write for unknown, not failed: the next attempt finds the truth (P3)', () =>
    withLake(async (lake) => {
      let lose = '';
      const lossy: ObjectStore = altered(lake.store, {
        async swap(...call) {
          const answer = await lake.store.swap(...call);
          if (lose === 'swap') throw new Error('reply lost');
          return lose === 'conflict' ? 'conflict' : answer;
        },
        async putIfAbsent(...call) {
          const answer = await lake.store.putIfAbsent(...call);
          if (lose === 'put' && call[0].endsWith('manifest.json')) throw new Error('reply lost');
          return answer;
        },
      });
      const parts = { store: lossy, scratch: lake.scratch };
      for (const [n, how] of ['swap', 'conflict'].entries()) {
        lose = how;
        expect(await publish(parts, { run: `lost-${how}`, minute: n })).toMatchObject({
          outcome: 'published',
          generation: n + 1,
          again: false,
        });
      }
      lose = 'put';
      await expect(publish(parts, { run: 'lost-put', minute: 5 })).rejects.toThrow('reply lost');
      lose = '';
      expect(await publish(parts, { run: 'lost-put', minute: 5 })).toMatchObject({
        outcome: 'published',
        generation: 3,
      });
    }));

  it('publishes each of many runs at once whole: generations without a gap, one folder each, readers never torn (P2)', () =>
    withLake(async (lake, home) => {
      let writing = true;
      const seen: number[] = [];
      const reader = (async () => {
        while (writing) {
          const current = await readCurrent(lake.store, 'demo');
          if (current === undefined) continue;
          expect(current.warnings).toEqual([]);
          seen.push(current.pointer.generation);
          const ranked = current.manifest.outputs.find(({ name }) => name === 'ranked.csv');
          expect(Buffer.from(await lake.store.get(ranked!.uri)).toString()).toBe(`id\n${current.manifest.run}\n`);
        }
      })();
      const runs = Array.from({ length: 6 }, (_, n) => `run-${n}`);
      const outcomes = await Promise.all(runs.map((run) => publish(lake, { run, minute: 0 })));
      writing = false;
      await reader;
      expect(outcomes.map(({ outcome }) => outcome)).toEqual(runs.map(() => 'published'));
      expect(outcomes.map(({ generation }) => generation).sort()).toEqual([1, 2, 3, 4, 5, 6]);
      expect(seen).toEqual([...seen].sort((a, b) => a - b));
      const { pointer } = (await readPointer(lake.store, 'demo'))!;
      expect(await readFile(join(home, 'outputs/demo/latest/manifest.json'), 'utf8')).toContain(
        `"run": "${pointer.run}"`,
      );
    }));

  it('brings latest and the visible pointer back after a frozen writer put an old one there', () =>
    withLake(async (lake, home) => {
      const first = await publish(lake, { run: 'run-1', minute: 0 });
      const old = await readFile(join(home, pointerKey('demo')));
      await publish(lake, { run: 'run-2', minute: 1 });
      await writeFile(join(home, pointerKey('demo')), old);
      await symlink(join('archive', first.snapshot.snapshot.split('/').at(-1)!), join(home, 'outputs/demo/thawed'));
      await rename(join(home, 'outputs/demo/thawed'), join(home, 'outputs/demo/latest'));
      expect((await readCurrent(lake.store, 'demo'))?.pointer.run).toBe('run-2');
      await publish(lake, { run: 'run-1', minute: 0 });
      expect(await readFile(join(home, 'outputs/demo/latest/ranked.csv'), 'utf8')).toBe('id\nrun-2\n');
      expect(await readFile(join(home, pointerKey('demo')), 'utf8')).toContain('"run": "run-2"');
    }));
});

describe('the current snapshot', () => {
  it('is the nearest whole one, and what was stepped over is said (P7)', () =>
    withLake(async (lake, home) => {
      const runs = ['run-1', 'run-2', 'run-3'];
      const snapshots: string[] = [];
      for (const [minute, run] of runs.entries())
        snapshots.push((await publish(lake, { run, minute })).snapshot.snapshot);
      await truncate(join(home, snapshots[2]!, 'manifest.json'), 100);
      const second = await readCurrent(lake.store, 'demo');
      expect(second).toMatchObject({ manifest: { run: 'run-2' }, pointer: { run: 'run-3' } });
      expect(second?.warnings.join('\n')).toContain(`${snapshots[2]}/manifest.json`);
      await truncate(join(home, snapshots[1]!, 'ranked.csv'), 1);
      expect(await readCurrent(lake.store, 'demo')).toMatchObject({ manifest: { run: 'run-1' } });
      await truncate(join(home, snapshots[0]!, 'manifest.json'), 0);
      await expect(readCurrent(lake.store, 'demo')).rejects.toMatchObject({ code: 'GR-4006' });
      expect(await readCurrent(lake.store, 'other')).toBeUndefined();
    }));

  it('is not mistaken for damaged where the store cannot be reached', () =>
    withLake(async (lake) => {
      await publish(lake, { run: 'run-1', minute: 0 });
      const down = altered(lake.store, { get: () => Promise.reject(new Error('unreachable')) });
      await expect(readCurrent(down, 'demo')).rejects.toThrow('unreachable');
    }));
});

describe('manifests', () => {
  it('of equal runs are equal but for the fields marked volatile', () => {
    const one = {
      ...manifestOf('run-1', '2026-01-01T00:00:00Z'),
      outputs: [{ name: 'report.html', uri: 'a', rows: null, sha256: 'a'.repeat(64), bytes: 1 }],
    };
    const other: Manifest = {
      ...one,
      run: 'run-2',
      trigger: 'schedule',
      started: 'x',
      finished: 'y',
      versions: {},
      generation: 4,
      steps: one.steps.map((step) => ({ ...step, seconds: 9, attempts: 3, reused: true })),
      pipelineMetrics: { ...one.pipelineMetrics!, duration_seconds: 99 },
      outputs: [{ name: 'report.html', uri: 'b', rows: null, sha256: 'b'.repeat(64), bytes: 2 }],
    };
    expect(withoutVolatile(one)).toEqual(withoutVolatile(other));
    expect(withoutVolatile({ ...other, quarantine: { range: 2 } })).not.toEqual(withoutVolatile(one));
    expect(withoutVolatile({ ...other, steps: [{ ...other.steps[0]!, rowsOut: 7 }] })).not.toEqual(
      withoutVolatile(one),
    );
  });

  it('of every run are kept once, listed latest first, and found by the start of the id (S3.11)', () =>
    withLake(async (lake) => {
      const failed: Manifest = {
        ...manifestOf('aa-1', '2026-01-01T00:00:00Z'),
        outcome: 'failed',
        error: { code: 'GR-2001', message: 'x' },
      };
      const ref = await writeRunManifest(lake.store, failed);
      expect(await writeRunManifest(lake.store, { ...failed, outcome: 'published' })).toEqual(ref);
      await writeRunManifest(lake.store, manifestOf('ab-2', '2026-01-02T00:00:00Z'));
      expect((await listRuns(lake.store, 'demo')).map(({ run }) => run)).toEqual(['ab-2', 'aa-1']);
      expect(await listRuns(lake.store, 'demo', { limit: 1 })).toHaveLength(1);
      expect(await readRun(lake.store, 'demo', 'aa')).toMatchObject({ outcome: 'failed', error: { code: 'GR-2001' } });
      await expect(readRun(lake.store, 'demo', 'a')).rejects.toMatchObject({
        code: 'GR-4002',
        message: expect.stringContaining('2 runs') as unknown,
      });
      await expect(readRun(lake.store, 'demo', 'zz')).rejects.toMatchObject({ code: 'GR-4002' });
      expect(await listRuns(lake.store, 'none')).toEqual([]);
    }));

  it('keep fields that they do not know', () =>
    withLake(async (lake) => {
      const newer = { ...manifestOf('aa-1', '2026-01-01T00:00:00Z'), later: { x: 1 } };
      await writeRunManifest(lake.store, newer);
      expect(await readRun(lake.store, 'demo', 'aa')).toMatchObject({ later: { x: 1 } });
    }));
});

describe('the model registry', () => {
  it('numbers versions without a gap under 12 writers, and finds the same bytes again', () =>
    withLake(async ({ store }) => {
      const modelOf = (n: number) => ({
        onnx: { uri: `${n}.onnx`, sha256: String(n % 6).repeat(64), bytes: 1 },
        card: { uri: `${n}.json`, sha256: 'c'.repeat(64), bytes: 1 },
        createdBy: `run-${n}`,
        metrics: { auc: 0.8 },
      });
      const entered = await Promise.all(Array.from({ length: 12 }, (_, n) => registerModel(store, 'demo', modelOf(n))));
      for (let n = 0; n < 6; n++) expect(entered[n]?.version).toBe(entered[n + 6]?.version);
      expect((await listModels(store, 'demo')).map(({ version }) => version)).toEqual([1, 2, 3, 4, 5, 6]);
    }));
});
