import type { Path } from '../documents/faults.js';
import { meant } from '../documents/nearest.js';
import type { Pipeline } from './pipeline.js';
import type { Builder, Table } from './table.js';

/** A table named at a place of the definition. */
export interface Reference {
  name: string;
  path: Path;
}

/** An SQL expression at a place of the definition. */
export interface ExpressionAt {
  text: string;
  path: Path;
}

/** A table of the definition with the place where it is defined. */
export interface TableAt {
  name: string;
  stage: 'features' | 'score';
  path: Path;
  table: Table;
}

/** Tables that scoring makes by itself, before those of `score.tables`. */
export const MADE_BY_SCORE = ['predictions', 'oof_predictions', 'all_predictions'] as const;

/** `tract_features@train` in its parts. */
export function splitReference(reference: string): { name: string; cutoff: string | undefined } {
  const [name = reference, cutoff] = reference.split('@');
  return { name, cutoff };
}

/** All tables that a definition makes, features first, in the order of the file. */
export function tablesOf({ features, score }: Pipeline): TableAt[] {
  return [
    ...Object.entries(features).map(([name, table]) => ({
      name,
      stage: 'features' as const,
      path: ['features', name],
      table,
    })),
    ...Object.entries(score.tables).map(([name, table]) => ({
      name,
      stage: 'score' as const,
      path: ['score', 'tables', name],
      table,
    })),
  ];
}

const referencesOfStep = (step: Builder): Reference[] => {
  if ('assign' in step) return [{ name: step.assign.polygons, path: ['assign', 'polygons'] }];
  if ('nearest' in step) return [{ name: step.nearest.to, path: ['nearest', 'to'] }];
  if ('count-within' in step) return [{ name: step['count-within'].of, path: ['count-within', 'of'] }];
  if ('rollup' in step) return step.rollup.of === undefined ? [] : [{ name: step.rollup.of, path: ['rollup', 'of'] }];
  if ('fit' in step) return [{ name: step.fit.on, path: ['fit', 'on'] }];
  if ('buffer-share' in step) return [{ name: step['buffer-share'].of, path: ['buffer-share', 'of'] }];
  return [];
};

/** Columns that a step adds to the working table; those that SQL makes are known only to its text. */
export function addedBy(step: Builder): string[] {
  if ('sql' in step) return [];
  if ('derive' in step) return Object.keys(step.derive);
  if ('assign' in step) return [step.assign.as];
  if ('count-within' in step) return Object.keys(step['count-within'].radii);
  if ('rollup' in step) return Object.keys(step.rollup.add);
  const named = (name: string | undefined): string[] => (name === undefined ? [] : [name]);
  if ('nearest' in step) return [...Object.keys(step.nearest.take), ...named(step.nearest.distance)];
  if ('window' in step) return Object.keys(step.window.add);
  if ('calendar' in step) return Object.keys(step.calendar.add);
  if ('fit' in step) return Object.keys(step.fit.add);
  if ('unpivot' in step) return [step.unpivot.name, step.unpivot.value];
  if ('resample' in step) {
    const { time, spread, begin, active } = step.resample;
    return [time, ...Object.keys({ ...spread, ...begin }), ...named(active)];
  }
  return [...Object.keys(step['buffer-share'].mean), ...named(step['buffer-share'].count)];
}

const expressionsOfStep = (step: Builder): ExpressionAt[] => {
  if ('sql' in step) return [];
  if ('derive' in step)
    return Object.entries(step.derive).map(([column, text]) => ({ text, path: ['derive', column] }));
  return Object.entries(step).flatMap(([builder, { where }]) =>
    where === undefined ? [] : [{ text: where, path: [builder, 'where'] }],
  );
};

const inSteps = <T extends { path: Path }>({ path, table }: TableAt, of: (step: Builder) => T[]): T[] =>
  table.steps.flatMap((step, i) => of(step).map((found) => ({ ...found, path: [...path, 'steps', i, ...found.path] })));

/** Every table that a table reads, by `from`, `uses` and its steps. */
export function referencesOf(at: TableAt): Reference[] {
  const { path, table } = at;
  return [
    ...(table.from === undefined ? [] : [{ name: table.from, path: [...path, 'from'] }]),
    ...table.uses.map((name, i) => ({ name, path: [...path, 'uses', i] })),
    ...inSteps(at, referencesOfStep),
  ];
}

/** Every SQL expression of a table's steps; SQL files are not among them. */
export const expressionsOf = (at: TableAt): ExpressionAt[] => inSteps(at, expressionsOfStep);

/** Which tables a place may name, and how it must name them. */
export class Scope {
  private readonly cutoffs = new Map<string, string[] | undefined>();
  /** Names that exist, but only later. */
  private readonly later: Set<string>;

  constructor(pipeline: Pipeline, stage: 'features' | 'score') {
    for (const name of Object.keys(pipeline.sources)) this.cutoffs.set(name, undefined);
    for (const [name, table] of Object.entries(pipeline.features)) this.cutoffs.set(name, table.cutoffs);
    const scored: [string, string[] | undefined][] = Object.entries(pipeline.score.tables).map(([name, table]) => [
      name,
      table.cutoffs,
    ]);
    if (pipeline.score.predict !== undefined) scored.push(['predictions', undefined]);
    if (pipeline.train !== undefined) scored.push(['oof_predictions', undefined], ['all_predictions', undefined]);
    this.later = new Set(stage === 'features' ? scored.map(([name]) => name) : []);
    if (stage === 'score') for (const [name, cutoffs] of scored) this.cutoffs.set(name, cutoffs);
  }

  /** What is wrong with a reference, or undefined. */
  faultOf(reference: string): string | undefined {
    const { name, cutoff } = splitReference(reference);
    if (this.later.has(name)) return `table \`${name}\` is made by score, which comes later`;
    if (!this.cutoffs.has(name)) return `no source or table \`${name}\`${meant(name, this.cutoffs.keys())}`;
    const built = this.cutoffs.get(name);
    if (built === undefined)
      return cutoff === undefined ? undefined : `table \`${name}\` is not built by cutoffs; name it without @${cutoff}`;
    const choices = built.map((one) => `${name}@${one}`).join(', ');
    if (cutoff === undefined) return `table \`${name}\` is built by cutoffs; name one of ${choices}`;
    return built.includes(cutoff)
      ? undefined
      : `table \`${name}\` is not built for \`${cutoff}\`; it is for ${choices}`;
  }
}

/** Cycles among tables, each once, as the names along it with the first repeated at the end. */
export const cyclesOf = (tables: TableAt[]): string[][] =>
  circlesOf(new Map(tables.map((at) => [at.name, referencesOf(at).map(({ name }) => splitReference(name).name)])));

/** Cycles among names that need others, as `cyclesOf` gives them. */
export function circlesOf(needs: ReadonlyMap<string, readonly string[]>): string[][] {
  const cycles: string[][] = [];
  const done = new Set<string>();
  const visit = (name: string, trail: string[]): void => {
    const start = trail.indexOf(name);
    if (start >= 0) cycles.push([...trail.slice(start), name]);
    if (start >= 0 || done.has(name)) return;
    for (const next of needs.get(name) ?? []) visit(next, [...trail, name]);
    done.add(name);
  };
  for (const name of needs.keys()) visit(name, []);
  return cycles;
}
