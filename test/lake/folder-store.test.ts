import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makerOf, storeError } from '../../lake/durable.js';
import { copyInPlace } from '../../lake/folder-alias.js';
import { FolderStore } from '../../lake/folder-store.js';
import { storeConformance } from './support/store-conformance.js';
import { withFolder } from './support/temporary.js';

storeConformance('a folder', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'georefresh-store-'));
  return { store: await FolderStore.open(join(folder, 'new', 'home')), close: () => rm(folder, { recursive: true }) };
});

const text = (value: string): Uint8Array => Buffer.from(value);

it('copies a file body, so that a later edit of the file leaves the object alone; with link it shares it', () =>
  withFolder(async (folder) => {
    const store = await FolderStore.open(join(folder, 'home'));
    const path = join(folder, 'source');
    await writeFile(path, 'before');
    await store.putIfAbsent('copied', { path });
    await store.putIfAbsent('linked', { path, link: true });
    expect((await stat(join(folder, 'home', 'linked'))).ino).toBe((await stat(path)).ino);
    await writeFile(path, 'AFTER!');
    expect(Buffer.from(await store.get('copied')).toString()).toBe('before');
    expect(await store.putIfAbsent('linked', { path, link: true })).toBe('exists');
  }));

it('downloads a copy, or with link the same file', () =>
  withFolder(async (folder) => {
    const store = await FolderStore.open(join(folder, 'home'));
    await store.putIfAbsent('x', text('x'));
    await store.download('x', join(folder, 'copy'));
    await store.download('x', join(folder, 'link'), { link: true });
    expect((await stat(join(folder, 'copy'))).nlink).toBe(1);
    expect((await stat(join(folder, 'link'))).nlink).toBe(2);
    await expect(store.download('x', join(folder, 'copy'))).rejects.toMatchObject({ code: 'GR-5002' });
  }));

it('refuses links that lead out of the root, follows those inside, and lists neither', () =>
  withFolder(async (folder) => {
    const store = await FolderStore.open(join(folder, 'home'));
    await mkdir(join(folder, 'secret'));
    await writeFile(join(folder, 'secret', 'key'), 'secret');
    await store.putIfAbsent('in/x', text('x'));
    await symlink(join(folder, 'secret'), join(folder, 'home', 'out'));
    await symlink(join(folder, 'secret', 'key'), join(folder, 'home', 'file'));
    await symlink('in', join(folder, 'home', 'alias'));
    for (const work of [
      () => store.get('out/key'),
      () => store.get('file'),
      () => store.putIfAbsent('out/new', text('x')),
      () => store.putIfAbsent('out/deep/new', text('x')),
      () => store.swap('out/r', text('x'), undefined),
      () => store.delete('out/key'),
      () => store.head('out/key'),
      () => store.download('file', join(folder, 'stolen')),
    ])
      await expect(work()).rejects.toMatchObject({ code: 'GR-5004' });
    expect(await readdir(join(folder, 'secret'))).toEqual(['key']);
    expect(Buffer.from(await store.get('alias/x')).toString()).toBe('x');
    const keys: string[] = [];
    for await (const { key } of store.list('')) keys.push(key);
    expect(keys).toEqual(['in/x']);
  }));

it('writes again after its folder was collected', () =>
  withFolder(async (folder) => {
    const store = await FolderStore.open(folder);
    await store.putIfAbsent('a/b/x', text('x'));
    await rm(join(folder, 'a'), { recursive: true });
    expect(await store.putIfAbsent('a/b/x', text('x'))).toBe('created');
  }));

it('leaves no file in the making behind, and names them so that those of dead processes can be told', () =>
  withFolder(async (folder) => {
    const store = await FolderStore.open(folder);
    await Promise.all(Array.from({ length: 20 }, () => store.putIfAbsent('x', text('x'))));
    await expect(store.putIfAbsent('y', { path: join(folder, 'absent') })).rejects.toMatchObject({ code: 'GR-4004' });
    expect(await readdir(folder)).toEqual(['x']);
    expect(makerOf('.tmp-123-0123456789abcdef')).toBe(123);
    expect(makerOf('x.json')).toBeUndefined();
  }));

it.each([
  ['ENOENT', 'GR-4004'],
  ['ENOSPC', 'GR-5003'],
  ['EDQUOT', 'GR-5003'],
  ['EACCES', 'GR-5004'],
  ['EROFS', 'GR-5004'],
  ['EIO', 'GR-5002'],
  ['EMFILE', 'GR-5002'],
])('calls %s %s', (system, code) => {
  expect(storeError(Object.assign(new Error('x'), { code: system }), 'writing x')).toMatchObject({ code });
});

it.skipIf(process.getuid?.() === 0)('says that access is refused (skipped as root, whom nothing is refused)', () =>
  withFolder(async (folder) => {
    const store = await FolderStore.open(folder);
    await chmod(folder, 0o500);
    await expect(store.putIfAbsent('x', text('x'))).rejects.toMatchObject({ code: 'GR-5004' });
    await chmod(folder, 0o700);
  }),
);

it('replaces the alias of a folder by rename, also over a real folder, and copies where links are refused', () =>
  withFolder(async (folder) => {
    const store = await FolderStore.open(folder);
    await store.putIfAbsent('archive/1/manifest.json', text('one'));
    await store.putIfAbsent('archive/2/manifest.json', text('two'));
    await store.putIfAbsent('archive/2/sub/x', text('x'));
    await store.alias('latest', 'archive/1');
    await store.alias('latest', 'archive/2');
    expect(await readFile(join(folder, 'latest', 'manifest.json'), 'utf8')).toBe('two');
    await copyInPlace(join(folder, 'latest'), join(folder, 'archive', '1'));
    expect((await stat(join(folder, 'latest', 'manifest.json'))).ino).not.toBe(
      (await stat(join(folder, 'archive/1/manifest.json'))).ino,
    );
    await copyInPlace(join(folder, 'latest'), join(folder, 'archive', '2'));
    expect(await readFile(join(folder, 'latest', 'sub', 'x'), 'utf8')).toBe('x');
    await store.alias('latest', 'archive/1');
    expect(await readFile(join(folder, 'latest', 'manifest.json'), 'utf8')).toBe('one');
    expect((await readdir(folder)).sort()).toEqual(['archive', 'latest']);
  }));
