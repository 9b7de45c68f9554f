import { isGlob, type Source } from '../../config/definition/source.js';
import { GeorefreshError } from '../../config/errors.js';
import { putArtifact } from '../../lake/artifacts.js';
import type { Batch } from '../../lake/batch.js';
import { readOverlay } from '../../lake/overlays.js';
import type { Artifact } from '../../lake/types.js';
import { type Deps, definitionOf, nameOf, prefixOf } from '../deps.js';
import { type StepContext, step } from '../durable.js';
import type { Part } from '../partitions/ledger.js';
import { type NamedFile, shelfOfFiles } from '../partitions/steps/files.js';
import { overlayOf, rawTable } from '../resolve/plan.js';
import { contentOfFiles, contentsFrom } from '../resolve/steps/contents.js';
import type { StepInput } from '../types.js';
import { openRecords } from './records.js';
import { type Captured, captureSource, extOf } from './steps/capture.js';

export const createIngestActivities = (deps: Deps) => ({
  /**
   * Keeps the bytes of a source as they came, and counts its records. That takes a look at every byte: a file that
   * cannot be read ends here. The records are read where they are judged.
   */
  ingest: step(deps, async (input: StepInput, context: StepContext) => {
    const { lake } = deps;
    const { signal } = context;
    const { pipeline, sources } = await definitionOf(lake, input);
    const name = nameOf(input);
    const source = pipeline.sources[name];
    const place = sources.find((one) => one.name === name);
    if (source === undefined || place === undefined)
      throw new GeorefreshError('GR-3009', `no source is called ${name}`);

    const shelf = place.from === 'sample' ? undefined : await shelfOfFiles(deps, input, source, { signal });
    const files = await captureSource(deps, input, source, place, { ...context, shelf });
    const captured = files.flatMap((file) => ('kept' in file ? [] : [file]));
    try {
      const looked = await lookAt(deps, input, source, captured, signal);
      const rows = files.map((file) => ('kept' in file ? file.kept.rows : (looked.get(file)?.rows ?? 0)));
      const total = rows.reduce((sum, count) => sum + count, 0);
      if (total === 0) throw new GeorefreshError('GR-2004', place.path, { where: [{ file: place.path }] });

      const prefix = prefixOf(pipeline.name, 'raw');
      const batch: Batch = { version: 1, files: [] };
      const parts: [NamedFile, Part][] = [];
      for (const [i, file] of files.entries()) {
        const { name } = file;
        const columns = 'kept' in file ? file.kept.columns : (looked.get(file)?.columns ?? []);
        const { uri, sha256, bytes } = 'kept' in file ? file.kept : await keep(deps, prefix, file, signal);
        const raw = { name, uri, sha256, bytes, rows: rows[i] ?? 0 };
        batch.files.push(raw);
        parts.push([raw, { ...raw, columns, facts: {} }]);
      }
      if (captured.length > 0) await shelf?.put(parts);
      const columns = parts[0]?.[1].columns ?? [];
      const only = isGlob(source) ? undefined : batch.files[0];
      const { uri, sha256, bytes } =
        only ?? (await putArtifact(lake.store, prefix, Buffer.from(JSON.stringify(batch)), 'json', { signal }));
      const raw = { uri, sha256, bytes };
      const overlay = await readOverlay(lake.store, pipeline.name, name, { signal });
      return {
        tables: { [rawTable(name)]: { ...raw, rows: total, columns } },
        artifacts: { [rawTable(name)]: raw, ...(overlay && { [overlayOf(name)]: overlay }) },
        rowsIn: total,
        rowsOut: total,
        facts: { sha256, bytes, ...(only === undefined && { files: batch.files.length }) },
        leadsTo: only === undefined ? batch.files.map(({ uri, sha256, bytes }) => ({ uri, sha256, bytes })) : [],
        contents: contentsFrom(contentOfFiles(source, batch.files), overlay),
      };
    } finally {
      for (const { path } of captured) await lake.scratch.discard(path);
    }
  }),
});

/** Looks at every byte of files, and counts their records. */
async function lookAt(
  { lake }: Deps,
  { step: { id } }: StepInput,
  source: Source,
  files: readonly Captured[],
  signal: AbortSignal,
): Promise<Map<Captured, { rows: number; columns: string[] }>> {
  if (files.length === 0) return new Map();
  return lake.duckdb.session(
    async (session) => {
      const records = await openRecords(source, files, { session, work: lake.scratch, signal, thorough: true });
      try {
        records.demand(Object.entries(source.columns).map(([column, { from = column }]) => from));
        const rows = await records.count();
        const columnsOf = (i: number): string[] => records.headers?.[i] ?? records.columns;
        return new Map(files.map((file, i) => [file, { rows: rows[i] ?? 0, columns: columnsOf(i) }]));
      } finally {
        await records.close();
      }
    },
    { signal, step: id },
  );
}

async function keep({ lake }: Deps, prefix: string, file: Captured, signal: AbortSignal): Promise<Artifact> {
  const kept = await putArtifact(lake.store, prefix, { path: file.path, link: true }, extOf(file.name), { signal });
  await lake.scratch.adopt(file.path, kept);
  return kept;
}
