import { existsSync } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { extname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Pipeline } from './definition/pipeline.js';
import { isAddress, isGlob } from './definition/source.js';
import { GeorefreshError } from './errors.js';
import { displayPath, projectRoot } from './root.js';
import type { SampleSource } from './samples.js';

/** A source and where its bytes are. */
export interface ResolvedSource {
  name: string;
  /** `file:///…`, an http(s) address, or `sample:<path>` for a file that the pipeline's sample generates. */
  uri: string;
  /** Absolute path of the file, with the wildcards of several; for a sample the path that its generator knows. */
  path: string;
  /** Size and time of the last change (milliseconds since the epoch), of several files their sum and the latest; null where absent, generated or elsewhere. */
  bytes: number | null;
  mtimeMs: number | null;
  /** False only for an optional source that is not there. */
  present: boolean;
}

export interface ResolvedSources {
  /** Whether the sources are the demo's generated ones. */
  sample: boolean;
  /** Absolute path of the inputs folder, or `sample:<pipeline>`. */
  root: string;
  sources: ResolvedSource[];
}

export interface SourcePlaces {
  /** Folder laid out like the inputs, in the place of the home's; the sample is then never used. */
  inputs?: string;
  home: string;
  /** The pipeline's generated inputs, where it brings some. */
  sample?: SampleSource;
}

const refuse = (name: string, uri: string, why: string): GeorefreshError =>
  new GeorefreshError('GR-2006', `source ${name}: ${uri} ${why}`, { where: [{ note: name }] });

const isInside = (root: string, path: string): boolean => {
  const way = relative(root, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
};

/** Absolute path of a source under the inputs folder. Both kinds of separator count, so that no system sees another path. */
const pathOf = (root: string, name: string, uri: string): string => {
  const parts = uri.split(/[\\/]/);
  if (isAbsolute(uri) || /^[\\/]|^[a-z]:/i.test(uri) || parts.includes('..') || uri.includes('\0'))
    throw refuse(name, JSON.stringify(uri), 'is no path under the inputs folder');
  return resolve(root, uri);
};

/** A file as it is now; undefined where there is none. Links are followed, but not out of the inputs folder. */
const look = async (
  root: string,
  name: string,
  path: string,
): Promise<{ bytes: number; mtimeMs: number } | undefined> => {
  try {
    const [real, realRoot] = await Promise.all([realpath(path), realpath(root)]);
    if (!isInside(realRoot, real))
      throw refuse(name, displayPath(path), 'is a link that leads out of the inputs folder');
    const found = await stat(real);
    if (!found.isFile())
      throw new GeorefreshError('GR-2002', `${displayPath(path)} is not a file`, {
        where: [{ file: displayPath(path), note: name }],
      });
    return { bytes: found.size, mtimeMs: found.mtimeMs };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof GeorefreshError) throw error;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new GeorefreshError('GR-2002', `${displayPath(path)} (${code ?? 'unknown reason'})`, {
      where: [{ file: displayPath(path), note: name }],
      cause: error,
    });
  }
};

/** Files of one source; beyond it somebody named a folder by mistake. */
const MOST_FILES = 10_000;

/** Folders that `**` goes down at most; a link to a folder is not followed. */
const DEEPEST = 32;

const patternOf = (part: string): RegExp =>
  new RegExp(
    `^${part
      .split('*')
      .map((text) => text.replace(/[.+?^${'$'}{}()|[\]\\]/g, '\\$&'))
      .join('[^/]*')}$`,
  );

/**
 * Paths under the inputs folder that a pattern names, in ascending order: `*` stands for any part of a name, `**` for any
 * folders. Names that begin with a dot are only found where the pattern has the dot. GR-2006 where one leads out of the
 * folder, GR-2002 where there are more than ten thousand.
 */
export async function matchFiles(root: string, name: string, pattern: string): Promise<string[]> {
  pathOf(root, name, pattern);
  const found: string[] = [];
  const walk = async (folder: string, parts: readonly string[], depth: number): Promise<void> => {
    const [part = '', ...rest] = parts;
    if (depth > DEEPEST) return;
    if (part === '**') await walk(folder, rest, depth);
    const entries = await readdir(join(root, folder), { withFileTypes: true }).catch(() => []);
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.name.startsWith('.') && !part.startsWith('.')) continue;
      if (part === '**') {
        if (entry.isDirectory()) await walk(path, parts, depth + 1);
      } else if (patternOf(part).test(entry.name)) {
        if (rest.length > 0) await walk(path, rest, depth + 1);
        else if (entry.isFile() || entry.isSymbolicLink()) found.push(path);
      }
      if (found.length > MOST_FILES)
        throw new GeorefreshError('GR-2002', `${pattern} names more than ${MOST_FILES} files`, {
          where: [{ note: name }],
        });
    }
  };
  await walk(
    '',
    pattern.split(/[\\/]/).filter((part) => part !== '' && part !== '.'),
    0,
  );
  const files = [...new Set(found)].sort();
  // A link among the folders of the pattern may lead anywhere.
  const realRoot = await realpath(root).catch(() => root);
  for (const file of files)
    if (!isInside(realRoot, await realpath(join(root, file)).catch(() => realRoot)))
      throw refuse(name, displayPath(join(root, file)), 'is reached by a link that leads out of the inputs folder');
  return files;
}

