/**
 * How long a fit goes on when it is cancelled: cancel.ts FOLDER THREADS TIMES; prints one JSON object, the longest of `TIMES`
 * moments for each learner in ms. Counted from the moment at which the signal was due, so that a blocked thread shows.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type FitOptions, fit } from '../../activities/train/learn.js';
import { codeOf } from '../../config/errors.js';
import { readSplit } from './read.js';

const [folder = '.', threads = '2', times = '8'] = process.argv.slice(2);
const train = await readSplit(folder, 'train');
// The categories would be levels above what a logistic regression or a forest is asked here.
const plain = train.features.map(({ name, values }) => ({ name, values }));
const classes = Float64Array.from(train.target, (value) => (value > 15 ? 1 : 0));
const numThreads = Number(threads);
const LEARNERS: FitOptions[] = [
  { learner: 'gbdt', numIterations: 1000 },
  { learner: 'forest', numIterations: 100 },
  { learner: 'tree' },
  { learner: 'logistic' },
  { learner: 'ridge' },
];
/** The moments lie between the start and this, ms; most fits take longer. */
const LAST_MS = 4000;

const longest: Record<string, number> = {};
for (const options of LEARNERS) {
  const { learner } = options;
  const data =
    learner === 'gbdt' ? train : { features: plain, target: learner === 'logistic' ? classes : train.target };
  let most = 0;
  for (let i = 0; i < Number(times); i++) {
    const control = new AbortController();
    const due = performance.now() + (LAST_MS * (i + 0.5)) / Number(times);
    const abort = sleep(due - performance.now()).then(() => control.abort());
    const code = await fit(data, { ...options, numThreads, signal: control.signal }).then(() => undefined, codeOf);
    const late = performance.now() - due;
    // A fit that ended before its signal says nothing.
    if (code === 'GR-3006') most = Math.max(most, late);
    await abort;
  }
  longest[learner] = most;
}
process.stdout.write(JSON.stringify({ longest }));
