import { GeorefreshError } from '../config/errors.js';
import { stands } from './artifacts.js';
import { sha256Of } from './hashing.js';
import { isDamage } from './known.js';
import { jsonBytes, type Manifest, manifestSchema } from './manifest.js';
import type { SnapshotContent } from './snapshot-files.js';
import type { Artifact, CallOptions } from './types.js';

/** Writes files and manifest into a folder that is this attempt's alone. GR-3001 where another attempt wrote there. */
export async function putInFolder(
  { lake, files, ...input }: SnapshotContent,
  snapshot: string,
  place: Pick<Manifest, 'generation' | 'predecessor'>,
  options: CallOptions,
): Promise<{ snapshot: string; manifest: Artifact }> {
  const outputs: Manifest['outputs'] = [];
  for (const [name, ref] of Object.entries(files)) {
    const uri = `${snapshot}/${name}`;
    // Copied, not linked: people edit outputs, and the lake's object must not change with them.
    const place = (path: string) => lake.store.putIfAbsent(uri, { path }, options);
    await lake.scratch.use(ref, place, options).catch((error: unknown) => {
      if (ref.copy === undefined || !isDamage(error)) throw error;
      return lake.scratch.use({ ...ref, uri: ref.copy }, place, options);
    });
    if (!(await stands(lake.store, { ...ref, uri }, options)))
      throw new GeorefreshError('GR-4005', `${uri} has not the size of ${ref.uri}`);
    outputs.push({ name, uri, rows: ref.rows ?? null, sha256: ref.sha256, bytes: ref.bytes });
  }
  const manifest = manifestSchema.parse({ ...input.manifest, outcome: 'published', outputs, ...place });
  const bytes = jsonBytes(manifest);
  const uri = `${snapshot}/manifest.json`;
  const put = await lake.store.putIfAbsent(uri, bytes, options);
  // Two attempts never share a folder while each draws its nonce; one that does not is told to draw another.
  if (put === 'exists' && sha256Of(await lake.store.get(uri, options)) !== sha256Of(bytes))
    throw new GeorefreshError('GR-3001', `${snapshot} holds another attempt's manifest`);
  return { snapshot, manifest: { uri, sha256: sha256Of(bytes), bytes: bytes.length } };
}
