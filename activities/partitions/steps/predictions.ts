import type { Pipeline } from '../../../config/definition/pipeline.js';
import { GeorefreshError } from '../../../config/errors.js';
import { quoteIdent } from '../../../lake/sql.js';
import { putTable, sessionWith } from '../../../lake/tables.js';
import type { Column } from '../../../lake/types.js';
import { artifactOf, type Deps, prefixOf, tableOf } from '../../deps.js';
import { columnOf } from '../../features/builders/columns.js';
import { PREDICTIONS } from '../../resolve/plan.js';
import { demandAgreement, predictRows } from '../../score/steps/predict.js';
import { MODEL, ONNX } from '../../train/names.js';
import { PARTITION, type Part, partsSql } from '../ledger.js';
import { ownPartitions } from './own.js';
import type { Partitioner } from './partitioner.js';
import { inPartitions, partitionOf } from './rows.js';

/** Scores a table in partitions. */
export function predictionPartitioner(deps: Deps, { name, train, score }: Pipeline, column: string): Partitioner {
  const { predict } = score;
  if (train === undefined || predict === undefined) throw new GeorefreshError('GR-3009', `${name} predicts nothing`);
  const { lake } = deps;
  const key = quoteIdent(train.key);
  const by = [{ column }];
  const columns = [...new Set([train.key, ...train.features])];
  const options = { prefix: prefixOf(name, 'predictions'), orderBy: [train.key], keyed: true };
  return {
    output: PREDICTIONS,
    from: predict.table,
    prefix: options.prefix,
    ease: 1,
    split: (input, { signal }) => {
      const ref = tableOf(input, predict.table);
      const model = { model: artifactOf(input, MODEL).sha256, 'exported model': artifactOf(input, ONNX).sha256 };
      return sessionWith(
        lake,
        { scored: ref },
        async (session) => {
          const about = { name: 'scored', sha256: ref.sha256 };
          const own = await ownPartitions(session, about, columns, by);
          return own.map(({ name, rows, digest }) => ({ name, rows, inputs: { 'own rows': digest, ...model } }));
        },
        { signal, step: `${input.step.id}/split` },
      );
    },
    make: (input, names, context) => {
      const { signal } = context;
      return sessionWith(
        lake,
        { scored: tableOf(input, predict.table) },
        async (session) => {
          const list = [`${partitionOf(by)} as ${PARTITION}`, ...columns.map(quoteIdent)].join(', ');
          const rows = await session.readColumns(
            `select ${list} from scored where ${inPartitions(by, names)} order by ${key}`,
          );
          const { predictions, differences } = await predictRows(deps, train, predict, input, rows, context);
          const places = columnOf(rows, PARTITION);
          await session.createTable('predicted', {
            ...predictions,
            columns: { [PARTITION]: places, ...predictions.columns },
          });
          const select = 'select * from predicted';
          const table = await putTable(
            lake,
            session,
            { select },
            { ...options, orderBy: [PARTITION, train.key], signal },
          );
          return { table, facts: largestByPartition(places, differences) };
        },
        { signal, step: `${input.step.id}/part` },
      );
    },
    gather: (input, parts, { signal }) => {
      const { tables, select: ofParts } = partsSql(parts);
      const select = `select * exclude (${PARTITION}) from (${ofParts})`;
      return sessionWith(
        lake,
        tables,
        async (session) => {
          const table = await putTable(lake, session, { select }, { ...options, signal });
          const { rows } = tableOf(input, predict.table);
          if (table.rows !== rows)
            throw new GeorefreshError('GR-2105', `${PREDICTIONS}: ${rows} rows became ${table.rows}`);
          const { columns: read } = await session.readColumns(
            `select ${quoteIdent(predict.as)} as value from (${ofParts})`,
          );
          const difference = Math.max(0, ...parts.map(({ facts }) => facts.difference ?? 0));
          return {
            table,
            rowsIn: rows,
            facts: { parity: demandAgreement(difference, read.value) },
          };
        },
        { signal, step: input.step.id },
      );
    },
  };
}

/** What is kept of a partition must not tell with which others it was made. */
function largestByPartition(partitions: Column, differences: Float64Array): Map<string, Part['facts']> {
  if (partitions.type !== 'text') throw new TypeError('the name of a partition is a text');
  const { codes, dictionary } = partitions;
  const largest = new Float64Array(dictionary.length);
  for (let i = 0; i < codes.length; i++) largest[codes[i]] = Math.max(largest[codes[i]], differences[i]);
  return new Map(dictionary.map((name, i) => [name, { difference: largest[i] }]));
}
