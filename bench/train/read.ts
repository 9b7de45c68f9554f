import { DuckDBInstance } from '@duckdb/node-api';
import type { LearnFeature } from '../../activities/train/learn.js';

/** Rows of a Parquet file in shared memory, as the pool's threads read them; the last column is the target, the two before it are categories. */
export async function readSplit(
  folder: string,
  name: string,
): Promise<{ features: LearnFeature[]; target: Float64Array }> {
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const { value: rows } = (
    await connection.runAndReadAll(`select count(*)::int as value from '${folder}/${name}.parquet'`)
  ).getRowObjects()[0] as { value: number };
  const result = await connection.stream(`select * from '${folder}/${name}.parquet'`);
  const names = result.columnNames();
  const columns = names.map(() => new Float64Array(new SharedArrayBuffer(rows * 8)));
  for (let at = 0; ; ) {
    const chunk = await result.fetchChunk();
    if (chunk === null || chunk.rowCount === 0) break;
    for (const [c, column] of columns.entries()) column.set(chunk.getColumnValues(c) as number[], at);
    at += chunk.rowCount;
  }
  connection.closeSync();
  const target = columns.pop() as Float64Array;
  const features = columns.map((values, c): LearnFeature => {
    const single = new Float32Array(new SharedArrayBuffer(rows * 4));
    single.set(values);
    return { name: names[c] as string, values: single, categorical: c >= columns.length - 2 };
  });
  return { features, target };
}
