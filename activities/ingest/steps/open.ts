import { isGlob, type Source, shownPlace } from '../../../config/definition/source.js';
import { fetchJson } from '../../../lake/artifacts.js';
import { readBatch } from '../../../lake/batch.js';
import type { Lake } from '../../../lake/lake.js';
import type { Session } from '../../../lake/session.js';
import type { Artifact, CallOptions } from '../../../lake/types.js';
import { type Overlay, overlaid } from '../overlay.js';
import { openRecords, type Records } from '../records.js';

/** The kept files of a source by name: one, or those of its batch. */
export async function keptFiles(
  lake: Lake,
  source: Source,
  raw: Artifact,
  options: CallOptions = {},
): Promise<(Artifact & { name: string; rows?: number })[]> {
  if (!isGlob(source)) return [{ ...raw, name: shownPlace(source.uri) }];
  return (await readBatch(lake.store, raw, options)).files;
}

/** Runs `work` with the records of a source's kept bytes, and mended rows in the place of theirs where there are some. */
export async function withRecords<T>(
  lake: Lake,
  session: Session,
  source: Source,
  raw: Artifact,
  work: (records: Records, overlay: { stale: number }) => Promise<T>,
  options: CallOptions & { overlay?: Artifact } = {},
): Promise<T> {
  const held: { path: string; release(): void }[] = [];
  try {
    const files = [];
    for (const kept of await keptFiles(lake, source, raw, options)) {
      const file = await lake.scratch.hold(kept, options);
      held.push(file);
      files.push({ path: file.path, name: kept.name, rows: kept.rows });
    }
    const records = await openRecords(source, files, { session, work: lake.scratch, ...options });
    try {
      if (options.overlay === undefined) return await work(records, { stale: 0 });
      const overlay = await fetchJson<Overlay>(lake.store, options.overlay, options);
      const mended = await overlaid(
        records,
        overlay,
        files.map(({ name }) => name),
        session,
      );
      return await work(mended.records, { stale: mended.stale });
    } finally {
      await records.close();
    }
  } finally {
    for (const file of held) file.release();
  }
}
