import { fetchJson } from '../../../lake/artifacts.js';
import { usualSeconds } from '../../../lake/durations.js';
import type { Parameters } from '../../../lake/parameters.js';
import { LOOKED_AT, type PastSource, pastSources } from '../../../lake/quality.js';
import { latestManifests } from '../../../lake/runs.js';
import type { Session } from '../../../lake/session.js';
import { quoteIdent } from '../../../lake/sql.js';
import { withTables } from '../../../lake/tables.js';
import type { TableRef } from '../../../lake/types.js';
import { artifactOf, type Deps, tableOf } from '../../deps.js';
import type { FrozenDefinition } from '../../resolve/frozen.js';
import { rawTable } from '../../resolve/plan.js';
import { metricOf } from '../../train/metrics.js';
import { IMPORTANCE, JUDGEMENT, MODEL_FACTS } from '../../train/names.js';
import type { ModelFacts } from '../../train/steps/champion.js';
import type { ChampionImportance } from '../../train/steps/importance.js';
import type { Judgement } from '../../train/steps/judge.js';
import type { PublishInput } from '../../types.js';
import { inOrder, stageSummaries } from '../manifest.js';
import type { RenderInput } from '../render.js';
import type { Cell, ReportData, ReportMap, ReportMetrics, ReportTable } from '../report-data.js';
import { describeCharts } from './charts.js';
import { QUARANTINE, rowsOf } from './outputs.js';

/** Rows of the short lists. */
const TOP = 25;

/** Earlier runs whose quality is shown beside this one's. */
const PAST = 6;

/** Gathers what the report says: aggregates and short lists, from the outputs as they will be published. */
export async function describeRun(
  deps: Deps,
  session: Session,
  definition: FrozenDefinition,
  input: PublishInput,
  signal: AbortSignal,
): Promise<RenderInput> {
  const { pipeline } = definition;
  const read = reader(deps, session, input, signal);
  const map = await describeMap(definition, input, read);
  const manifests = await latestManifests(deps.lake.store, pipeline.name, { limit: PAST * LOOKED_AT, signal });
  const past = pastSources(manifests, PAST);
  const data: ReportData = {
    pipeline: { name: pipeline.name, title: pipeline.title, description: pipeline.description },
    run: {
      id: input.header.run,
      logicalTime: input.header.logicalTime,
      startedAt: input.header.startedAt,
      seconds: Math.max(0, (Date.now() - Date.parse(input.header.startedAt)) / 1000),
      trigger: input.header.trigger,
      outcome: 'published',
    },
    sample: input.inputs === undefined,
    sources: await describeSources(definition, input, read, past),
    ...(pipeline.train !== undefined && { metrics: await describeMetrics(deps, definition, input) }),
    ...(map && { map: map.map }),
    charts: await describeCharts(pipeline, input.tables, read),
    tables: await describeTables(definition, input, read),
    outputs: Object.entries({ ...input.tables, ...input.artifacts })
      .filter(([name]) => name.startsWith('file:'))
      .map(([name, { bytes, sha256, ...ref }]) => ({
        name: name.slice('file:'.length),
        rows: 'rows' in ref ? (ref as TableRef).rows : null,
        bytes,
        sha256,
      })),
    stages: Object.entries(stageSummaries(input.steps)).map(([name, stage]) => ({ name, ...stage })),
    steps: describeSteps(input, usualSeconds(manifests)),
    parameters: Object.entries(pipeline.parameters).map(([name, value]) => ({ name, value })),
    notes: pipeline.train?.card.limits ?? [],
  };
  return { data, ...(map && { shapes: map.shapes }) };
}

/** What became of each step before publishing. */
function describeSteps({ steps }: PublishInput, usual: ReadonlyMap<string, number>): ReportData['steps'] {
  return inOrder(steps).map(({ id, reused, why, partitions, seconds }) => ({
    id,
    what: reused
      ? 'reused'
      : [...why, ...(partitions === undefined ? [] : [`${partitions.made} of ${partitions.all} partitions made`])].join(
          '; ',
        ),
    seconds: reused ? null : seconds,
    usual: usual.get(id) ?? null,
  }));
}

type Read = (table: TableRef, sql: string, parameters?: Parameters) => Promise<Record<string, Cell>[]>;

