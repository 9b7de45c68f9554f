/** Speed against a peer, run in turn on the same machine: npm run bench -- NAME [--rounds N] [--json]. */
const BENCHES: Record<string, { summary: string; load: () => Promise<{ run(options: BenchOptions): Promise<void> }> }> =
  {
    'ev-sites': {
      summary: 'from request to features, and the spatial kernels, against Python (needs the real files)',
      load: () => import('./ev-sites/bench.js'),
    },
    'ev-demand': {
      summary: 'windows over many series, and the hourly forecast, against Python (needs the real files)',
      load: () => import('./ev-demand/bench.js'),
    },
    energy: {
      summary:
        'bronze to gold against pandas and polars, and one corrected month against the whole (needs the real files)',
      load: () => import('./energy/bench.js'),
    },
    overhead: {
      summary: 'what a step costs beside its work, against a bare workflow of empty activities (at least 7 rounds)',
      load: () => import('./overhead/bench.js'),
    },
    reuse: {
      summary:
        'a refresh after one more station, and after nothing, against one that makes everything (needs the real files)',
      load: () => import('./reuse/bench.js'),
    },
    validate: {
      summary: 'ten rules on five million rows, and memory at twenty million, against pandera on pandas',
      load: () => import('./validate/bench.js'),
    },
    train: {
      summary: 'boosting, forests and scoring against LightGBM and scikit-learn',
      load: () => import('./train/bench.js'),
    },
    store: {
      summary: 'a whole refresh on S3 against one in a folder (builds the S3 server once, if it is not there)',
      load: () => import('./store/bench.js'),
    },
  };

export interface BenchOptions {
  rounds: number;
  json: boolean;
}

const [name, ...rest] = process.argv.slice(2);
const bench = name === undefined ? undefined : BENCHES[name];
if (bench === undefined) {
  const list = Object.entries(BENCHES).map(([key, { summary }]) => `  ${key.padEnd(12)} ${summary}`);
  process.stderr.write(`npm run bench -- NAME [--rounds N] [--json]\n\n${list.join('\n')}\n`);
  process.exitCode = name === undefined || name === '--help' ? 0 : 2;
} else {
  const at = rest.indexOf('--rounds');
  const rounds = at < 0 ? 5 : Number(rest[at + 1]);
  if (!Number.isInteger(rounds) || rounds < 1) throw new RangeError('--rounds takes a whole number from 1 on');
  const { run } = await bench.load();
  await run({ rounds, json: rest.includes('--json') });
}
