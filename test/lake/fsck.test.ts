import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { putArtifact } from '../../lake/artifacts.js';
import { collect } from '../../lake/collect.js';
import { examineLake } from '../../lake/fsck.js';
import type { Lake } from '../../lake/lake.js';
import { registerModel } from '../../lake/models.js';
import { readPointer } from '../../lake/pointer.js';
import { readManifest } from '../../lake/read-manifest.js';
import { writeRunManifest } from '../../lake/runs.js';
import { publish } from './support/publishing.js';
import { withLake } from './support/temporary.js';

/** A lake with two generations, a model and the manifests of their runs. */
async function fill(lake: Lake): Promise<{ model: string }> {
  for (let minute = 1; minute <= 2; minute++) await publish(lake, { run: `run-${minute}`, minute });
  const [onnx, card] = [
    await putArtifact(lake.store, 'lake/demo/models', Buffer.from('onnx'), 'onnx'),
    await putArtifact(lake.store, 'lake/demo/models', Buffer.from('card'), 'md'),
  ];
  await registerModel(lake.store, 'demo', { onnx, card, createdBy: 'run-1', metrics: {} });
  const state = await readPointer(lake.store, 'demo');
  if (state !== undefined) await writeRunManifest(lake.store, await readManifest(lake.store, state.pointer));
  return { model: onnx.uri };
}

it('finds nothing wrong with a lake that is whole, nor with one that was collected', () =>
  withLake(async (lake) => {
    expect(await examineLake(lake, 'demo')).toMatchObject({ generation: 0, objects: 0, faults: [] });
    await fill(lake);
    expect(await examineLake(lake, 'demo')).toMatchObject({ generation: 2, floor: 1, faults: [] });
    const retention = { snapshots: { count: 1, age: 0 }, runs: { count: 1, age: 0 }, results: { age: 0 } };
    await collect({ lake, pipeline: 'demo', retention, now: Date.parse('2027-01-01'), id: 'gc' });
    expect(await examineLake(lake, 'demo')).toMatchObject({ generation: 2, floor: 2, faults: [] });
  }));

it('names each kind of object of which one bit was flipped, or that is gone (P7, F25, F26)', () =>
  withLake(async (lake, home) => {
    const { model } = await fill(lake);
    const state = await readPointer(lake.store, 'demo');
    if (state === undefined) throw new Error('nothing was published');
    const { pointer } = state;
    const before = pointer.predecessor;
    const texts = async (): Promise<string> =>
      (await examineLake(lake, 'demo')).faults.map(({ text }) => text).join('\n');
    const kinds: Record<string, string> = {
      'an output': `${pointer.snapshot}/ranked.csv`,
      'an output of an older generation': `${before?.snapshot}/report.html`,
      'the manifest of the current snapshot': pointer.manifest.uri,
      'the manifest of an older one': before?.manifest.uri ?? '',
      'a model': model,
      'what is shown of the pointer': 'lake/demo/state/current.json',
      'the pointer': 'lake/demo/state/.current.json.versions/000000000002',
    };
    for (const [kind, key] of Object.entries(kinds)) {
      const path = join(home, key);
      const good = await readFile(path);
      const bad = Buffer.from(good);
      const at = bad.length >> 1;
      bad[at] = (bad[at] as number) ^ 1;
      await writeFile(path, bad);
      expect(await texts(), kind).toContain(kind === 'the pointer' ? 'state 2 of' : key);
      await rm(path);
      if (kind !== 'the pointer') expect(await texts(), kind).toContain(key);
      await writeFile(path, good);
      expect((await examineLake(lake, 'demo')).faults, kind).toEqual([]);
    }
  }));
