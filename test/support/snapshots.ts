import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, realpath } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { stripVolatile } from '../../activities/publish/html.js';
import { makerOf } from '../../lake/durable.js';
import {
  FolderStore,
  listRuns,
  type Manifest,
  type Pointer,
  readManifest,
  readPointer,
  readRun,
  type SnapshotRef,
  withoutVolatile,
} from '../../lake/index.js';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** What is published in a home, read anew from the store; undefined where nothing is. */
export async function pointerOf(home: string, pipeline: string): Promise<Pointer | undefined> {
  return (await readPointer(await FolderStore.open(home), pipeline))?.pointer;
}

/** The folder of a home's current snapshot, and its manifest. */
async function currentOf(home: string, pipeline: string): Promise<{ folder: string; manifest: Manifest }> {
  const store = await FolderStore.open(home);
  const state = await readPointer(store, pipeline);
  if (state === undefined) throw new Error(`nothing is published in ${home}`);
  return { folder: join(home, state.pointer.snapshot), manifest: await readManifest(store, state.pointer) };
}

/**
 * How the current snapshots of two homes differ, in words; nothing where they are those of equal runs. Tables, GeoJSON,
 * model and metrics are compared byte for byte, reports and manifests but for what is marked volatile in them.
 */
export async function differences(homeA: string, homeB: string, pipeline: string): Promise<string[]> {
  const [a, b] = await Promise.all([currentOf(homeA, pipeline), currentOf(homeB, pipeline)]);
  const [namesA, namesB] = (await Promise.all([readdir(a.folder), readdir(b.folder)])).map((names) => names.sort());
  if (String(namesA) !== String(namesB)) return [`files: ${String(namesA)} against ${String(namesB)}`];
  const found: string[] = [];
  for (const name of namesA ?? []) {
    if (name === 'manifest.json') continue;
    const [left, right] = await Promise.all([readFile(join(a.folder, name)), readFile(join(b.folder, name))]);
    const equal = name.endsWith('.html')
      ? stripVolatile(left.toString('utf8')) === stripVolatile(right.toString('utf8'))
      : left.equals(right);
    if (!equal) found.push(`${name}: ${left.length} against ${right.length} bytes`);
  }
  found.push(...unequal(withoutVolatile(a.manifest), withoutVolatile(b.manifest), 'manifest'));
  return found;
}

/** Where two JSON values differ, as paths. */
function unequal(a: unknown, b: unknown, path: string): string[] {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null)
    return a === b ? [] : [`${path}: ${JSON.stringify(a)} against ${JSON.stringify(b)}`];
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  return [...new Set([...Object.keys(left), ...Object.keys(right)])].flatMap((key) =>
    unequal(left[key], right[key], `${path}.${key}`),
  );
}

/**
 * What is wrong with the state of a home, in words; nothing where all of it is whole: the pointer and its chain of
 * snapshots without a gap, each with all files and their digests, `latest` and the visible pointer in line with it,
 * every object of the lake named for its content, every manifest of a run readable.
 */
export async function faultsOf(home: string, pipeline: string): Promise<string[]> {
  const store = await FolderStore.open(home);
  const state = await readPointer(store, pipeline);
  if (state === undefined) return ['no pointer'];
  const faults = [...state.warnings];
  const { pointer } = state;
  const shown = JSON.parse(await readFile(join(home, 'lake', pipeline, 'state', 'current.json'), 'utf8')) as Pointer;
  if (shown.nonce !== pointer.nonce) faults.push(`the visible pointer shows generation ${shown.generation}`);
  const latest = await realpath(join(home, 'outputs', pipeline, 'latest'));
  if (latest !== (await realpath(join(home, pointer.snapshot)))) faults.push(`latest leads to ${basename(latest)}`);

  let at: SnapshotRef | null = pointer;
  for (let generation = pointer.generation; at !== null; generation--) {
    if (at.generation !== generation) faults.push(`generation ${at.generation} stands in the place of ${generation}`);
    const manifest: Manifest = await readManifest(store, at);
    faults.push(...(await faultsOfSnapshot(home, at, manifest)));
    at = manifest.predecessor;
    if (at === null && generation !== 1) faults.push(`the chain ends at generation ${generation}`);
  }
  for (const { run } of await listRuns(store, pipeline)) await readRun(store, pipeline, run);
  faults.push(...(await faultsOfTree(join(home, 'lake'), true)), ...(await faultsOfTree(join(home, 'outputs'), false)));
  return faults;
}

async function faultsOfSnapshot(home: string, ref: SnapshotRef, manifest: Manifest): Promise<string[]> {
  const about = `generation ${ref.generation}`;
  const faults: string[] = [];
  if (manifest.run !== ref.run) faults.push(`${about} is of run ${manifest.run}, the pointer says ${ref.run}`);
  if (manifest.outputs.length === 0) faults.push(`${about} has no outputs`);
  for (const { name, uri, sha256: digest, bytes } of manifest.outputs) {
    if (uri !== `${ref.snapshot}/${name}`) faults.push(`${name} of ${about} lies elsewhere: ${uri}`);
    const content = await readFile(join(home, uri));
    if (content.length !== bytes || sha256(content) !== digest)
      faults.push(`${name} of ${about} is not what was written`);
  }
  const listed = new Set(['manifest.json', ...manifest.outputs.map(({ name }) => name)]);
  for (const name of await readdir(join(home, ref.snapshot)))
    if (!listed.has(name) && makerOf(name) === undefined) faults.push(`${name} of ${about} is in no manifest`);
  return faults;
}

const ADDRESSED = /^([0-9a-f]{64})\.[a-z0-9.]+$/;

/** Files in the making have names that say so and are found by nobody; all others are whole. */
async function faultsOfTree(folder: string, addressed: boolean): Promise<string[]> {
  const faults: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.name.startsWith('.')) {
      if (makerOf(entry.name) === undefined && !entry.name.endsWith('.versions'))
        faults.push(`${path} has a strange name`);
    } else if (entry.isDirectory()) {
      faults.push(...(await faultsOfTree(path, addressed)));
    } else if (entry.isFile()) {
      const content = await readFile(path);
      const digest = ADDRESSED.exec(entry.name)?.[1];
      if (content.length === 0) faults.push(`${path} is empty`);
      if (addressed && digest !== undefined && digest !== sha256(content))
        faults.push(`${path} is not what its name says`);
    } else if (!existsSync(path)) {
      faults.push(`${path} leads nowhere`);
    }
  }
  return faults;
}
