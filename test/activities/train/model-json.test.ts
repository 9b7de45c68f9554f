import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Model } from '../../../activities/train/learner.js';
import { decodeModelJson, encodeModelJson } from '../../../activities/train/model-json.js';
import { failure } from './support.js';

/** Bits of a number: NaN equals itself, and 0 is not -0. */
const bitsOf = (values: Float64Array): bigint[] => [...new BigUint64Array(values.slice().buffer)];

test('a model comes back from JSON with every bit of its arrays', () => {
  const odd = [Number.NaN, -0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.MIN_VALUE, 0.1];
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.double(), fc.constantFrom(...odd))), (numbers) => {
      const weights = Float64Array.from(numbers);
      // A view into the middle of a buffer must not bring the rest along.
      const model = {
        learner: 'ridge',
        features: ['a'],
        nested: [{ weights }],
        bytes: Uint8Array.of(1, 2, 3, 4).subarray(1, 3),
      };
      const back = decodeModelJson(encodeModelJson(model as unknown as Model)) as unknown as typeof model;
      expect(bitsOf(back.nested[0]!.weights)).toEqual(bitsOf(weights));
      expect(back.bytes).toEqual(Uint8Array.of(2, 3));
      expect(back.features).toEqual(['a']);
    }),
    { seed: 6 },
  );
});

test('bytes that are cut or changed are a model or GR-3008, never another error', async () => {
  const model = { learner: 'ridge', features: ['a'], weights: Float64Array.of(1, 2, 3) };
  const whole = encodeModelJson(model as unknown as Model);
  const halves = Array.from(whole, (_, end) => whole.subarray(0, end));
  for (const bytes of halves) expect(await failure(() => decodeModelJson(bytes))).toMatchObject({ code: 'GR-3008' });
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, byte) => {
      const changed = whole.map((own, i) => (i === at ? byte : own));
      try {
        expect(decodeModelJson(changed)).toBeDefined();
      } catch (error) {
        expect(error).toMatchObject({ code: 'GR-3008' });
      }
    }),
    { seed: 6 },
  );
});
