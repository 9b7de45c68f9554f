import { basename } from 'node:path';
import { cellName } from '../activities/ingest/cell.js';
import { contentOf, headOf } from '../activities/ingest/content.js';
import { openRecords } from '../activities/ingest/records.js';
import { type RecordSource, recordSource } from '../config/definition/source.js';
import type { Session } from '../lake/session.js';
import { quoteLiteral } from '../lake/sql.js';
import { captured, readText, withScratchLake } from './validate.js';

/** Delimiters that files have; the one that splits the first line into most cells is taken. */
const DELIMITERS = [',', ';', '\t', '|'];

/** Marks for missing that are no values of anything. */
const NULLS = ['', 'NA', 'N/A', 'NaN', 'NULL', 'null', 'None', 'nan', '#N/A'];

/** How files write days, but for the one that needs no format. */
const DAYS = ['%d.%m.%Y', '%d-%m-%Y', '%m-%d-%Y', '%d/%m/%Y', '%m/%d/%Y', '%Y/%m/%d', '%Y.%m.%d'];
const CLOCKS = ['', ' %H:%M', ' %H:%M:%S'];

/** Values that are few enough to be all there are. */
const FEW = 12;

/** What a contract begins with: a first guess for people to tighten, as plain data in the order of the file. */
export interface Inferred {
  format: RecordSource['format'];
  columns: Record<string, Record<string, unknown>>;
  [key: string]: unknown;
}

interface Profile {
  present: number;
  distinct: number;
  integers: number;
  points: number;
  commas: number;
  zeros: number;
  dates: number;
  times: number;
  /** Cells that may be a day as some other place writes it. */
  daylike: number;
  truths: number;
  low: string | null;
  high: string | null;
}

/** Reads a file as what its content shows, and writes the contract that its records meet. */
export async function inferContract(path: string): Promise<Inferred> {
  const head = (await headOf(path)).toString('utf8');
  const [first = ''] = head.split(/\r\n|\n|\r/);
  const isCsv = contentOf(Buffer.from(head)) === 'text';
  const delimiter = DELIMITERS.reduce((best, one) => (first.split(one).length > first.split(best).length ? one : best));
  const source = recordSource.parse({
    uri: '*',
    format: 'any',
    columns: { any: { type: 'text' } },
    ...(isCsv && { delimiter }),
  });
  return withScratchLake((lake) =>
    lake.duckdb.session(async (session) => {
      const records = await openRecords(source, await captured(lake, [{ path, name: basename(path) }]), {
        session,
        work: lake.scratch,
        thorough: true,
      });
      try {
        await session.run(`create temp table cells as ${await records.cells(records.columns)}`);
        const profile = async (column: string): Promise<Profile> =>
          numbersOf((await readText(session, profileSql(column)))[0] ?? {});
        const columns: Inferred['columns'] = {};
        const total = (await records.count()).reduce((sum, count) => sum + count, 0);
        const marks = new Set<string>();
        for (const column of records.columns) {
          for (const { mark } of await readText(session, marksSql(column))) marks.add(mark ?? '');
          const name = nameOf(column, columns);
          const seen = await profile(column);
          const values = seen.distinct <= FEW ? await readText(session, valuesSql(column)) : [];
          const formats = seen.present > 0 && seen.daylike === seen.present ? await formatsOf(session, column) : [];
          columns[name] = {
            ...(name !== column && { from: column }),
            ...rulesOf(
              seen,
              total,
              values.map(({ v }) => v ?? ''),
              formats,
            ),
          };
        }
        const decimal = Object.values(columns).some((rules) => rules.decimal === ',');
        for (const rules of Object.values(columns)) delete rules.decimal;
        return {
          format: isCsv ? 'csv' : 'any',
          ...(isCsv && delimiter !== ',' && { delimiter }),
          ...(decimal && { decimal: ',' }),
          ...([...marks].some((mark) => mark !== '') && {
            nulls: ['', ...[...marks].filter((mark) => mark !== '').sort()],
          }),
          columns,
        };
      } finally {
        await records.close();
      }
    }),
  );
}

/** A name that a definition may have for a column of a file. */
function nameOf(column: string, taken: object): string {
  const plain =
    column
      .replace(/[^A-Za-z0-9_]+/g, '_')
      .replace(/^[^A-Za-z]+|_+$/g, '')
      .slice(0, 60) || 'column';
  let name = plain;
  const isTaken = (): boolean =>
    name in Object.prototype || Object.keys(taken).some((one) => one.toLowerCase() === name.toLowerCase());
  for (let n = 2; isTaken(); n++) name = `${plain}_${n}`;
  return name;
}

