import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { openRecords, type SourceFile } from '../activities/ingest/records.js';
import { demandShare, type Judgement, judge } from '../activities/validate/judge.js';
import { demandFreshness } from '../activities/validate/whole.js';
import { judgedAgainst } from '../config/definition/contract.js';
import { isAddress, isGlob, type Source } from '../config/definition/source.js';
import { GeorefreshError } from '../config/errors.js';
import { matchFiles } from '../config/sources.js';
import { type Lake, openLake } from '../lake/lake.js';
import type { Session } from '../lake/session.js';
import { quoteIdent } from '../lake/sql.js';

/** What a contract says of a file, without a run. */
export interface Validation {
  source: string;
  /** Whether no record breaks the contract. */
  is_valid: boolean;
  /** Whether a refresh would go on: no more rows are broken than the contract allows. */
  accepted: boolean;
  validated_records: number;
  failed_records: number;
  errors: { rule: string; rows: number; example: { row: number; reason: string } }[];
  /** Rows that rules with severity warn count. */
  warnings: Record<string, number>;
}

export interface ValidationInput {
  name: string;
  source: Source;
  /** Folder that the places of sources are relative to, or the one file in their place. */
  place: { root: string } | { file: string };
  /** Other sources of the pipeline, where the contract speaks of them. */
  sources?: Readonly<Record<string, Source>>;
  /** ISO 8601; default: now. */
  logicalTime?: string;
  /** Takes every broken row, in order. */
  onBroken?(rows: AsyncIterable<BrokenRow>): Promise<void>;
}

/** A row that was put aside. */
export interface BrokenRow {
  source: string;
  file: string;
  row: number;
  rule: string;
  reason: string;
  /** JSON text of its cells as they came. */
  raw: string;
}

/** A lake of its own for the time of `work`, in the system's folder for such things. */
export async function withScratchLake<T>(work: (lake: Lake) => Promise<T>): Promise<T> {
  const home = await mkdtemp(join(tmpdir(), 'georefresh-'));
  const lake = await openLake({ home, scratchBytes: 1e9, memoryLimit: '1GB', threads: 2 });
  try {
    return await work(lake);
  } finally {
    await lake.close();
    await rm(home, { recursive: true, force: true });
  }
}

/** Holds a source's file or files to its contract. Throws where they cannot be read at all. */
export const validate = (input: ValidationInput): Promise<Validation> =>
  withScratchLake((lake) => lake.duckdb.session((session) => validateIn(lake, session, input)));

async function validateIn(lake: Lake, session: Session, input: ValidationInput): Promise<Validation> {
  const { name, source, sources = {}, onBroken } = input;
  for (const other of judgedAgainst(source)) {
    const contract = sources[other];
    if (contract === undefined)
      throw new GeorefreshError(
        'GR-1006',
        `it speaks of the source ${other}, which a file alone does not have; name the source of a pipeline`,
      );
    const read = await judgeFiles(lake, session, { ...input, name: other, source: contract });
    await session.run(`create or replace temp table ${quoteIdent(other)} as ${read.judged.good}`);
  }
  const { judged, files } = await judgeFiles(lake, session, input);
  if (judged.failed > 0 && onBroken !== undefined) await onBroken(brokenRows(session, judged, files));
  const accepted = await isAccepted(session, name, source, judged);
  if (accepted) await demandFreshness(session, name, source, input.logicalTime ?? new Date().toISOString());
  return {
    source: name,
    is_valid: judged.failed === 0,
    accepted,
    validated_records: judged.rows - judged.failed,
    failed_records: judged.failed,
    errors: judged.failed === 0 ? [] : await examplesOf(session, judged),
    warnings: judged.warnings,
  };
}

interface Read {
  judged: Judgement;
  files: { name: string; rows: number }[];
}

