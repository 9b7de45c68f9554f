import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { compileLake } from './support/compiled.js';
import { withFolder } from './support/temporary.js';

const hasStrace = spawnSync('strace', ['-V']).status === 0;

/** Publishes twice in a process of its own and says when it would tell its caller. */
const SCRIPT = (dist: string, home: string): string => `
import { FolderStore } from '${dist}/folder-store.js';
import { Scratch } from '${dist}/scratch.js';
import { putArtifact } from '${dist}/artifacts.js';
import { publishSnapshot } from '${dist}/snapshots.js';
import { writeSync } from 'node:fs';
const store = await FolderStore.open('${home}');
const scratch = await Scratch.open({ store, root: '${home}/scratch', bytes: 1e6 });
const ref = await putArtifact(store, 'lake/demo/predictions', Buffer.from('id\\n1\\n'), 'csv');
const logicalTime = '2026-01-01T00:00:00Z';
const manifest = { version: 1, pipeline: 'demo', run: 'r', logicalTime, trigger: 'operator', sample: true, definition: null, parameters: {}, sources: [],
  steps: [], quarantine: {}, pipelineMetrics: null, metrics: null, champion: null, model: null, volatileOutputs: [], error: null, started: '', finished: '', versions: {} };
await publishSnapshot({ lake: { store, scratch }, pipeline: 'demo', run: 'r', nonce: 'abcdef01', logicalTime, files: { 'ranked.csv': ref }, manifest });
writeSync(1, 'done');
await scratch.close();
`;

interface Call {
  name: string;
  /** Paths of the call: of file descriptors and of arguments. */
  paths: string[];
}

/** Calls in the order in which they ended; strace writes one that another thread's call breaks into on two lines. */
function parse(log: string): Call[] {
  const begun = new Map<string, string>();
  const calls: Call[] = [];
  for (const line of log.split('\n')) {
    const [, pid = '', rest = ''] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    if (rest.endsWith('<unfinished ...>')) {
      begun.set(pid, rest.slice(0, -'<unfinished ...>'.length));
      continue;
    }
    const whole = rest.replace(/^<\.\.\. \w+ resumed>/, () => begun.get(pid) ?? '');
    const [, name, args] = /^(\w+)\((.*)\)\s+= \d+/.exec(whole) ?? [];
    if (name === undefined || args === undefined) continue;
    const paths = [...args.matchAll(/<([^>]*)>|"([^"]*)"/g)].map((found) => found[1] ?? found[2] ?? '');
    calls.push({ name, paths: paths.filter((path) => path.startsWith('/') || name === 'write') });
  }
  return calls;
}

describe('a publication on a folder', () => {
  it.skipIf(!hasStrace)(
    'syncs each file before it is named, and each folder before anyone is told (P6; needs strace)',
    () =>
      withFolder(async (folder) => {
        await compileLake(join(folder, 'code'), ['folder-store.ts', 'snapshots.ts', 'scratch.ts']);
        const home = join(folder, 'home');
        const script = join(folder, 'code', 'publish.mjs');
        await mkdir(home);
        await writeFile(script, SCRIPT(pathToFileURL(join(folder, 'code/dist/lake')).href, home));
        const log = join(folder, 'strace.log');
        const calls =
          'trace=fsync,fdatasync,rename,renameat,renameat2,link,linkat,symlink,symlinkat,mkdir,mkdirat,write';
        execFileSync('strace', ['-f', '-y', '-s', '300', '-o', log, '-e', calls, process.execPath, script], {
          stdio: ['ignore', 'ignore', 'inherit'],
        });
        const all = parse(await readFile(log, 'utf8'));
        const done = all.findIndex(({ name, paths }) => name === 'write' && paths.includes('done'));
        expect(done).toBeGreaterThan(0);
        const before = all.slice(0, done);
        const syncs = (path: string, from: number, to: number): boolean =>
          before.slice(from, to).some(({ name, paths }) => /^f(data)?sync$/.test(name) && paths[0] === path);

        // The scratch folder promises nothing: it goes with its process.
        const isKept = (path: string | undefined): path is string =>
          path?.startsWith(home) === true && !path.startsWith(join(home, 'scratch'));
        const parent = (path: string): string => path.slice(0, path.lastIndexOf('/'));
        let named = 0;
        for (const [at, { name, paths }] of before.entries()) {
          const target = paths.at(-1);
          if (!isKept(target)) continue;
          if (/^(link|rename)/.test(name)) {
            const isAlias = target.endsWith('/latest');
            if (!isAlias) expect(syncs(paths[0]!, 0, at), `${paths[0]} synced before it becomes ${target}`).toBe(true);
            expect(syncs(parent(target), at + 1, done), `${parent(target)} synced after ${name} of ${target}`).toBe(
              true,
            );
            named++;
          }
          if (/^mkdir/.test(name))
            expect(syncs(parent(target), at + 1, done), `${parent(target)} synced after mkdir of ${target}`).toBe(true);
        }
        // Artifact, output, manifest, state of the pointer, its visible file, latest.
        expect(named).toBeGreaterThanOrEqual(6);
        const names = before.filter(({ name }) => /^(link|rename)/.test(name)).map(({ paths }) => paths.at(-1) ?? '');
        const order = [
          'ranked.csv',
          'archive/20260101T000000Z-g1-abcdef01/manifest.json',
          '.current.json.versions/000000000001',
          'state/current.json',
          '/latest',
        ];
        const places = order.map((end) => names.findIndex((name) => name.endsWith(end)));
        expect(places).toEqual([...places].sort((a, b) => a - b));
        expect(places[0]).toBeGreaterThanOrEqual(0);
      }),
    60_000,
  );
});
