import fc from 'fast-check';
import { expect, test } from 'vitest';
import { editDistance, nearest } from '../../config/documents/nearest.js';

/** The definition, without a table: what the first letters may have become. */
const slowDistance = (a: string, b: string): number => {
  if (a === '' || b === '') return a.length + b.length;
  const options = [
    slowDistance(a.slice(1), b) + 1,
    slowDistance(a, b.slice(1)) + 1,
    slowDistance(a.slice(1), b.slice(1)) + (a[0] === b[0] ? 0 : 1),
  ];
  if (a.length > 1 && b.length > 1 && a[0] === b[1] && a[1] === b[0])
    options.push(slowDistance(a.slice(2), b.slice(2)) + 1);
  return Math.min(...options);
};

test('the distance is that of its definition', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 6 });
  fc.assert(fc.property(word, word, (a, b) => editDistance(a, b) === slowDistance(a, b)));
});

test('a near name is found, a far one is not, and a very long one is not compared', () => {
  expect(nearest('schedul', ['title', 'schedule'])).toBe('schedule');
  expect(nearest('Snapshost', ['days', 'snapshots'])).toBe('snapshots');
  expect(nearest('foo', ['from', 'uses'])).toBeUndefined();
  expect(nearest('x'.repeat(1000), ['x'.repeat(1000)])).toBeUndefined();
});