async function judgeFiles(lake: Lake, session: Session, { name, source, place }: ValidationInput): Promise<Read> {
  const files = await captured(lake, await filesOf(name, source, place));
  const records = await openRecords(source, files, { session, work: lake.scratch, thorough: true });
  try {
    const judged = await judge(session, name, source, records);
    if (judged.rows === 0) throw new GeorefreshError('GR-2004', files.map((file) => file.name).join(', '));
    // One file alone need not be read again to be counted.
    const rows = files.length === 1 ? [judged.rows] : await records.count();
    return {
      judged,
      files: files.map((file, i) => ({ name: file.name, rows: rows[i] ?? 0 })),
    };
  } finally {
    await records.close();
  }
}

/** Copies files to where the engine may read; what is looked at are the bytes copied. */
export async function captured(lake: Lake, files: readonly SourceFile[]): Promise<SourceFile[]> {
  const copies: SourceFile[] = [];
  for (const { path, name } of files) {
    const found = await stat(path).catch(() => undefined);
    if (found === undefined) throw new GeorefreshError('GR-2001', path, { where: [{ file: path }] });
    if (!found.isFile()) throw new GeorefreshError('GR-2002', `${path} is not a file`, { where: [{ file: path }] });
    copies.push({ path: (await lake.scratch.capture(path, 'bin')).path, name });
  }
  return copies;
}

async function filesOf(name: string, source: Source, place: ValidationInput['place']): Promise<SourceFile[]> {
  if ('file' in place) return [{ path: place.file, name: basename(place.file) }];
  if (isAddress(source.uri))
    throw new GeorefreshError('GR-4011', `${name} is an address: fetch it, and validate the file by its contract`);
  const names = isGlob(source) ? await matchFiles(place.root, name, source.uri) : [source.uri];
  if (names.length === 0)
    throw new GeorefreshError('GR-2001', `${name}: ${source.uri} names no file under ${place.root}`);
  return names.map((file) => ({ path: join(place.root, file), name: file }));
}

async function isAccepted(session: Session, name: string, source: Source, judged: Judgement): Promise<boolean> {
  try {
    await demandShare(session, name, source, judged);
    return true;
  } catch (error) {
    if (error instanceof GeorefreshError && error.code === 'GR-2104') return false;
    throw error;
  }
}

/** Rows read at a time. */
const PAGE = 10_000;

async function* brokenRows(session: Session, { aside }: Judgement, files: Read['files']): AsyncGenerator<BrokenRow> {
  let after = 0;
  for (;;) {
    const page = await readText(
      session,
      `select * from (${aside}) where "row" > ${after} order by "row" limit ${PAGE}`,
    );
    if (page.length === 0) return;
    for (const row of page) {
      after = Number(row.row);
      yield {
        ...placed(files, after),
        source: row.source ?? '',
        rule: row.rule ?? '',
        reason: row.reason ?? '',
        raw: row.raw ?? '',
      };
    }
  }
}

function placed(files: Read['files'], row: number): { file: string; row: number } {
  let before = 0;
  for (const { name, rows } of files) {
    if (row <= before + rows) return { file: name, row: row - before };
    before += rows;
  }
  return { file: '', row };
}

async function examplesOf(session: Session, { aside, counts }: Judgement): Promise<Validation['errors']> {
  const first = await readText(
    session,
    `select rule, min("row") as "row", arg_min(reason, "row") as reason from (${aside}) group by rule order by rule`,
  );
  return first.map(({ rule, row, reason }) => ({
    rule: rule ?? '',
    rows: counts[rule ?? ''] ?? 0,
    example: { row: Number(row), reason: reason ?? '' },
  }));
}

/** A small result as records of text; missing values are null. */
export async function readText(session: Session, sql: string): Promise<Record<string, string | null>[]> {
  const { rows, columns } = await session.readColumns(`select cast(columns(*) as varchar) from (${sql})`);
  return Array.from({ length: rows }, (_, row) =>
    Object.fromEntries(
      Object.entries(columns).map(([name, column]) => {
        if (column.type !== 'text') throw new TypeError(`${name} is text`);
        const code = column.codes[row] ?? -1;
        return [name, code < 0 ? null : (column.dictionary[code] ?? null)];
      }),
    ),
  );
}
