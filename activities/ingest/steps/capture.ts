import { createWriteStream } from 'node:fs';
import { copyFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { finished } from 'node:stream/promises';
import { isAddress, isGlob, type Source, shownPlace } from '../../../config/definition/source.js';
import { GeorefreshError } from '../../../config/errors.js';
import { listPipelines } from '../../../config/load.js';
import { loadSample, matchFiles, sampleFiles } from '../../../config/sources.js';
import { hashFile, sha256Of } from '../../../lake/artifacts.js';
import { keyOf } from '../../../lake/keys.js';
import type { Artifact } from '../../../lake/types.js';
import { type Deps, prefixOf } from '../../deps.js';
import type { StepContext } from '../../durable.js';
import type { Part } from '../../partitions/ledger.js';
import type { FileShelf } from '../../partitions/steps/files.js';
import type { FrozenSource } from '../../resolve/frozen.js';
import { knownContent } from '../../resolve/steps/contents.js';
import type { StepInput } from '../../types.js';
import { fetchFile } from '../fetch.js';

/** A source's bytes in the scratch folder, and what is known of them. The file is the caller's to discard. */
export interface Captured {
  path: string;
  /** Its path under the inputs, or its address. */
  name: string;
  sha256: string;
  bytes: number;
}

/** A file that was looked at before: its bytes are kept, and its records counted. */
export interface Known {
  name: string;
  kept: Part;
}

/**
 * Takes the bytes of every file of a source, in order of their names. Of a source of several files those that are on the
 * shelf are not even read, where their sizes and times are those by which their bytes are known.
 */
export async function captureSource(
  deps: Deps,
  input: StepInput,
  source: Source,
  place: FrozenSource,
  { shelf, ...context }: StepContext & { shelf?: FileShelf | undefined },
): Promise<(Captured | Known)[]> {
  const { pipeline } = input.header;
  if (place.from === 'sample') return makeSample(deps, pipeline, place.path);
  if (isAddress(source.uri)) return [await download(deps, pipeline, source, context)];
  const root = input.inputs ?? '';
  const names = isGlob(source) ? await matchFiles(root, place.name, place.path) : [place.path];
  const captured: (Captured | Known)[] = [];
  for (const name of names) {
    const path = join(root, name);
    const known = shelf && (await knownContent(deps.lake, pipeline, path, context));
    const found = known && shelf.find({ name, sha256: known });
    if (found) captured.push({ name, kept: found });
    else {
      const one = { name, ...(await capture(deps, path, context)) };
      const kept = shelf?.find(one);
      if (kept !== undefined) await deps.lake.scratch.discard(one.path);
      captured.push(kept === undefined ? one : { name, kept });
    }
  }
  return captured;
}

/** Copies the file once; what is read later are the bytes copied. GR-2005 where it changed meanwhile. */
async function capture({ lake }: Deps, file: string, { signal }: StepContext): Promise<Omit<Captured, 'name'>> {
  const before = await stat(file).catch(() => undefined);
  if (before === undefined) throw new GeorefreshError('GR-2005', `${file} is gone`, { where: [{ file }] });
  const captured = await lake.scratch.capture(file, extOf(file), { signal });
  const after = await stat(file).catch(() => undefined);
  if (after === undefined || after.mtimeMs !== before.mtimeMs || after.size !== captured.bytes) {
    await lake.scratch.discard(captured.path);
    throw new GeorefreshError('GR-2005', file, { where: [{ file }] });
  }
  return captured;
}

/** What the name of a kept file ends in: people look at it, nothing reads it. */
export const extOf = (name: string): string =>
  /^[a-z0-9]{1,12}$/i.exec(extname(name).slice(1))?.[0].toLowerCase() ?? 'bin';

async function makeSample({ lake, settings }: Deps, pipeline: string, uri: string): Promise<Captured[]> {
  const folder = (await listPipelines(settings)).find(({ name }) => name === pipeline)?.folder;
  const sample = await loadSample(pipeline, folder);
  if (sample === undefined) throw new GeorefreshError('GR-3009', `${pipeline} brings no sample`);
  const captured: Captured[] = [];
  for (const name of sampleFiles(sample, uri)) {
    const path = lake.scratch.newFile(extOf(name));
    const out = createWriteStream(path, { flags: 'wx' });
    out.end(sample.generate(name));
    await finished(out);
    captured.push({ path, name, ...(await hashFile(path)) });
  }
  return captured;
}

/** The state of an address that was fetched last: the server's tag, and where its bytes are kept. */
interface Fetched {
  etag: string;
  artifact: Artifact;
}

const registerOf = (pipeline: string, url: string): string =>
  keyOf('lake', pipeline, 'state', 'addresses', `${sha256Of(url).slice(0, 32)}.json`);

/** Bytes of an address; those kept already where the server says that they still are the same. */
async function download({ lake }: Deps, pipeline: string, source: Source, { signal }: StepContext): Promise<Captured> {
  const name = shownPlace(source.uri);
  const path = lake.scratch.newFile(extOf(name));
  const key = registerOf(pipeline, source.uri);
  const registered = await lake.store.read(key, { signal });
  const known = registered && (JSON.parse(Buffer.from(registered.value).toString('utf8')) as Fetched);
  try {
    const options = { limit: source.maxBytes, signal };
    const fetched = await fetchFile(source.uri, path, { ...options, ...(known && { etag: known.etag }) });
    if (!fetched.changed && known !== undefined) {
      const kept = await lake.scratch.hold(known.artifact, { signal }).catch(() => undefined);
      if (kept === undefined) return { name, path, ...(await fetchFile(source.uri, path, options)) };
      await copyFile(kept.path, path).finally(() => kept.release());
      return { name, path, sha256: known.artifact.sha256, bytes: known.artifact.bytes };
    }
    const { sha256, bytes, etag } = fetched;
    if (etag !== undefined) {
      const artifact = { uri: keptAt(pipeline, sha256, name), sha256, bytes };
      // Who comes too late only fetches once more: the register saves time and decides nothing.
      await lake.store.swap(
        key,
        Buffer.from(JSON.stringify({ etag, artifact } satisfies Fetched)),
        registered?.version,
        {
          signal,
        },
      );
    }
    return { name, path, sha256, bytes };
  } catch (error) {
    await lake.scratch.discard(path);
    throw error;
  }
}

const keptAt = (pipeline: string, sha256: string, name: string): string =>
  keyOf(prefixOf(pipeline, 'raw'), sha256.slice(0, 2), `${sha256}.${extOf(name)}`);
