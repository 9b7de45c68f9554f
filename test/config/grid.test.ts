import { expect, test } from 'vitest';
import { spreadGrids } from '../../config/definition/model.js';

test('S4.6: every combination of a grid competes under a name of its own, in the order of the grid', () => {
  const spread = spreadGrids({
    plain: { learner: 'ridge', alpha: 1 },
    trees: { learner: 'forest', seed: 7, grid: { numIterations: [50, 100], maxDepth: [8, 16] } },
  });
  expect(spread).toEqual({
    plain: { learner: 'ridge', alpha: 1 },
    trees_1: { learner: 'forest', seed: 7, numIterations: 50, maxDepth: 8 },
    trees_2: { learner: 'forest', seed: 7, numIterations: 50, maxDepth: 16 },
    trees_3: { learner: 'forest', seed: 7, numIterations: 100, maxDepth: 8 },
    trees_4: { learner: 'forest', seed: 7, numIterations: 100, maxDepth: 16 },
  });
});

test('S4.6: a grid that nobody could wait for is GR-1003', () => {
  const many = Array.from({ length: 20 }, (_, i) => i + 1);
  const candidates = { trees: { learner: 'forest', grid: { numIterations: many, maxDepth: many } } };
  expect(() => spreadGrids(candidates)).toThrow(expect.objectContaining({ code: 'GR-1003' }));
});
