import type { Pipeline } from '../../../config/definition/pipeline.js';
import { GeorefreshError } from '../../../config/errors.js';
import { quoteIdent } from '../../../lake/sql.js';
import { putTable, withTables } from '../../../lake/tables.js';
import { artifactOf, type Deps, prefixOf, tableOf } from '../../deps.js';
import { PREDICTIONS } from '../../resolve/plan.js';
import { demandAgreement, predictRows } from '../../score/steps/predict.js';
import { MODEL, ONNX } from '../../train/names.js';
import { PARTITION, partsSql } from '../ledger.js';
import type { Partitioner } from './partitioner.js';
import { inPartitions, ownDigests, partitionOf, readPartitioning } from './rows.js';

/** Scores a table in partitions. */
export function predictionPartitioner(deps: Deps, { name, train, score }: Pipeline, by: string): Partitioner {
  const { predict } = score;
  if (train === undefined || predict === undefined) throw new GeorefreshError('GR-3009', `${name} predicts nothing`);
  const { lake } = deps;
  const key = quoteIdent(train.key);
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
    make: (input, names, context) => {
      const { signal } = context;
      return lake.duckdb.session(
        (session) =>
          withTables(
            lake,
            session,
            { scored: tableOf(input, predict.table) },
            async () => {
              const where = `from scored where ${inPartitions(by, names)}`;
              const list = columns.map(quoteIdent).join(', ');
              const rows = await session.readColumns(`select ${list} ${where} order by ${key}`);
              const { predictions, difference } = await predictRows(deps, train, predict, input, rows, context);
              await session.createTable('predicted', predictions);
              const select = `select ${partitionOf(by)} as ${PARTITION}, p.* from predicted as p join (select ${key}, ${quoteIdent(by)} ${where}) using (${key})`;
              const orderBy = [PARTITION, train.key];
              return {
                table: await putTable(lake, session, { select }, { ...options, orderBy, signal }),
                facts: { difference },
              };
            },
            { signal },
          ),
        { signal, step: `${input.step.id}/part` },
      );
    },
    gather: (input, parts, { signal }) => {
      const { tables, select: rows } = partsSql(parts);
      const select = `select * exclude (${PARTITION}) from (${rows})`;
      return lake.duckdb.session(
        (session) =>
          withTables(
            lake,
            session,
            tables,
            async () => {
              const table = await putTable(lake, session, { select }, { ...options, signal });
              const { columns: read } = await session.readColumns(
                `select ${quoteIdent(predict.as)} as value from (${rows})`,
              );
              const difference = Math.max(0, ...parts.map(({ facts }) => facts.difference ?? 0));
              return {
                table,
                rowsIn: tableOf(input, predict.table).rows,
                facts: { parity: demandAgreement(difference, read.value) },
              };
            },
            { signal },
          ),
        { signal, step: input.step.id },
      );
    },
  };
}
