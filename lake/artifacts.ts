import { stat } from 'node:fs/promises';
import { GeorefreshError } from '../config/errors.js';
import { epochNow, epochSegment } from './epoch.js';
import { hashFile, sha256Of } from './hashing.js';
import { keyOf } from './keys.js';
import type { Artifact, Body, CallOptions, ObjectStore } from './types.js';

/** Objects up to this size are checked, and mended, whenever they are put again. */
const MEND_BYTES = 64 << 20;

export { hashFile, sha256Of };

/** The content address of an object: `<prefix>/<first two digits>/<sha256>.<ext>`, in epochs after the first `<prefix>/e<epoch>/…`. */
export const addressOf = (prefix: string, sha256: string, ext: string): string =>
  keyOf(prefix, ...epochSegment(epochNow()), sha256.slice(0, 2), `${sha256}.${ext}`);

export interface PutOptions extends CallOptions {
  /**
   * Whether an object that stands under the address is checked to its last byte, and replaced where it has others, which
   * only damage can bring about. Default: where it has at most 64 MB.
   */
  replaceCorrupt?: boolean;
}

/**
 * Puts a body under its content address. A file must be the caller's own, unchanged while this runs (GR-2005 if it
 * changed); what others may write goes through `Scratch.capture` first.
 *
 * An object that stands there already is checked, and mended where it is damaged, as its bytes are at hand. Of one
 * larger than 64 MB only the size is checked, and a wrong one is GR-4005, unless `replaceCorrupt` asks for more: the
 * whole digest is checked whenever it is read.
 */
export async function putArtifact(
  store: ObjectStore,
  prefix: string,
  body: Body,
  ext: string,
  options: PutOptions = {},
): Promise<Artifact> {
  const { sha256, bytes } =
    body instanceof Uint8Array ? { sha256: sha256Of(body), bytes: body.length } : await hashFile(body.path, options);
  const ref: Artifact = { uri: addressOf(prefix, sha256, ext), sha256, bytes };
  const outcome = await store.putIfAbsent(ref.uri, body, options);
  if (!(body instanceof Uint8Array)) await assertSize(body.path, bytes);
  if (outcome === 'exists') await assertStanding(store, ref, body, options);
  return ref;
}

async function assertSize(path: string, bytes: number): Promise<void> {
  const now = await stat(path);
  if (now.size !== bytes) throw new GeorefreshError('GR-2005', `${path} had ${bytes} bytes, and now has ${now.size}`);
}

async function assertStanding(store: ObjectStore, ref: Artifact, body: Body, options: PutOptions): Promise<void> {
  const { replaceCorrupt = ref.bytes <= MEND_BYTES } = options;
  if (replaceCorrupt) {
    if (await isWhole(store, ref, options)) return;
    await store.delete(ref.uri, options);
    await store.putIfAbsent(ref.uri, body, options);
    return;
  }
  const found = await store.head(ref.uri, options);
  // Gone between the two calls: only a collection does that, and it promises to leave alone what a run is writing.
  if (found === undefined) throw new GeorefreshError('GR-5002', `${ref.uri} vanished while it was written`);
  if (found.bytes !== ref.bytes) throw corrupt(ref, `has ${found.bytes} bytes, not ${ref.bytes}`);
}

async function isWhole(store: ObjectStore, ref: Artifact, options: CallOptions): Promise<boolean> {
  const found = await store.head(ref.uri, options);
  if (found?.bytes !== ref.bytes) return false;
  return sha256Of(await store.get(ref.uri, options)) === ref.sha256;
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
