import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import type { Fault } from './documents/faults.js';
import { meant } from './documents/nearest.js';
import { GeorefreshError } from './errors.js';
import { absolutePlace, type BucketAccess, isBucket, type Place, reachPlace, shownFile } from './places.js';
import { projectRoot } from './root.js';

/** What a folder holds that defines a pipeline. */
export const FILE = 'pipeline.yaml';

export interface PipelinePlaces extends BucketAccess {
  /**
   * Folders with one folder a pipeline in each, or URIs of buckets laid out alike; the first before the later ones.
   * Default: config/pipelines of the project.
   */
  pipelines?: readonly string[];
}

const placesOf = ({ pipelines }: PipelinePlaces): readonly string[] =>
  pipelines ?? [join(projectRoot(), 'config', 'pipelines')];

const isFile = async (path: string): Promise<boolean> => {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
};

/** A folder with a definition, and the place that it lies in. */
export interface Home {
  folder: string;
  place: Place;
}

/** Folders of all pipelines in order of their names. */
export const allHomes = async (places: PipelinePlaces): Promise<(Home & { name: string })[]> => {
  const found = new Map<string, Home>();
  for (const named of placesOf(places)) {
    const place = await reachPlace(named, places);
    const entries = await readdir(place.folder).catch(() => []);
    for (const name of entries) {
      const folder = resolve(place.folder, name);
      if (!found.has(name) && (await isFile(join(folder, FILE)))) found.set(name, { folder, place });
    }
  }
  return [...found].map(([name, home]) => ({ name, ...home })).sort((a, b) => (a.name < b.name ? -1 : 1));
};

/** The folder of a pipeline by its name, or by itself (anything with a path separator). GR-4001 where there is none. */
export const homeOf = async (nameOrFolder: string, places: PipelinePlaces): Promise<Home> => {
  if (
    isBucket(nameOrFolder) ||
    isAbsolute(nameOrFolder) ||
    /[\\/]/.test(nameOrFolder) ||
    nameOrFolder.startsWith('.')
  ) {
    const named = absolutePlace(nameOrFolder, process.cwd());
    const above = isBucket(named) ? named.slice(0, named.lastIndexOf('/')) : dirname(named);
    const place = await reachPlace(above, places);
    const folder = join(place.folder, basename(named));
    if (await isFile(join(folder, FILE))) return { folder, place };
    throw new GeorefreshError('GR-4001', `${nameOrFolder} has no ${FILE}`);
  }
  const known = await allHomes(places);
  const pipeline = known.find(({ name }) => name === nameOrFolder);
  if (pipeline !== undefined) return pipeline;
  const names = known.map(({ name }) => name);
  throw new GeorefreshError(
    'GR-4001',
    `\`${nameOrFolder}\`${meant(nameOrFolder, names) || `; there are ${names.join(', ') || 'none'}`}`,
  );
};

/** Code runs with the rights of a worker: it comes from where the program comes from, and from nowhere else. */
export const codeFaults = ({ folder, place }: Home): Fault[] =>
  place.code
    .filter((name) => name.startsWith(`${basename(folder)}/`))
    .map((name) => ({
      file: shownFile(place, join(place.folder, name)),
      text: 'is code, which does not come from a bucket: put this pipeline into a folder, or take the file away',
    }));