const reader =
  ({ lake }: Deps, session: Session, _input: PublishInput, signal: AbortSignal): Read =>
  (table, sql, parameters) =>
    withTables(
      lake,
      session,
      { t: table },
      async () => rowsOf(await session.readColumns(sql, parameters)) as Record<string, Cell>[],
      { signal },
    );

async function describeSources(
  { sources }: FrozenDefinition,
  input: PublishInput,
  read: Read,
  past: ReadonlyMap<string, PastSource[]>,
): Promise<ReportData['sources']> {
  const quarantine = tableOf(input, `file:${QUARANTINE}`);
  const broken = await read(
    quarantine,
    'select source, rule, count(*) as n, min("row") as first, arg_min(reason, "row") as reason from t group by source, rule order by source, rule',
  );
  // One row may be put aside by several steps.
  const apart = await read(quarantine, 'select source, count(distinct "row") as n from t group by source');
  const rowsApart = new Map(apart.map(({ source, n }) => [source, Number(n)]));
  return sources.flatMap(({ name }) => {
    const bytes = input.artifacts[rawTable(name)];
    const raw = input.tables[rawTable(name)];
    if (bytes === undefined || raw === undefined) return [];
    const rules = broken.filter(({ source }) => source === name);
    return [
      {
        name,
        rows: raw.rows,
        good: raw.rows - (rowsApart.get(name) ?? 0),
        bytes: bytes.bytes,
        sha256: bytes.sha256,
        past: past.get(name) ?? [],
        quarantine: rules.map(({ rule, n, first, reason }) => ({
          rule: String(rule),
          rows: Number(n),
          example: { row: Number(first), reason: String(reason) },
        })),
      },
    ];
  });
}

async function describeMetrics(
  { lake }: Deps,
  { pipeline }: FrozenDefinition,
  input: PublishInput,
): Promise<ReportMetrics> {
  const { train } = pipeline;
  if (train === undefined) throw new TypeError(`${pipeline.name} trains no model`);
  const { table, lift } = await fetchJson<Judgement>(lake.store, artifactOf(input, JUDGEMENT));
  const { model } = await fetchJson<ModelFacts>(lake.store, artifactOf(input, MODEL_FACTS));
  const permuted = await fetchJson<ChampionImportance>(lake.store, artifactOf(input, IMPORTANCE));
  const { judge, evaluations, candidates, metrics } = train;
  const judged = Object.keys(candidates);
  const naive = Object.keys(train.baselines);
  const evaluation = evaluations[judge.evaluation];
  const scored = evaluation !== undefined && 'on' in evaluation ? evaluation.on : '';
  const mark = Object.values(metrics).flatMap((metric) => ('capture' in metric ? [metric.capture.share] : []))[0];
  return {
    table: {
      ...table,
      models: Object.fromEntries(judged.map((name) => [name, table.models[name] ?? {}])),
      baselines: Object.fromEntries(naive.map((name) => [name, table.baselines[name] ?? {}])),
    },
    judge: judge.metric,
    better: Object.fromEntries(
      Object.entries(metrics).map(([name, metric]) => [
        name,
        name === judge.metric ? judge.better : metricOf(metric).better,
      ]),
    ),
    evaluation: evaluation?.title ?? judge.evaluation,
    importance: importanceOf(model, permuted),
    evaluations: Object.entries(evaluations).map(([name, one]) => {
      const own = 'fit' in one ? one.score : one.on;
      const suffix = name === judge.evaluation ? '' : `_${name}`;
      return {
        title: one.title ?? name,
        values: {
          ...Object.fromEntries(
            judged.map((model) => [model, table.models[`${model}${suffix}`]?.[judge.metric] ?? null]),
          ),
          // A baseline learns nothing: on the same rows it is the same under every way of evaluation.
          ...Object.fromEntries(
            naive.flatMap((key) => {
              const values = table.baselines[`${key}${suffix}`] ?? (own === scored ? table.baselines[key] : undefined);
              return values === undefined ? [] : [[key, values[judge.metric] ?? null]];
            }),
          ),
        },
      };
    }),
    lift: {
      rows: train.labels.rows,
      gain: train.labels.gain ?? train.target,
      ...(mark !== undefined && { mark }),
      curves: lift,
    },
  };
}

