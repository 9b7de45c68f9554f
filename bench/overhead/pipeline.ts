import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export const PIPELINE = 'next-to-nothing';

/** Sources of one row, each with a table of one derived column; what is left of a refresh is what every step costs. */
export async function writePipeline(folder: string, sources: number): Promise<{ pipelines: string; inputs: string }> {
  const [pipelines, inputs] = [join(folder, 'pipelines'), join(folder, 'inputs')];
  await mkdir(join(pipelines, PIPELINE), { recursive: true });
  await mkdir(inputs, { recursive: true });
  const numbers = Array.from({ length: sources }, (_, i) => i);
  const columns = {
    id: { type: 'integer', required: true, unique: true },
    value: { type: 'double', required: true },
  };
  const definition = {
    name: PIPELINE,
    title: 'Next to nothing',
    description: 'Steps that do as little as steps can.',
    sources: Object.fromEntries(
      numbers.map((i) => [`source${i}`, { uri: `source${i}.csv`, format: 'csv', columns, sort: ['id'] }]),
    ),
    features: Object.fromEntries(
      numbers.map((i) => [
        `table${i}`,
        { from: `source${i}`, key: ['id'], steps: [{ derive: { doubled: 'value * 2' } }] },
      ]),
    ),
    outputs: { result: { table: 'table0' } },
  };
  // JSON is YAML.
  await writeFile(join(pipelines, PIPELINE, 'pipeline.yaml'), JSON.stringify(definition, null, 2));
  for (const i of numbers) await writeFile(join(inputs, `source${i}.csv`), `id,value\n1,${i}.5\n`);
  return { pipelines, inputs };
}
