import { appendFile, mkdir, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fetchBytes, fetchFile, putArtifact } from '../../lake/artifacts.js';
import { FolderStore } from '../../lake/folder-store.js';
import { sha256Of } from '../../lake/hashing.js';
import { doubt } from '../../lake/known.js';
import { processName } from '../../lake/processes.js';
import { Scratch } from '../../lake/scratch.js';
import type { Artifact, ObjectStore } from '../../lake/types.js';
import { withFolder } from './support/temporary.js';

const text = (value: string): Uint8Array => Buffer.from(value);

async function flipBit(path: string): Promise<void> {
  const bytes = await readFile(path);
  bytes[bytes.length >> 1]! ^= 1;
  await writeFile(path, bytes);
}

describe('artifacts', () => {
  it('lie under the digest of their bytes, and are the same however often they are put', () =>
    withFolder(async (folder) => {
      const store = await FolderStore.open(folder);
      const sha256 = sha256Of('hello');
      const ref = await putArtifact(store, 'lake/demo/raw', text('hello'), 'csv');
      expect(ref).toEqual({ uri: `lake/demo/raw/2c/${sha256}.csv`, sha256, bytes: 5 });
      await writeFile(join(folder, 'file'), 'hello');
      expect(await putArtifact(store, 'lake/demo/raw', { path: join(folder, 'file') }, 'csv')).toEqual(ref);
      expect(Buffer.from(await fetchBytes(store, ref)).toString()).toBe('hello');
    }));

  it('are never served with one flipped bit, a byte short or long: the error names the object', () =>
    withFolder(async (folder) => {
      const store = await FolderStore.open(folder);
      for (const damage of [flipBit, (path: string) => truncate(path, 4), (path: string) => appendFile(path, 'x')]) {
        const ref = await putArtifact(store, 'p', text(`hello ${damage.toString()}`), 'txt');
        await damage(join(folder, ref.uri));
        const refused = { code: 'GR-4005', message: expect.stringContaining(ref.uri) as unknown };
        await expect(fetchBytes(store, ref)).rejects.toMatchObject(refused);
        await expect(fetchFile(store, ref, join(folder, `local-${ref.sha256}`))).rejects.toMatchObject(refused);
      }
    }));

  it('met damaged by a second put are replaced whole, whatever became of their bytes', () =>
    withFolder(async (folder) => {
      const store = await FolderStore.open(folder);
      const ref = await putArtifact(store, 'p', text('hello'), 'txt');
      for (const damage of [flipBit, (path: string) => truncate(path, 2), (path: string) => rm(path)]) {
        await damage(join(folder, ref.uri));
        expect(await putArtifact(store, 'p', text('hello'), 'txt')).toEqual(ref);
        expect(Buffer.from(await fetchBytes(store, ref)).toString()).toBe('hello');
      }
    }));

  it('too large to be read at each put are read again where somebody read other bytes of them, and replaced', () =>
    withFolder(async (folder) => {
      const store = await FolderStore.open(folder);
      const bytes = Buffer.alloc((64 << 20) + 1, 7);
      await writeFile(join(folder, 'file'), bytes);
      const body = { path: join(folder, 'file'), link: false };
      const ref = await putArtifact(store, 'p', body, 'bin');
      await flipBit(join(folder, ref.uri));
      await putArtifact(store, 'p', body, 'bin');
      await expect(fetchFile(store, ref, join(folder, 'copy'))).rejects.toMatchObject({ code: 'GR-4005' });
      doubt(store, ref.uri);
      await putArtifact(store, 'p', body, 'bin');
      await fetchFile(store, ref, join(folder, 'mended'));
      expect(await readdir(folder)).not.toContain('file.standing');
    }));
});

const withScratch = (
  bytes: number,
  work: (scratch: Scratch, store: ObjectStore, folder: string) => Promise<void>,
): Promise<void> =>
  withFolder(async (folder) => {
    const store = await FolderStore.open(join(folder, 'store'));
    const scratch = await Scratch.open({ store, root: join(folder, 'scratch'), bytes });
    await work(scratch, store, folder);
    await scratch.close();
    expect(await readdir(join(folder, 'scratch'))).toEqual([]);
  });

const objectsOf = (scratch: Scratch): Promise<string[]> => readdir(join(scratch.dir, 'objects'));

