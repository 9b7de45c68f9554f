import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { projectRoot } from '../../../config/root.js';

/** So many rows that a thread which waits for another falls asleep. */
const ROWS = 300_000;

/** Prints the digests of one model each by one thread, two and four. */
const PROGRAM = `
import { createHash } from 'node:crypto';
import { fit, toOnnx } from ${JSON.stringify(pathToFileURL(join(projectRoot(), 'dist/activities/train/learn.js')))};
let state = 7;
const draw = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
const features = Array.from({ length: 12 }, (_, f) => ({ name: 'x' + f, values: Float32Array.from({ length: ${ROWS} }, draw) }));
const target = Float64Array.from({ length: ${ROWS} }, (_, i) => 10 * features[0].values[i] + 20 * features[7].values[i] ** 2 + draw());
const digests = [];
for (const numThreads of [2, 4, 1]) {
  const model = await fit({ features, target }, { learner: 'gbdt', numIterations: 3, numThreads });
  digests.push(createHash('sha256').update(toOnnx(model)).digest('hex'));
}
console.log(JSON.stringify(digests));
`;

test.each(['--liftoff-only', '--no-liftoff'])(
  'threads that fell asleep wake to the same model, whichever compiler of the engine is through (%s) (S1.4)',
  async (flag) => {
    const { stdout } = await promisify(execFile)(process.execPath, [flag, '--input-type=module', '-e', PROGRAM]);
    const digests: unknown = JSON.parse(stdout);
    expect(digests).toHaveLength(3);
    expect(new Set(digests as string[]).size).toBe(1);
  },
  120_000,
);
