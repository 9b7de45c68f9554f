import { createHash } from 'node:crypto';
import { GeorefreshError } from '../../config/errors.js';
import type { Columns, TextColumn } from '../../lake/types.js';
import type { Feature, FeatureMatrix } from './learner.js';

/** Levels are whole numbers that float32 tells apart: of 24 bits. */
const LEVEL_BYTES = 3;
/** Levels that a learner takes; of more, the fit refuses the column anyway. */
const MOST_LEVELS = 255;

/**
 * The named columns of a table as features: numbers rounded to float32, booleans as 0 and 1, text as levels (categorical);
 * missing values are NaN. Throws GR-3008 naming the columns that the table lacks, GR-3002 where two texts share a level.
 */
export function toFeatures({ rows, columns }: Columns, names: readonly string[]): FeatureMatrix {
  const absent = names.filter((name) => !Object.hasOwn(columns, name));
  if (absent.length > 0) throw new GeorefreshError('GR-3008', `the features lack ${absent.join(', ')}`);
  return { rows, features: names.map((name) => toFeature(name, columns[name] as Columns['columns'][string])) };
}

function toFeature(name: string, column: Columns['columns'][string]): Feature {
  switch (column.type) {
    case 'text':
      return { name, values: textLevels(name, column), categorical: true };
    case 'boolean':
      return { name, values: Float32Array.from(column.values, (value) => (value === 255 ? Number.NaN : value)) };
    default:
      return { name, values: Float32Array.from(column.values) };
  }
}

/**
 * The level of each text: the first 24 bits of its SHA-256, by the text alone. The table that a model is fitted on and those
 * that it predicts for, today or after a refresh, number their texts each in its own order.
 */
function textLevels(name: string, { codes, dictionary }: TextColumn): Float32Array {
  const levels = dictionary.map((text) => createHash('sha256').update(text).digest().readUIntBE(0, LEVEL_BYTES));
  const texts = new Set(dictionary).size;
  // One chance in 500 at 255 texts. Beyond, they are mostly ones that no model has seen, which may share what they like.
  if (texts <= MOST_LEVELS && new Set(levels).size < texts)
    throw new GeorefreshError('GR-3002', `two texts of feature ${name} share a level: spell one of them differently`);
  return Float32Array.from(codes, (code) => (code < 0 ? Number.NaN : (levels[code] as number)));
}