describe('the scratch folder', () => {
  it('keeps what is used, drops the least recently used above its bound, and fetches it again', () =>
    withScratch(250, async (scratch, store) => {
      const refs: Artifact[] = [];
      for (let n = 0; n < 4; n++) refs.push(await putArtifact(store, 'p', Buffer.alloc(100, n), 'bin'));
      const [a, b, c, d] = refs as [Artifact, Artifact, Artifact, Artifact];
      const first = await scratch.hold(a);
      await scratch.use(b, async () => undefined);
      await scratch.use(c, async () => undefined);
      expect((await objectsOf(scratch)).map((name) => name.slice(0, 64)).sort()).toEqual([a.sha256, c.sha256].sort());
      const second = await scratch.hold(c);
      await scratch.use(d, async (path) => expect(await readFile(path)).toEqual(Buffer.alloc(100, 3)));
      expect(await readFile(first.path)).toEqual(Buffer.alloc(100, 0));
      first.release();
      first.release();
      second.release();
      await scratch.use(b, async () => undefined);
      expect(await objectsOf(scratch)).toHaveLength(2);
    }));

  it('fetches an object once for all who wait for it, and again for those left when the first gives up', () =>
    withScratch(1e6, async (scratch, store) => {
      const ref = await putArtifact(store, 'p', text('hello'), 'txt');
      const giveUp = new AbortController();
      const first = scratch.hold(ref, { signal: giveUp.signal });
      const others = Array.from({ length: 10 }, () => scratch.hold(ref));
      giveUp.abort(new Error('cancelled'));
      await first.catch((error: unknown) => expect(error).toMatchObject({ message: 'cancelled' }));
      const paths = new Set((await Promise.all(others)).map(({ path }) => path));
      expect(paths.size).toBe(1);
      expect(await objectsOf(scratch)).toHaveLength(1);
    }));

  it('hashes a file again that changed since it was checked, and never gives a damaged one', () =>
    withScratch(1e6, async (scratch, store, folder) => {
      const ref = await putArtifact(store, 'p', text('hello'), 'txt');
      await scratch.use(ref, async () => undefined);
      await utimes(join(folder, 'store', ref.uri), 1, 1);
      await scratch.use(ref, async (path) => expect(await readFile(path, 'utf8')).toBe('hello'));
      await flipBit(join(folder, 'store', ref.uri));
      await expect(scratch.hold(ref)).rejects.toMatchObject({ code: 'GR-4005' });
      await putArtifact(store, 'p', text('hello'), 'txt');
      await scratch.use(ref, async (path) => expect(await readFile(path, 'utf8')).toBe('hello'));
    }));

  it('captures a file once: digest and bytes are of one reading', () =>
    withScratch(1e6, async (scratch, store, folder) => {
      await writeFile(join(folder, 'input.csv'), 'a,b\n1,2\n');
      const captured = await scratch.capture(join(folder, 'input.csv'), 'csv');
      await writeFile(join(folder, 'input.csv'), 'other');
      const ref = await putArtifact(store, 'raw', { path: captured.path, link: true }, 'csv');
      expect(ref).toMatchObject({ sha256: captured.sha256, bytes: 8 });
      await scratch.adopt(captured.path, ref);
      expect(Buffer.from(await fetchBytes(store, ref)).toString()).toBe('a,b\n1,2\n');
      await expect(scratch.capture(join(folder, 'absent'), 'csv')).rejects.toMatchObject({ code: 'GR-4004' });
    }));

  it('removes the folders of dead processes when it opens, and leaves those of live ones', () =>
    withFolder(async (folder) => {
      const root = join(folder, 'scratch');
      const store = await FolderStore.open(join(folder, 'store'));
      const live = await Scratch.open({ store, root, bytes: 1 });
      const dead = processName().replace(/-\d+-\d+$/, '-4194305-1');
      const reused = processName().replace(/-\d+$/, '-1');
      await mkdir(join(root, `${dead}-00000000`, 'objects'), { recursive: true });
      await mkdir(join(root, `${reused}-00000000`));
      await mkdir(join(root, '00000000-1-1-00000000'));
      const scratch = await Scratch.open({ store, root, bytes: 1 });
      const left = await readdir(root);
      expect(left).not.toContain(`${dead}-00000000`);
      if (process.platform === 'linux') expect(left).not.toContain(`${reused}-00000000`);
      expect(left).toContain('00000000-1-1-00000000');
      await stat(live.dir);
      await scratch.close();
    }));
});
