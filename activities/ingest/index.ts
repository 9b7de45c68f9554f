import { createWriteStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { finished } from 'node:stream/promises';
import type { CsvSource, Source } from '../../config/definition/source.js';
import { GeorefreshError } from '../../config/errors.js';
import { listPipelines } from '../../config/load.js';
import { loadSample } from '../../config/sources.js';
import { hashFile, putArtifact } from '../../lake/artifacts.js';
import { putTable } from '../../lake/tables.js';
import type { Columns, TableRef } from '../../lake/types.js';
import { type Deps, definitionOf, nameOf, prefixOf } from '../deps.js';
import { type StepContext, step } from '../durable.js';
import { textColumn } from '../features/builders/columns.js';
import { type Layer, readLayer } from '../features/geo/layers.js';
import { rawTable } from '../resolve/plan.js';
import type { StepInput } from '../types.js';
import { csvFault, csvHeader, csvRows } from './csv.js';

/** A source's bytes in the scratch folder, and what is known of them. */
interface Captured {
  path: string;
  sha256: string;
  bytes: number;
}

export const createIngestActivities = (deps: Deps) => ({
  /** Keeps a source's bytes as they came and reads them into a table of text cells, one row a record, in their order. */
  ingest: step(deps, async (input: StepInput, context: StepContext) => {
    const { lake } = deps;
    const { pipeline, sources } = await definitionOf(lake, input);
    const name = nameOf(input);
    const source = pipeline.sources[name];
    const place = sources.find((one) => one.name === name);
    if (source === undefined || place === undefined)
      throw new GeorefreshError('GR-3009', `no source is called ${name}`);

    const { path, sha256, bytes } =
      place.from === 'sample'
        ? await makeSample(deps, pipeline.name, place.path)
        : await capture(deps, join(input.inputs ?? '', place.path), context);
    try {
      const options = { signal: context.signal };
      const ext = extname(place.path).slice(1) || 'bin';
      const kept = await putArtifact(lake.store, prefixOf(pipeline.name, 'raw'), { path, link: true }, ext, options);
      const { table, facts } = await readInto(deps, input, source, { path, sha256, bytes }, place.path, context);
      if (table.rows === 0) throw new GeorefreshError('GR-2004', place.path, { where: [{ file: place.path }] });
      return {
        tables: { [rawTable(name)]: table },
        artifacts: { [rawTable(name)]: kept },
        rowsIn: table.rows,
        rowsOut: table.rows,
        facts: { ...facts, sha256, bytes },
      };
    } finally {
      await lake.scratch.discard(path);
    }
  }),
});

/** Copies the file once; what is read later are the bytes copied. GR-2005 where it changed meanwhile. */
async function capture({ lake }: Deps, file: string, { signal }: StepContext): Promise<Captured> {
  const before = await stat(file).catch(() => undefined);
  if (before === undefined) throw new GeorefreshError('GR-2005', `${file} is gone`, { where: [{ file }] });
  const captured = await lake.scratch.capture(file, extname(file).slice(1) || 'bin', { signal });
  const after = await stat(file).catch(() => undefined);
  if (after === undefined || after.mtimeMs !== before.mtimeMs || after.size !== captured.bytes) {
    await lake.scratch.discard(captured.path);
    throw new GeorefreshError('GR-2005', file, { where: [{ file }] });
  }
  return captured;
}

async function makeSample({ lake, settings }: Deps, pipeline: string, file: string): Promise<Captured> {
  const folder = (await listPipelines(settings)).find(({ name }) => name === pipeline)?.folder;
  const sample = await loadSample(pipeline, folder);
  if (sample === undefined) throw new GeorefreshError('GR-3009', `${pipeline} brings no sample`);
  const path = lake.scratch.newFile(extname(file).slice(1) || 'bin');
  const out = createWriteStream(path, { flags: 'wx' });
  out.end(sample.generate(file));
  await finished(out);
  return { path, ...(await hashFile(path)) };
}

async function readInto(
  { lake }: Deps,
  input: StepInput,
  source: Source,
  captured: Captured,
  file: string,
  context: StepContext,
): Promise<{ table: TableRef; facts: Record<string, number> }> {
  const { signal } = context;
  const into = { prefix: prefixOf(input.header.pipeline, 'raw'), orderBy: ['_row'], keyed: true, signal };
  return lake.duckdb.session(
    async (session) => {
      if (source.format === 'csv') {
        const asCsv = <T>(reading: Promise<T>): Promise<T> =>
          reading.catch((error: unknown) => Promise.reject(csvError(error, file)));
        const header = await csvHeader(captured.path, source).catch(unreadable(file));
        if (header === undefined) return unreadable(file)(new Error('it is empty'));
        demandColumns(source, header, file);
        const table = await asCsv(putTable(lake, session, { select: csvRows(captured.path, source, header) }, into));
        return { table, facts: {} };
      }
      const bytes = await readFile(captured.path, { signal });
      const layer = readLayer(bytes, source.format, {
        file,
        ...(source.object !== undefined && { object: source.object }),
      });
      const table = await putTable(lake, session, { columns: layerColumns(layer) }, into);
      return { table, facts: { rings_dropped: layer.ringsDropped } };
    },
    { signal, step: input.step.id },
  );
}

function demandColumns({ columns }: CsvSource, header: string[], file: string): void {
  const known = new Set(header);
  const missing = Object.entries(columns)
    .map(([column, { from = column }]) => from)
    .filter((column) => !known.has(column));
  if (missing.length > 0)
    throw new GeorefreshError(
      'GR-2003',
      `${file} has no ${missing.join(', ')}; it has ${header.slice(0, 40).join(', ')}`,
      {
        where: [{ file, line: 1 }],
      },
    );
}

function csvError(error: unknown, file: string): unknown {
  const fault = error instanceof GeorefreshError ? csvFault(error.message) : undefined;
  if (fault === undefined) return error;
  const { line, what } = fault;
  // Without the cause: its message shows the row, which may be personal, and causes go into the engine's history.
  return new GeorefreshError('GR-2002', `${file}${line === undefined ? '' : `:${line}`} ${what}`, {
    where: [{ file, ...(line !== undefined && { line }) }],
  });
}

const unreadable =
  (file: string) =>
  (error: Error): never => {
    throw new GeorefreshError('GR-2002', `${file} ${error.message}`, { where: [{ file }] });
  };

/** One row a feature: its id, properties and geometry as JSON text, or the reason why it is no polygon. */
function layerColumns({ features, faults }: Layer): Columns {
  const broken = new Map(faults.map((fault) => [fault.index, fault]));
  const rows = features.length + faults.length;
  const good = features[Symbol.iterator]();
  const records = Array.from({ length: rows }, (_, row) => {
    const fault = broken.get(row);
    if (fault !== undefined) return { id: fault.id, properties: '{}', geometry: null, fault: fault.reason };
    const { id, properties, geometry } = good.next().value ?? features[0];
    const named = id ?? text(properties.id) ?? text(properties.name) ?? String(row + 1);
    return { id: named, properties: JSON.stringify(properties), geometry: JSON.stringify(geometry), fault: null };
  });
  return {
    rows,
    columns: {
      _row: { type: 'integer', values: Float64Array.from({ length: rows }, (_, row) => row + 1) },
      id: textColumn(rows, (row) => records[row].id),
      properties: textColumn(rows, (row) => records[row].properties),
      geometry: textColumn(rows, (row) => records[row].geometry),
      _fault: textColumn(rows, (row) => records[row].fault),
    },
  };
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
