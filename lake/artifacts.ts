import { rm, stat } from 'node:fs/promises';
import { GeorefreshError } from '../config/errors.js';
import { epochNow, epochSegment } from './epoch.js';
import { hashFile, sha256Of } from './hashing.js';
import { keyOf } from './keys.js';
import { doubt, isDamage, isDoubted, noteWhole } from './known.js';
import type { Artifact, Body, CallOptions, ObjectStore } from './types.js';

/** Objects up to this size are read, and mended where they are damaged, whenever they are put again. */
const MEND_BYTES = 64 << 20;
/** Others may mend the same object meanwhile. */
const LOOKS = 5;

export { hashFile, sha256Of };

/** The content address of an object: `<prefix>/<first two digits>/<sha256>.<ext>`, in epochs after the first `<prefix>/e<epoch>/…`. */
export const addressOf = (prefix: string, sha256: string, ext: string): string =>
  keyOf(prefix, ...epochSegment(epochNow()), sha256.slice(0, 2), `${sha256}.${ext}`);

/**
 * Puts a body under its content address. A file must be the caller's own, unchanged while this runs (GR-2005 if it
 * changed); what others may write goes through `Scratch.capture` first.
 *
 * An object that stands there already is checked, and replaced at once where it is damaged, as its bytes are at hand. One
 * larger than 64 MB is read only where somebody read other bytes of it before; else its size has to do, as its digest is
 * checked whenever it is read.
 */
export async function putArtifact(
  store: ObjectStore,
  prefix: string,
  body: Body,
  ext: string,
  options: CallOptions = {},
): Promise<Artifact> {
  const { sha256, bytes } =
    body instanceof Uint8Array ? { sha256: sha256Of(body), bytes: body.length } : await hashFile(body.path, options);
  const ref: Artifact = { uri: addressOf(prefix, sha256, ext), sha256, bytes };
  const outcome = await store.putIfAbsent(ref.uri, body, options);
  if (!(body instanceof Uint8Array)) await assertSize(body.path, bytes);
  if (outcome === 'exists') await mendStanding(store, ref, body, options);
  return ref;
}

async function assertSize(path: string, bytes: number): Promise<void> {
  const now = await stat(path);
  if (now.size !== bytes) throw new GeorefreshError('GR-2005', `${path} had ${bytes} bytes, and now has ${now.size}`);
}

async function mendStanding(store: ObjectStore, ref: Artifact, body: Body, options: CallOptions): Promise<void> {
  for (let look = 1; look <= LOOKS; look++) {
    const found = await store.head(ref.uri, options);
    if (found === undefined) {
      // Gone between the two calls: only a collection does that, to a run that has been given up.
      if ((await store.putIfAbsent(ref.uri, body, options)) === 'created') return;
      continue;
    }
    if (await isAsGiven(store, ref, found, body, options)) return;
    doubt(store, ref.uri);
    if ((await store.replace(ref.uri, body, found.state, options)) === 'replaced') return;
  }
  throw new GeorefreshError('GR-5002', `${ref.uri} was changed by others ${LOOKS} times while it was mended`);
}

async function isAsGiven(
  store: ObjectStore,
  ref: Artifact,
  found: { bytes: number; state: string },
  body: Body,
  options: CallOptions,
): Promise<boolean> {
  const { uri, sha256, bytes } = ref;
  if (found.bytes !== bytes) return false;
  if (bytes > MEND_BYTES && !isDoubted(store, uri)) return true;
  try {
    if (body instanceof Uint8Array || bytes <= MEND_BYTES) await fetchBytes(store, ref, options);
    else await checkBeside(store, ref, body.path, options);
  } catch (error) {
    if (isDamage(error)) return false;
    throw error;
  }
  noteWhole(store, uri, `${sha256} ${found.state}`);
  return true;
}

/** Too large for the memory: it is fetched to where the body lies, which has room for one as large. */
async function checkBeside(store: ObjectStore, ref: Artifact, path: string, options: CallOptions): Promise<void> {
  const copy = `${path}.standing`;
  try {
    await fetchFile(store, ref, copy, { ...options, link: true });
  } finally {
    await rm(copy, { force: true });
  }
}

/** The bytes of an object, its digest checked: GR-4005 names an object that differs, GR-4004 one that is absent. */
export async function fetchBytes(store: ObjectStore, ref: Artifact, options: CallOptions = {}): Promise<Uint8Array> {
  const bytes = await store.get(ref.uri, options);
  const sha256 = sha256Of(bytes);
  if (sha256 !== ref.sha256) throw corrupt(ref, `has digest ${sha256}, not ${ref.sha256}`);
  return bytes;
}

/** A JSON object that was written by code of ours, its digest checked; what `T` says of it is not. */
export async function fetchJson<T>(store: ObjectStore, ref: Artifact, options: CallOptions = {}): Promise<T> {
  return JSON.parse(Buffer.from(await fetchBytes(store, ref, options)).toString('utf8')) as T;
}

/** Copies (or links) an object to a local path that does not exist yet, and checks its digest there. */
export async function fetchFile(
  store: ObjectStore,
  ref: Artifact,
  path: string,
  options: CallOptions & { link?: boolean } = {},
): Promise<void> {
  await store.download(ref.uri, path, options);
  await assertDigest(ref, path, options);
}

/** Checks a local file against a reference: GR-4005. */
export async function assertDigest(ref: Artifact, path: string, options: CallOptions = {}): Promise<void> {
  const { sha256 } = await hashFile(path, options);
  if (sha256 !== ref.sha256) throw corrupt(ref, `has digest ${sha256}, not ${ref.sha256}`);
}

/** Whether an object stands with the size of its reference: cheap, and enough to trust a reuse key until it is read. */
export async function stands(store: ObjectStore, ref: Artifact, options: CallOptions = {}): Promise<boolean> {
  return (await store.head(ref.uri, options))?.bytes === ref.bytes;
}

const corrupt = (ref: Artifact, how: string): GeorefreshError =>
  new GeorefreshError('GR-4005', `${ref.uri} ${how}`, { where: [{ file: ref.uri }] });
