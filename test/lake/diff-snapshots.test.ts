import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findSnapshots } from '../../lake/diff-snapshots.js';
import { publish } from './support/publishing.js';
import { withLake } from './support/temporary.js';

const NAMES = ['current', 'previous', '1', 'g2', '3'];

test('snapshots are found by current, previous, generation and folder', () =>
  withLake(async (lake) => {
    await expect(findSnapshots(lake.store, 'demo', ['current'])).rejects.toMatchObject({ code: 'GR-4003' });
    for (const minute of [1, 2, 3]) await publish(lake, { run: `run-${minute}`, minute });
    const found = await findSnapshots(lake.store, 'demo', NAMES);
    expect(found.map(({ ref, manifest }) => [ref.generation, manifest.run])).toEqual(
      [3, 2, 1, 2, 3].map((generation) => [generation, `run-${generation}`]),
    );
    const folder = found[2]?.ref.snapshot ?? '';
    for (const name of [folder, `${folder}/`, folder.replace(/.*\//, '')])
      expect((await findSnapshots(lake.store, 'demo', [name]))[0]?.ref.generation).toBe(1);
    for (const name of ['0', '4', 'first', '', 'archive', folder.slice(0, -1)])
      await expect(findSnapshots(lake.store, 'demo', ['current', name])).rejects.toMatchObject({
        code: 'GR-4010',
        message: expect.stringContaining('generations are 1 to 3'),
      });
  }));

test('there is nothing before the first snapshot', () =>
  withLake(async (lake) => {
    await publish(lake, { run: 'run', minute: 1 });
    await expect(findSnapshots(lake.store, 'demo', ['previous'])).rejects.toMatchObject({
      code: 'GR-4010',
      message: expect.stringContaining('before generation 1'),
    });
  }));

test('a snapshot whose manifest was collected is GR-4004, and hides those behind it only', () =>
  withLake(async (lake, home) => {
    for (const minute of [1, 2, 3]) await publish(lake, { run: `run-${minute}`, minute });
    const [second] = await findSnapshots(lake.store, 'demo', ['2']);
    await rm(join(home, second?.ref.snapshot ?? 'none'), { recursive: true });
    for (const name of ['2', '1'])
      await expect(findSnapshots(lake.store, 'demo', [name])).rejects.toMatchObject({ code: 'GR-4004' });
    expect((await findSnapshots(lake.store, 'demo', ['current']))[0]?.ref.generation).toBe(3);
  }));
