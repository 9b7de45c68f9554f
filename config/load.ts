import { createHash } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { checkPipeline } from './definition/check.js';
import { sqlFaults } from './definition/findings.js';
import { type Pipeline, pipeline as schema } from './definition/pipeline.js';
import { tablesOf } from './definition/references.js';
import type { Builder, Table } from './definition/table.js';
import { diagnose } from './documents/diagnose.js';
import { type Fault, faultsError } from './documents/faults.js';
import { readSmallText } from './documents/files.js';
import { parseYaml, type YamlText } from './documents/yaml.js';
import { allHomes, codeFaults, FILE, type Home, homeOf, type PipelinePlaces } from './homes.js';
import { shownFile } from './places.js';

export type { PipelinePlaces } from './homes.js';

/** A file of a definition: what was read, to the byte. */
export interface DefinitionFile {
  path: string;
  /** Lower-case hex. */
  sha256: string;
  bytes: number;
}

export interface LoadedPipeline {
  /** Checked, defaults filled in; each `sql` holds the text of its file. */
  pipeline: Pipeline;
  /** Absolute path of the folder with the pipeline.yaml. */
  folder: string;
  /** pipeline.yaml and the SQL files, by name. */
  files: Record<string, DefinitionFile>;
  /** Text of the SQL files, by name. */
  sql: Record<string, string>;
}

/** Pipelines of all places in order of their names; a name that two places have is that of the first. */
export async function listPipelines(places: PipelinePlaces = {}): Promise<{ name: string; folder: string }[]> {
  return (await allHomes(places)).map(({ name, folder }) => ({ name, folder }));
}

const fileOf = (path: string, text: string): DefinitionFile => {
  const bytes = Buffer.from(text);
  return { path, sha256: createHash('sha256').update(bytes).digest('hex'), bytes: bytes.length };
};

const placeInText = (text: string, offset: number): { line: number; column: number } => {
  const before = text.slice(0, offset);
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
};

interface SqlFiles {
  files: Record<string, DefinitionFile>;
  sql: Record<string, string>;
  faults: Fault[];
}

/** Reads each SQL file that a step names, once. A file that is not there is a fault at the step's line. */
const readSqlFiles = async ({ folder, place }: Home, pipeline: Pipeline, yaml: YamlText): Promise<SqlFiles> => {
  const found: SqlFiles = { files: {}, sql: {}, faults: [] };
  for (const { path, table } of tablesOf(pipeline))
    for (const [i, step] of table.steps.entries()) {
      if (!('sql' in step) || Object.hasOwn(found.sql, step.sql)) continue;
      // Of a pipeline beside this one: what two of them do alike is written down once.
      const file = step.sql.includes('/') ? join(dirname(folder), step.sql) : join(folder, step.sql);
      const read = await readSmallText(file);
      if ('fault' in read) {
        found.faults.push(
          yaml.locate({
            path: [...path, 'steps', i, 'sql'],
            at: 'value',
            text: `file ${shownFile(place, file)} ${read.fault}`,
          }),
        );
        continue;
      }
      if (read.text.trim() === '') found.faults.push({ file: shownFile(place, file), line: 1, text: 'is empty' });
      found.sql[step.sql] = read.text;
      found.files[step.sql] = fileOf(file, read.text);
      for (const { offset, text } of sqlFaults(read.text, Object.keys(pipeline.parameters)))
        found.faults.push({ file: shownFile(place, file), ...placeInText(read.text, offset), text });
    }
  return found;
};

const withSql = (tables: Record<string, Table>, sql: Record<string, string>): Record<string, Table> =>
  Object.fromEntries(
    Object.entries(tables).map(([name, table]) => [
      name,
      { ...table, steps: table.steps.map((step): Builder => ('sql' in step ? { sql: sql[step.sql] ?? '' } : step)) },
    ]),
  );

/**
 * Reads and checks a pipeline by its name, or by the folder that holds its pipeline.yaml (anything with a path
 * separator). All faults come in one GR-1003, each with file, line and column; an unknown name is GR-4001. Where places
 * are buckets the errors of stores come on top.
 */
export async function loadPipeline(nameOrFolder: string, places: PipelinePlaces = {}): Promise<LoadedPipeline> {
  const home = await homeOf(nameOrFolder, places);
  const { folder, place } = home;
  const path = join(folder, FILE);
  const file = shownFile(place, path);
  const read = await readSmallText(path);
  if ('fault' in read) throw faultsError('GR-1003', [{ file, text: read.fault }]);
  const yaml = parseYaml(file, read.text);
  if (yaml.value === undefined) throw faultsError('GR-1003', yaml.faults);
  const faults = [...yaml.faults, ...diagnose(schema, yaml.value).map(yaml.locate)];
  // Names are looked up only in a definition of the right form: else each fault would come back in other words.
  if (faults.length > 0) throw faultsError('GR-1003', faults);
  const pipeline = schema.parse(yaml.value);
  faults.push(...checkPipeline(pipeline).map(yaml.locate));
  if (pipeline.name !== basename(folder))
    faults.push(
      yaml.locate({
        path: ['name'],
        at: 'value',
        text: `expected the folder's name, \`${basename(folder)}\`; found \`${pipeline.name}\``,
      }),
    );
  const { files, sql, faults: sqlProblems } = await readSqlFiles(home, pipeline, yaml);
  faults.push(...sqlProblems, ...codeFaults(home));
  if (faults.length > 0) throw faultsError('GR-1003', faults);
  return {
    pipeline: {
      ...pipeline,
      features: withSql(pipeline.features, sql),
      score: { ...pipeline.score, tables: withSql(pipeline.score.tables, sql) },
    },
    folder,
    files: { [FILE]: fileOf(path, read.text), ...files },
    sql,
  };
}
