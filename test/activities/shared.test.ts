import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Shared } from '../../activities/shared.js';

const later = <T>(value: T): Promise<T> => new Promise((resolve) => setImmediate(() => resolve(value)));

test('a value is made once for all who ask for it at the same moment, and for those who ask later', async () => {
  const shared = new Shared<number>(10, () => 1);
  let made = 0;
  const make = () => later(++made);
  expect(await Promise.all([shared.get('a', make), shared.get('a', make), shared.get('b', make)])).toEqual([1, 1, 2]);
  expect(await shared.get('a', make)).toBe(1);
});

test('what one asker failed to make is made by the next, also by those who waited for the first', async () => {
  const shared = new Shared<string>(10, () => 1);
  const failing = shared.get('a', () => later('').then(() => Promise.reject(new Error('given up'))));
  let made = 0;
  const waiting = [1, 2].map(() => shared.get('a', () => later(`made ${++made}`)));
  await expect(failing).rejects.toThrow('given up');
  expect(await Promise.all(waiting)).toEqual(['made 1', 'made 1']);
});

test('what is kept never weighs more than it may, but for the value asked for last, and stays right', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(6), { maxLength: 60 }), fc.integer({ min: 1, max: 12 }), async (asked, most) => {
      const shared = new Shared<number>(most, (value) => value + 1);
      for (const value of asked) {
        expect(await shared.get(String(value), async () => value)).toBe(value);
        const kept = [0, 1, 2, 3, 4, 5, 6].filter((one) => shared.has(String(one)));
        expect(kept).toContain(value);
        const weight = kept.reduce((sum, one) => sum + one + 1, 0);
        expect(weight <= most || kept.length === 1).toBe(true);
      }
    }),
    { seed: 4, numRuns: 100 },
  );
});
