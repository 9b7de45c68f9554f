import type { Pipeline } from '../../../config/definition/pipeline.js';
import { GeorefreshError } from '../../../config/errors.js';
import { putTable, withTables } from '../../../lake/tables.js';
import type { Column } from '../../../lake/types.js';
import { artifactOf, type Deps, prefixOf, tableOf } from '../../deps.js';
import { PREDICTIONS } from '../../resolve/plan.js';
import { demandAgreement, largest, predictRows } from '../../score/steps/predict.js';
import { MODEL, ONNX } from '../../train/names.js';
import type { Partitioner } from './partitioner.js';
import { inPartitions, ownDigests, readPartitioning } from './rows.js';

/** Scores a table in partitions. */
export function predictionPartitioner(deps: Deps, { name, train, score }: Pipeline, by: string): Partitioner {
  const { predict } = score;
  if (train === undefined || predict === undefined) throw new GeorefreshError('GR-3009', `${name} predicts nothing`);
  const { lake } = deps;
  const columns = [...new Set([train.key, ...train.features])];
  const options = { prefix: prefixOf(name, 'predictions'), orderBy: [train.key], keyed: true };
  return {
    output: PREDICTIONS,
    split: (input, { signal }) => {
      const ref = tableOf(input, predict.table);
      const model = { model: artifactOf(input, MODEL).sha256, 'exported model': artifactOf(input, ONNX).sha256 };
      return lake.duckdb.session(
        (session) =>
          withTables(
            lake,
            session,
            { scored: ref },
            async () => {
              const divided = await readPartitioning(session, 'scored', by);
              const about = { name: 'scored', sha256: ref.sha256 };
              const own = await ownDigests(deps, session, about, columns, divided, by, signal);
              return divided.names.map((part, i) => ({
                name: part,
                rows: divided.rows[i],
                inputs: { 'own rows': own[i], ...model },
              }));
            },
            { signal },
          ),
        { signal, step: `${input.step.id}/split` },
      );
    },
    make: (input, names, context, done) => {
      const { signal } = context;
      return lake.duckdb.session(
        (session) =>
          withTables(
            lake,
            session,
            { scored: tableOf(input, predict.table) },
            async () => {
              const where = (parts: string[]): string =>
                `from scored where ${inPartitions(by, parts)} order by "${train.key}"`;
              const list = columns.map((column) => `"${column}"`).join(', ');
              const rows = await session.readColumns(`select ${list} ${where(names)}`);
              const { predictions, differences } = await predictRows(deps, train, predict, input, rows, context);
              await session.createTable('predicted', predictions);
              await session.createTable('apart', {
                rows: rows.rows,
                columns: {
                  key: predictions.columns[train.key] as Column,
                  value: { type: 'double', values: differences },
                },
              });
              for (const part of names) {
                const keys = `(select "${train.key}" ${where([part])})`;
                const select = `select * from predicted where "${train.key}" in ${keys}`;
                const ref = await putTable(lake, session, { select }, { ...options, signal });
                // Of this partition alone: what is kept of it must not tell with which others it was made.
                const { columns: read } = await session.readColumns(`select value from apart where key in ${keys}`);
                const difference = read.value?.type === 'double' ? largest(read.value.values) : 0;
                await done({ name: part, ...ref, facts: { difference }, reused: false });
              }
            },
            { signal },
          ),
        { signal, step: `${input.step.id}/part` },
      );
    },
    gather: (input, parts, { signal }) =>
      lake.duckdb.session(
        (session) =>
          withTables(
            lake,
            session,
            { parts },
            async () => {
              const table = await putTable(lake, session, { select: 'select * from parts' }, { ...options, signal });
              const { rows } = tableOf(input, predict.table);
              if (table.rows !== rows)
                throw new GeorefreshError('GR-2105', `${PREDICTIONS}: ${rows} rows became ${table.rows}`);
              const { columns: read } = await session.readColumns(`select "${predict.as}" as value from parts`);
              const difference = Math.max(0, ...parts.map(({ facts }) => facts.difference ?? 0));
              return {
                table,
                rowsIn: rows,
                facts: { parity: demandAgreement(difference, read.value) },
              };
            },
            { signal },
          ),
        { signal, step: input.step.id },
      ),
  };
}
