import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { registerModel } from '../../../lake/models.js';
import type { ObjectStore } from '../../../lake/types.js';
import { withFolder } from './temporary.js';

const text = (value: string): Uint8Array => Buffer.from(value);
const plain = (value: Uint8Array | undefined): string => Buffer.from(value ?? []).toString();

async function keysOf(store: ObjectStore, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}

/**
 * What every object store promises, whatever it stands on. `makeStore` gives an empty store, or one under a prefix
 * that nobody else has; `close` is awaited after each test.
 */
export function storeConformance(
  name: string,
  makeStore: () => Promise<{ store: ObjectStore; close(): Promise<void> }>,
): void {
  const withStore = async (work: (store: ObjectStore) => Promise<void>): Promise<void> => {
    const { store, close } = await makeStore();
    try {
      await work(store);
    } finally {
      await close();
    }
  };

  describe(`${name} keeps the promises of an object store`, () => {
    it('lets one of 32 creators of a key win, and keeps what that one wrote', () =>
      withStore(async (store) => {
        for (let round = 0; round < 5; round++) {
          const outcomes = await Promise.all(
            Array.from({ length: 32 }, (_, writer) => store.putIfAbsent(`a/${round}`, text(`writer ${writer}`))),
          );
          const winners = outcomes.flatMap((outcome, writer) => (outcome === 'created' ? [writer] : []));
          expect(winners).toHaveLength(1);
          expect(plain(await store.get(`a/${round}`))).toBe(`writer ${winners[0]}`);
        }
      }));

    it('lets one of 32 swappers of a register win, generation after generation', () =>
      withStore(async (store) => {
        let version = undefined as string | undefined;
        for (let round = 0; round < 5; round++) {
          const expected = version;
          const answers = await Promise.all(
            Array.from({ length: 32 }, (_, writer) => store.swap('r/x.json', text(`${round} ${writer}`), expected)),
          );
          const won = answers.flatMap((answer, writer) => (answer === 'conflict' ? [] : [{ answer, writer }]));
          expect(won).toHaveLength(1);
          const state = await store.read('r/x.json');
          expect(plain(state?.value)).toBe(`${round} ${won[0]?.writer}`);
          expect(state?.version).toBe(won[0]?.answer);
          version = state?.version;
        }
      }));

    it('tells A → B → A apart', () =>
      withStore(async (store) => {
        const first = await store.swap('r', text('A'), undefined);
        const second = await store.swap('r', text('B'), first);
        const third = await store.swap('r', text('A'), second);
        expect(new Set([first, second, third, 'conflict']).size).toBe(4);
        expect(await store.swap('r', text('C'), first)).toBe('conflict');
        expect(await store.swap('r', text('C'), undefined)).toBe('conflict');
        expect(plain((await store.read('r'))?.value)).toBe('A');
      }));

    it('refuses a first swap that expects a state, and answers undefined for an unwritten register', () =>
      withStore(async (store) => {
        expect(await store.read('never/written')).toBeUndefined();
        const other = await store.swap('other', text('x'), undefined);
        expect(await store.swap('never/written', text('x'), other)).toBe('conflict');
        expect(await store.read('never/written')).toBeUndefined();
      }));

    it('lists keys under a prefix in ascending order, with sizes, and nothing of its own', () =>
      withStore(async (store) => {
        const keys = ['p/a', 'p/a-b/1', 'p/a/1', 'p/a/2', 'p/a0', 'p/ab', 'p/b/c/d', 'q'].filter(
          (key) => key !== 'p/a',
        );
        for (const key of [...keys].reverse()) await store.putIfAbsent(key, text(key));
        await store.swap('p/register.json', text('{}'), undefined);
        const all = [...keys, 'p/register.json'].sort();
        const listed: { key: string; bytes: number }[] = [];
        for await (const { key, bytes, modified } of store.list('')) {
          listed.push({ key, bytes });
          expect(modified).toBeInstanceOf(Date);
        }
        expect(listed.map(({ key }) => key)).toEqual(all);
        expect(listed[0]?.bytes).toBe(listed[0]?.key.length);
        expect(await keysOf(store, 'p/a')).toEqual(all.filter((key) => key.startsWith('p/a')));
        expect(await keysOf(store, 'p/a/')).toEqual(['p/a/1', 'p/a/2']);
        expect(await keysOf(store, 'nothing/here/')).toEqual([]);
      }));

    it('replaces an object in the state that was seen, at once, and in no other', () =>
      withStore((store) =>
        withFolder(async (folder) => {
          const stateOf = async (key: string): Promise<string> => (await store.head(key))?.state ?? '';
          const [small, large] = [Buffer.alloc(1000, 1), Buffer.alloc(9 << 20, 2)];
          for (const [key, body] of Object.entries({ small, large })) {
            await store.putIfAbsent(key, text('damaged'));
            const seen = await stateOf(key);
            expect(await store.replace(key, text('other'), seen)).toBe('replaced');
            expect(await store.replace(key, body, seen)).toBe('changed');
            expect(plain(await store.get(key))).toBe('other');
            await writeFile(join(folder, key), body);
            expect(await store.replace(key, { path: join(folder, key) }, await stateOf(key))).toBe('replaced');
            expect(Buffer.compare(await store.get(key), body)).toBe(0);
            const last = await stateOf(key);
            await store.delete(key);
            expect(await store.replace(key, body, last)).toBe('changed');
            expect(await store.head(key)).toBeUndefined();
          }
        }),
      ));

    it('shows the old bytes or the new ones, whole, while an object is replaced', () =>
      withStore(async (store) => {
        const [a, b] = [Buffer.alloc(200_000, 1), Buffer.alloc(200_000, 2)];
        await store.putIfAbsent('x', a);
        let over = false;
        let looks = 0;
        const read = async (): Promise<void> => {
          for (; !over; looks++) {
            const bytes = await store.get('x');
            expect(Buffer.compare(bytes, a) === 0 || Buffer.compare(bytes, b) === 0).toBe(true);
          }
        };
        const reading = Promise.all([read(), read()]);
        try {
          for (let round = 1; round <= 20 || looks < 20; round++) {
            const state = (await store.head('x'))?.state ?? '';
            expect(await store.replace('x', round % 2 === 0 ? a : b, state)).toBe('replaced');
          }
        } finally {
          over = true;
          await reading;
        }
      }));

    it('shows what is under one name under another, whole, and nothing that was there before', () =>
      withStore(async (store) => {
        const [big, other] = [randomBytes(12 << 20), randomBytes(11 << 20)];
        await store.putIfAbsent('snapshots/a/big', big);
        await store.putIfAbsent('snapshots/a/old', text('old'));
        await store.putIfAbsent('snapshots/a/manifest.json', text('a'));
        await store.putIfAbsent('snapshots/b/big', other);
        await store.putIfAbsent('snapshots/b/manifest.json', text('b'));
        await store.alias?.('latest', 'snapshots/a');
        expect(Buffer.compare(await store.get('latest/big'), big)).toBe(0);
        await store.alias?.('latest', 'snapshots/b');
        expect(Buffer.compare(await store.get('latest/big'), other)).toBe(0);
        expect(plain(await store.get('latest/manifest.json'))).toBe('b');
        expect(await store.head('latest/old')).toBeUndefined();
        expect(Buffer.compare(await store.get('snapshots/a/big'), big)).toBe(0);
      }));

    it('says of what is absent that it is absent', () =>
      withStore((store) =>
        withFolder(async (folder) => {
          await store.putIfAbsent('d/x', text('x'));
          expect(await store.head('nope')).toBeUndefined();
          expect(await store.head('d/x/deeper')).toBeUndefined();
          await expect(store.get('nope')).rejects.toMatchObject({ code: 'GR-4004' });
          await expect(store.download('d/nope', join(folder, 'f'))).rejects.toMatchObject({ code: 'GR-4004' });
          await store.delete('nope');
          await store.delete('d/x');
          await store.delete('d/x');
          expect(await store.head('d/x')).toBeUndefined();
          expect(await store.putIfAbsent('d/x', text('again'))).toBe('created');
        }),
      ));

    it('carries a body of 24 MB and an empty one whole, from memory and from a file, there and back', () =>
      withStore((store) =>
        withFolder(async (folder) => {
          const big = randomBytes(24 << 20);
          await writeFile(join(folder, 'big'), big);
          expect(await store.putIfAbsent('big/file', { path: join(folder, 'big') })).toBe('created');
          expect(await store.putIfAbsent('big/bytes', big)).toBe('created');
          expect(await store.putIfAbsent('empty', new Uint8Array())).toBe('created');
          expect(await store.head('big/file')).toMatchObject({ bytes: big.length });
          expect(Buffer.compare(await store.get('big/file'), big)).toBe(0);
          await store.download('big/bytes', join(folder, 'back'));
          expect(Buffer.compare(await readFile(join(folder, 'back')), big)).toBe(0);
          expect(await store.head('empty')).toMatchObject({ bytes: 0 });
          expect(await readFile(join(folder, 'big'))).toHaveLength(big.length);
        }),
      ));

    it.each([
      '',
      '/etc/passwd',
      '../x',
      'a/../../x',
      'a//b',
      './a',
      'a\\b',
      'a\0b',
      '.hidden/x',
      'a/',
      `${'x'.repeat(300)}`,
    ])('refuses the key %j for every call', (key) =>
      withStore(async (store) => {
        await expect(store.putIfAbsent(key, text('x'))).rejects.toMatchObject({ code: 'GR-5004' });
        await expect(store.replace(key, text('x'), '')).rejects.toMatchObject({ code: 'GR-5004' });
        await expect(store.get(key)).rejects.toMatchObject({ code: 'GR-5004' });
        await expect(store.swap(key, text('x'), undefined)).rejects.toMatchObject({ code: 'GR-5004' });
        await expect(store.delete(key)).rejects.toMatchObject({ code: 'GR-5004' });
      }),
    );

    it('ends with the reason of its signal', () =>
      withStore(async (store) => {
        const signal = AbortSignal.abort(new Error('enough'));
        await expect(store.putIfAbsent('x', text('x'), { signal })).rejects.toThrow('enough');
        expect(await store.head('x')).toBeUndefined();
      }));

    it('lets a caller recognise its own write whose answer was lost', () =>
      withStore(async (store) => {
        const lossy: ObjectStore = Object.create(store, {
          swap: {
            async value(...call: Parameters<ObjectStore['swap']>) {
              await store.swap(...call);
              throw new Error('connection reset');
            },
          },
          read: { value: store.read.bind(store) },
        });
        const model = {
          onnx: { uri: 'm.onnx', sha256: 'a'.repeat(64), bytes: 1 },
          card: { uri: 'card.json', sha256: 'b'.repeat(64), bytes: 1 },
          createdBy: 'run',
          metrics: { auc: 0.8 },
        };
        await expect(registerModel(lossy, 'demo', model)).rejects.toThrow('connection reset');
        expect(await registerModel(store, 'demo', model)).toMatchObject({ version: 1 });
        expect(
          await registerModel(store, 'demo', { ...model, onnx: { ...model.onnx, sha256: 'c'.repeat(64) } }),
        ).toMatchObject({ version: 2 });
      }));
  });
}
