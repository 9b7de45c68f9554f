import { GeorefreshError } from '../../config/errors.js';
import type { Columns } from '../../lake/types.js';
import type { Feature, FeatureMatrix } from './learner.js';

/**
 * The named columns of a table as features: numbers rounded to float32, booleans as 0 and 1, text as codes of its levels
 * (categorical); missing values are NaN. Throws GR-3008 naming the columns that the table lacks.
 */
export function toFeatures({ rows, columns }: Columns, names: readonly string[]): FeatureMatrix {
  const absent = names.filter((name) => !Object.hasOwn(columns, name));
  if (absent.length > 0) throw new GeorefreshError('GR-3008', `the features lack ${absent.join(', ')}`);
  return { rows, features: names.map((name) => toFeature(name, columns[name] as Columns['columns'][string])) };
}

function toFeature(name: string, column: Columns['columns'][string]): Feature {
  switch (column.type) {
    case 'text':
      return {
        name,
        values: Float32Array.from(column.codes, (code) => (code < 0 ? Number.NaN : code)),
        categorical: true,
      };
    case 'boolean':
      return { name, values: Float32Array.from(column.values, (value) => (value === 255 ? Number.NaN : value)) };
    default:
      return { name, values: Float32Array.from(column.values) };
  }
}
