import { relative, resolve, sep } from 'node:path';
import { GeorefreshError } from './errors.js';
import { displayPath } from './root.js';

/** How a bucket with definitions is reached, and below which folder what was brought from it is kept. */
export interface BucketAccess {
  home?: string;
  storage?: { endpoint?: string | undefined; region?: string | undefined; pathStyle?: boolean | undefined };
}

/** The definitions of a bucket in a folder that nobody writes any more. */
export interface Brought {
  folder: string;
  /** Files of code, as `pipeline/name`, that were left where they are. */
  code: readonly string[];
}

export type Bring = (uri: string, access: BucketAccess) => Promise<Brought>;

let bring: Bring | undefined;

/** Says how definitions in buckets are brought here. What reads folders alone needs none; the lake knows buckets. */
export const bringDefinitionsBy = (how: Bring): void => {
  bring = how;
};

/** Whether definitions lie in a bucket: `s3://bucket/prefix`, `azure://container/prefix`. */
export const isBucket = (place: string): boolean => /^(s3|azure):\/\//.test(place);

const isUri = (place: string): boolean => /^[a-z][a-z0-9+.-]+:\/\//i.test(place);

/** What is wrong with a place of definitions, in words. */
export function faultOfPlace(place: string): string | undefined {
  if (!isUri(place)) return undefined;
  if (!isBucket(place)) return 'expected a folder, s3://bucket/prefix or azure://container/prefix';
  if (/^[a-z0-9]+:\/\/[^/]*@/.test(place)) return 'secrets come from the environment only, not in the URI';
  return undefined;
}

/** A place as the settings name it, made absolute. */
export const absolutePlace = (place: string, root: string): string =>
  isUri(place) ? place.replace(/\/+$/, '') : resolve(root, place);

/** A place of definitions at hand: a folder, of which `uri` says what it stands for. */
export interface Place {
  folder: string;
  uri?: string;
  code: readonly string[];
}

/** Brings a place here where it is none. Errors are those of stores; GR-1002 where nobody said how. */
export async function reachPlace(place: string, access: BucketAccess): Promise<Place> {
  if (!isBucket(place)) return { folder: place, code: [] };
  if (bring === undefined) throw new GeorefreshError('GR-1002', `${place}: definitions in buckets are not read here`);
  return { ...(await bring(place, access)), uri: place };
}

/** How a file of a place is shown to people. */
export const shownFile = ({ folder, uri }: Place, path: string): string =>
  uri === undefined ? displayPath(path) : `${uri}/${relative(folder, path).split(sep).join('/')}`;
