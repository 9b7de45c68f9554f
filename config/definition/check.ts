import type { Finding } from '../documents/faults.js';
import { meant } from '../documents/nearest.js';
import { checkContract } from './check-contract.js';
import { checkNames, duplicatesIn } from './check-names.js';
import { checkPartition } from './check-partition.js';
import { checkOutputs, checkTrain } from './check-products.js';
import { judgedAgainst } from './contract.js';
import { Findings, sqlFaults } from './findings.js';
import type { Pipeline } from './pipeline.js';
import {
  circlesOf,
  cyclesOf,
  expressionsOf,
  referencesOf,
  Scope,
  splitReference,
  type TableAt,
  tablesOf,
} from './references.js';
import { isLayer } from './source.js';

const POLYGON_FORMATS = ['geojson', 'topojson'];

const checkSources = ({ sources }: Pipeline, out: Findings): void => {
  for (const [name, source] of Object.entries(sources)) {
    const columns = Object.keys(source.columns);
    if (isLayer(source)) columns.push('id', 'geometry');
    for (const [i, column] of source.sort.entries())
      out.expectKnown(['sources', name, 'sort', i], 'column', column, columns);
    duplicatesIn(source.sort, ['sources', name, 'sort'], out);
    checkContract(name, source, columns, sources, out);
  }
};

const checkCutoffs = ({ cutoffs, parameters }: Pipeline, out: Findings): void => {
  for (const [cutoff, values] of Object.entries(cutoffs))
    for (const [name, value] of Object.entries(values)) {
      const path = ['cutoffs', cutoff, name];
      if (!Object.hasOwn(parameters, name)) {
        out.add(path, `no parameter \`${name}\`${meant(name, Object.keys(parameters))}`, 'key');
      } else if (typeof value !== typeof parameters[name]) {
        out.add(path, `parameter \`${name}\` is a ${typeof parameters[name]}, this a ${typeof value}`);
      }
    }
};

/** A table that is left out without its source takes along those that read it, so they must say so too. */
const checkWhen = (at: TableAt, tables: readonly TableAt[], { sources }: Pipeline, out: Findings): void => {
  const { when } = at.table;
  if (when !== undefined) {
    const path = [...at.path, 'when'];
    const isSource = out.expectKnown(path, 'source', when, Object.keys(sources));
    if (isSource && sources[when]?.optional === false)
      out.add(path, `source \`${when}\` is not optional, so the table is always built`);
  }
  for (const { name, path } of referencesOf(at)) {
    const needed = tables.find((other) => other.name === splitReference(name).name)?.table.when;
    if (needed !== undefined && needed !== when)
      out.add(
        path,
        `table \`${name}\` is left out without source \`${needed}\`; this one needs \`when: ${needed}\` as well`,
      );
  }
};

const checkSteps = ({ path, table }: TableAt, { sources }: Pipeline, out: Findings): void => {
  const isFromSource = table.from !== undefined && Object.hasOwn(sources, table.from);
  for (const [i, step] of table.steps.entries()) {
    const at = [...path, 'steps', i];
    if (i === 0 && table.from === undefined && !('sql' in step))
      out.add(at, 'a table without `from` begins with an sql');
    const unmatched = 'assign' in step ? step.assign.unmatched : 'nearest' in step ? step.nearest.unmatched : undefined;
    if (unmatched === 'quarantine' && !isFromSource)
      out.add(
        [...at, 'assign' in step ? 'assign' : 'nearest', 'unmatched'],
        'only rows of a source can be quarantined, and `from` names none',
      );
    if ('assign' in step) {
      const format = Object.hasOwn(sources, step.assign.polygons) ? sources[step.assign.polygons]?.format : undefined;
      if (format !== undefined && !POLYGON_FORMATS.includes(format))
        out.add([...at, 'assign', 'polygons'], `source \`${step.assign.polygons}\` has no polygons, it is ${format}`);
    }
    if ('window' in step)
      for (const { column, part } of table.partition ?? [])
        if (part !== undefined || !step.window.by.includes(column))
          out.add(
            [...at, 'window', 'by'],
            `the rows of a series lie in one partition, so \`${column}\` is among these, and not a stretch of time`,
          );
    if ('rollup' in step) {
      const { by, on } = step.rollup;
      if (on !== undefined && on.length !== by.length)
        out.add([...at, 'rollup', 'on'], `expected as many columns as \`by\` has: ${by.length}; found ${on.length}`);
      duplicatesIn(by, [...at, 'rollup', 'by'], out);
    }
  }
};

const checkTable = (at: TableAt, pipeline: Pipeline, scope: Scope, out: Findings): void => {
  const { path, table } = at;
  for (const reference of referencesOf(at)) out.add(reference.path, scope.faultOf(reference.name));
  for (const [i, cutoff] of (table.cutoffs ?? []).entries())
    out.expectKnown([...path, 'cutoffs', i], 'cutoff', cutoff, Object.keys(pipeline.cutoffs));
  if (table.cutoffs?.length === 0) out.add([...path, 'cutoffs'], 'expected at least one cutoff, or no `cutoffs`');
  duplicatesIn(table.cutoffs ?? [], [...path, 'cutoffs'], out);
  duplicatesIn(table.uses, [...path, 'uses'], out);
  duplicatesIn(table.key, [...path, 'key'], out);
  duplicatesIn(table.sort?.map((column) => column.replace(/ desc$/, '')) ?? [], [...path, 'sort'], out);
  checkSteps(at, pipeline, out);
  checkPartition(at, pipeline, out);
  const parameters = Object.keys(pipeline.parameters);
  for (const { text, path: where } of expressionsOf(at))
    for (const fault of sqlFaults(text, parameters)) out.add(where, fault.text);
};

/**
 * What the schema cannot see of a definition that meets it: every name resolves, nothing turns in a circle, parameters
 * exist. Columns of tables are known only with data, so they are checked when a step runs.
 */
export function checkPipeline(pipeline: Pipeline): Finding[] {
  const out = new Findings();
  const tables = tablesOf(pipeline);
  checkNames(pipeline, out);
  checkSources(pipeline, out);
  checkCutoffs(pipeline, out);
  for (const cycle of circlesOf(
    new Map(Object.entries(pipeline.sources).map(([name, source]) => [name, judgedAgainst(source)])),
  ))
    out.add(
      ['sources', cycle[0] ?? ''],
      `sources are judged against each other in a circle: ${cycle.join(' → ')}`,
      'key',
    );
  const scopes = { features: new Scope(pipeline, 'features'), score: new Scope(pipeline, 'score') };
  for (const at of tables) {
    checkTable(at, pipeline, scopes[at.stage], out);
    checkWhen(at, tables, pipeline, out);
  }
  for (const cycle of cyclesOf(tables)) {
    const first = tables.find(({ name }) => name === cycle[0]);
    out.add(first?.path ?? [], `tables turn in a circle: ${cycle.join(' → ')}`, 'key');
  }
  checkTrain(pipeline, scopes, out);
  checkOutputs(pipeline, scopes.score, out);
  return out.list;
}