/** Features by what the metric loses without them, then by their share of the model. */
function importanceOf(
  { features }: ModelFacts['model'],
  { rows, loss }: ChampionImportance,
): ReportMetrics['importance'] {
  const total = features.reduce((sum, { importance }) => sum + importance, 0);
  const lost = new Map(loss.map((one) => [one.name, one.loss]));
  return {
    rows,
    features: features
      .map(({ name, importance }) => ({
        name,
        share: total === 0 ? 0 : importance / total,
        loss: lost.get(name) ?? null,
      }))
      .sort((a, b) => (b.loss ?? 0) - (a.loss ?? 0) || b.share - a.share || (a.name < b.name ? -1 : 1)),
  };
}

async function describeTables({ pipeline }: FrozenDefinition, input: PublishInput, read: Read): Promise<ReportTable[]> {
  const tables: ReportTable[] = [];
  for (const [name, output] of Object.entries(pipeline.outputs)) {
    const ref = input.tables[`file:${name}.parquet`];
    if (ref === undefined) continue;
    const columns = output.show.length > 0 ? output.show : ref.columns.slice(0, 8);
    const top = await read(ref, `select ${columns.map(quoteIdent).join(', ')} from t limit ${TOP}`);
    tables.push({
      name,
      ...(output.title !== undefined && { title: output.title }),
      rows: ref.rows,
      columns: columns.map((column) => ({ name: column, type: typeOf(top.map((row) => row[column])) })),
      top: top.map((row) => columns.map((column) => row[column] ?? null)),
    });
  }
  return tables;
}

function typeOf(cells: (Cell | undefined)[]): ReportTable['columns'][number]['type'] {
  const known = cells.filter((cell) => cell !== null && cell !== undefined);
  if (known.length > 0 && known.every((cell) => typeof cell === 'boolean')) return 'boolean';
  if (known.length === 0 || !known.every((cell) => typeof cell === 'number')) return 'text';
  return known.every((cell) => Number.isInteger(cell)) ? 'integer' : 'number';
}

async function describeMap(
  { pipeline }: FrozenDefinition,
  input: PublishInput,
  read: Read,
): Promise<{ map: ReportMap; shapes: NonNullable<RenderInput['shapes']> } | undefined> {
  const { map } = pipeline.report;
  if (map === undefined) return undefined;
  const output = pipeline.outputs[map.output];
  const table = input.tables[`file:${map.output}.parquet`];
  if (output === undefined || table === undefined) return undefined;
  const named = map.name === undefined ? 'id' : quoteIdent(map.name);
  const polygons = await read(tableOf(input, map.polygons), `select id, ${named} as name, geometry from t`);
  const values = await read(table, `select ${quoteIdent(map.id)} as id, ${quoteIdent(map.value)} as value from t`);
  const valueById = new Map(values.map(({ id, value }) => [id, value]));
  const points = await describePoints(pipeline, map.points, input, read);
  const borders = map.borders === undefined ? [] : await read(tableOf(input, map.borders), 'select geometry from t');
  return {
    map: {
      title: `${output.title ?? map.output}: ${map.label}`,
      label: map.label,
      projection: map.projection,
      areas: polygons.map(({ id, name }) => {
        const value = valueById.get(id ?? '');
        return { id: String(id), name: String(name ?? id), value: typeof value === 'number' ? value : null };
      }),
      ...(points && { points }),
    },
    shapes: {
      ids: polygons.map(({ id }) => String(id)),
      geometries: polygons.map(({ geometry }) => String(geometry)),
      ...(borders.length > 0 && { borders: borders.map(({ geometry }) => String(geometry)) }),
    },
  };
}

async function describePoints(
  { outputs, parameters }: FrozenDefinition['pipeline'],
  name: string | undefined,
  input: PublishInput,
  read: Read,
): Promise<ReportMap['points']> {
  const output = name === undefined ? undefined : outputs[name];
  if (name === undefined || output === undefined) return undefined;
  // Left out with its optional source.
  const table = input.tables[output.table];
  if (table === undefined) return undefined;
  const where = output.where === undefined ? '' : ` where ${output.where}`;
  const rows = await read(
    table,
    `select * from (select lon, lat, ${quoteIdent(output.id ?? 'lon')} as name from t${where}) where lon is not null and lat is not null`,
    parameters,
  );
  return {
    label: name,
    items: rows.map(({ lon, lat, name: id }) => ({ lon: Number(lon), lat: Number(lat), name: String(id) })),
  };
}
