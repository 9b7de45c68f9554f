import { expect, test } from 'vitest';
import { loadPipeline } from '../../config/load.js';
import { applyOverrides } from '../../config/overrides.js';
import { failureOf } from './support.js';

const { pipeline } = await loadPipeline('ev-sites');

test('declared parameters and those of candidates are replaced in a copy (S0.14)', () => {
  const before = structuredClone(pipeline);
  const patched = applyOverrides(pipeline, { cut: '170000', until: 180000, 'candidates.ridge.alpha': '2.5e0' });
  expect(patched.parameters).toEqual({ cut: 170000, until: 180000 });
  expect(patched.train?.candidates.ridge).toEqual({ learner: 'ridge', alpha: 2.5 });
  expect(patched.cutoffs).toEqual(pipeline.cutoffs);
  expect(pipeline).toEqual(before);
});

test('types are kept, and truths are read from words', () => {
  const mixed = { ...pipeline, parameters: { flag: true, name: 'a', count: 1 } };
  expect(applyOverrides(mixed, { flag: 'false', name: '7' }).parameters).toEqual({ flag: false, name: '7', count: 1 });
});

test('all faults come at once as GR-1004, with the name that was meant', async () => {
  const error = await failureOf(() =>
    applyOverrides(pipeline, {
      cutt: 1,
      until: 'soon',
      cut: '',
      'candidates.ridge.learner': 'forest',
      'candidates.ridge.alhpa': 1,
    }),
  );
  expect(error.code).toBe('GR-1004');
  expect(error.where.map(({ note }) => note)).toEqual([
    'no parameter `cutt`; meant `cut`?',
    '`until`: expected a number; found `soon`',
    '`cut`: expected a number; found ``',
    expect.stringMatching(/^no parameter `candidates.ridge.learner`; there are cut, until, candidates.ridge.alpha, /),
    'no parameter `candidates.ridge.alhpa`; meant `candidates.ridge.alpha`?',
  ]);
});

test.each(['0x10', '1e999', 'NaN', 'Infinity', '9007199254740993', ' ', 'true'])('%s is no number', async (text) => {
  expect((await failureOf(() => applyOverrides(pipeline, { cut: text }))).code).toBe('GR-1004');
});

test.each(['constructor', '__proto__', 'toString', 'candidates.__proto__.x', 'parameters.cut'])(
  '%s is no parameter',
  async (name) => {
    const overrides = Object.fromEntries([[name, 1]]);
    expect((await failureOf(() => applyOverrides(pipeline, overrides))).code).toBe('GR-1004');
  },
);