/** A mark may have blanks round it. */
const isMissing = (column: string): string => `trim(${cellName(column)}) in (${NULLS.map(quoteLiteral).join(', ')})`;

const marksSql = (column: string): string =>
  `select distinct ${cellName(column)} as mark from cells where ${isMissing(column)}`;

const valuesSql = (column: string): string =>
  `select distinct ${cellName(column)} as v from cells where not ${isMissing(column)} order by v`;

/** The formats by which every cell is a time. Where day and month can be told apart by no cell, there are two. */
async function formatsOf(session: Session, column: string): Promise<string[]> {
  const formats = DAYS.flatMap((day) => CLOCKS.map((clock) => day + clock));
  const counts = formats.map((format, i) => {
    const time = `try_strptime(${cellName(column)}, ${quoteLiteral(format)})`;
    // Two digits of a year are taken for one of the first century.
    return `count(*) filter (${time} is null or year(${time}) < 1000) as "${i}"`;
  });
  const [failed = {}] = await readText(
    session,
    `select ${counts.join(', ')} from cells where not ${isMissing(column)}`,
  );
  return formats.filter((_, i) => failed[i] === '0');
}

/** How many cells could be of each type, and the least and greatest number. */
function profileSql(column: string): string {
  const point = "replace(v, ',', '.')";
  const like = (pattern: string): string => `count(*) filter (regexp_full_match(v, '${pattern}'))`;
  const isTime = "'\\d{4}-\\d{2}-\\d{2}[ T]\\d{2}:\\d{2}.*'";
  return `with given as (select ${cellName(column)} as v from cells where not ${isMissing(column)})
    select count(*) as present, count(distinct v) as "distinct", ${like('[+-]?\\d{1,15}')} as integers,
      ${like('[+-]?(\\d+\\.?\\d*|\\.\\d+)([eE][+-]?\\d+)?')} as points, ${like('[+-]?\\d*,?\\d+')} as commas,
      ${like('[+-]?0\\d.*')} as zeros, count(*) filter (regexp_full_match(v, '\\d{4}-\\d{2}-\\d{2}') and try_cast(v as date) is not null) as dates,
      count(*) filter (regexp_full_match(v, ${isTime}) and try_cast(v as timestamp) is not null) as times,
      ${like('\\d{1,4}[./-]\\d{1,2}[./-]\\d{1,4}( \\d{1,2}:\\d{2}(:\\d{2})?)?')} as daylike,
      count(*) filter (lower(v) in ('true', 'false')) as truths,
      min(try_cast(${point} as double)) as low, max(try_cast(${point} as double)) as high from given`;
}

const numbersOf = (row: Record<string, string | null>): Profile => {
  const { low = null, high = null, ...counts } = row;
  return {
    ...(Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, Number(count)])) as unknown as Omit<
      Profile,
      'low' | 'high'
    >),
    low,
    high,
  };
};

/** The narrowest type that all cells have; ids with leading zeros stay text. */
function rulesOf(
  seen: Profile,
  all: number,
  values: readonly string[],
  formats: readonly string[],
): Record<string, unknown> {
  const { present, distinct, zeros, low, high } = seen;
  const every = (count: number): boolean => present > 0 && count === present;
  const isBounded = [low, high].every((end) => end !== null && Number.isFinite(Number(end)));
  const isNumber = isBounded && zeros === 0 && (every(seen.points) || every(seen.commas));
  // Of two that fit, nobody but the file's author knows which is meant.
  const [format] = formats.length === 1 ? formats : [];
  const isMoment = format?.includes('%H') === true;
  const types = [
    ['boolean', every(seen.truths)],
    ['integer', zeros === 0 && every(seen.integers)],
    ['double', isNumber],
    ['date', every(seen.dates) || (format !== undefined && !isMoment)],
    ['timestamp', every(seen.times) || isMoment],
  ] as const;
  const [type = 'text'] = types.find(([, fits]) => fits) ?? [];
  return {
    type,
    ...(format !== undefined && { formats: [format] }),
    ...(type === 'double' && !every(seen.points) && { decimal: ',' }),
    ...(present === all && { required: true }),
    ...(present === all && distinct === all && all > 1 && ['integer', 'text'].includes(type) && { unique: true }),
    ...((type === 'double' || type === 'integer') && distinct > 1 && { min: Number(low), max: Number(high) }),
    ...(type === 'text' && values.length > 0 && present > 10 * distinct && { allowed: [...values] }),
  };
}