/** A source's file or files as they are now; undefined where there is none. */
const lookAt = async (
  root: string,
  name: string,
  uri: string,
): Promise<{ path: string; found: { bytes: number; mtimeMs: number } | undefined }> => {
  const path = pathOf(root, name, uri);
  if (!isGlob({ uri })) return { path, found: await look(root, name, path) };
  const files = await Promise.all(
    (await matchFiles(root, name, uri)).map((file) => look(root, name, join(root, file))),
  );
  const there = files.filter((file) => file !== undefined);
  const bytes = there.reduce((sum, file) => sum + file.bytes, 0);
  return {
    path,
    found: there.length === 0 ? undefined : { bytes, mtimeMs: Math.max(...there.map((file) => file.mtimeMs)) },
  };
};

const missingError = (missing: readonly { name: string; place: string }[], hint: string): GeorefreshError => {
  const lines = missing.map(({ name, place }) => `${name}: put it at ${place}`);
  const count = missing.length === 1 ? '1 source' : `${missing.length} sources`;
  return new GeorefreshError('GR-2001', `${count}\n  ${lines.join('\n  ')}\n${hint}`, {
    where: missing.map(({ name, place }) => ({ file: place, note: name })),
  });
};

/** Files of a sample that a source reads, in ascending order. */
export function sampleFiles({ files }: Pick<SampleSource, 'files'>, uri: string): string[] {
  if (!isGlob({ uri })) return files.filter((file) => file === uri);
  const isLike = (pattern: readonly string[], parts: readonly string[]): boolean => {
    const [first, ...rest] = pattern;
    if (first === undefined) return parts.length === 0;
    if (first === '**') return parts.some((_, i) => isLike(rest, parts.slice(i)));
    return parts[0] !== undefined && patternOf(first).test(parts[0]) && isLike(rest, parts.slice(1));
  };
  return files.filter((file) => isLike(uri.split('/'), file.split('/'))).sort();
}

const resolveSample = ({ name: pipeline, sources }: Pipeline, sample: SampleSource): ResolvedSources => {
  const resolved = Object.entries(sources).map(([name, { uri, optional }]) => ({
    name,
    uri: `sample:${uri}`,
    path: uri,
    bytes: null,
    mtimeMs: null,
    present: sampleFiles(sample, uri).length > 0,
    optional,
  }));
  const missing = resolved.filter(({ present, optional }) => !present && !optional);
  if (missing.length > 0)
    throw missingError(
      missing.map(({ name, path }) => ({ name, place: path })),
      'the sample does not generate them: pass --inputs DIR',
    );
  return { sample: true, root: `sample:${pipeline}`, sources: resolved.map(({ optional: _, ...source }) => source) };
};

/**
 * Finds the files of all sources before any work: under `inputs` where given, else under `<home>/inputs`, else (when no
 * required source is there) the sample. One GR-2001 names every required source that is missing and where to put it;
 * a path or link that leaves the folder is GR-2006, what is no regular file GR-2002.
 */
export async function resolveSources(
  pipeline: Pipeline,
  { inputs, home, sample }: SourcePlaces,
): Promise<ResolvedSources> {
  const root = inputs === undefined ? join(resolve(home), 'inputs') : resolve(inputs);
  const looked = await Promise.all(
    Object.entries(pipeline.sources).map(async ([name, { uri, optional }]) => {
      // Whether an address answers is seen when it is fetched.
      if (isAddress(uri)) return { name, path: uri, optional, found: { bytes: null, mtimeMs: null } };
      return { name, optional, ...(await lookAt(root, name, uri)) };
    }),
  );
  const required = looked.filter(({ optional }) => !optional);
  const missing = required.filter(({ found }) => found === undefined);
  if (sample !== undefined && inputs === undefined && required.length > 0 && missing.length === required.length)
    return resolveSample(pipeline, sample);
  if (missing.length > 0) {
    const hint =
      inputs === undefined ? 'or pass --inputs DIR' : `or pass another folder than ${inputs} by --inputs DIR`;
    throw missingError(
      missing.map(({ name, path }) => ({ name, place: displayPath(path) })),
      hint,
    );
  }
  return {
    sample: false,
    root,
    sources: looked.map(({ name, path, found }) => ({
      name,
      uri: isAddress(path) ? path : pathToFileURL(path).href,
      path,
      bytes: found?.bytes ?? null,
      mtimeMs: found?.mtimeMs ?? null,
      present: found !== undefined,
    })),
  };
}

/** Where a pipeline's sample module may be: built beside this file for a pipeline of the project, else in its own folder. */
const sampleModules = (folder: string): string[] => {
  const self = fileURLToPath(import.meta.url);
  const within = relative(join(projectRoot(), 'config'), folder);
  const built = isInside(join(projectRoot(), 'config'), folder)
    ? [join(self, '..', within, `sample${extname(self)}`)]
    : [];
  return [...built, join(folder, 'sample.js'), join(folder, 'sample.mjs')];
};

/** The module that generates a pipeline's sample inputs, or undefined where it brings none. */
export const sampleModule = (folder: string): string | undefined => sampleModules(folder).find(existsSync);

/**
 * The generated inputs that a pipeline brings along, or undefined where it brings none. `folder` is that of its
 * pipeline.yaml, as `loadPipeline` returns it; default: config/pipelines/<name> of the project.
 */
export async function loadSample(
  name: string,
  folder = join(projectRoot(), 'config', 'pipelines', name),
): Promise<SampleSource | undefined> {
  const path = sampleModule(folder);
  if (path === undefined) return undefined;
  const { sample } = (await import(pathToFileURL(path).href).catch((error: unknown) => {
    const why = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    throw new GeorefreshError('GR-1003', `${displayPath(path)} cannot be loaded: ${why}`, {
      where: [{ file: displayPath(path) }],
      cause: error,
    });
  })) as { sample?: SampleSource };
  if (sample === undefined)
    throw new GeorefreshError('GR-1003', `${displayPath(path)} exports no \`sample\``, {
      where: [{ file: displayPath(path) }],
    });
  return sample;
}
