import { z } from 'zod';
import { pipeline } from '../definition/pipeline.js';
import { settingsSchema } from '../settings-schema.js';

/** The parts of JSON Schema draft-07 that zod writes for our schemas. */
export interface JsonSchema {
  type?: string | string[];
  description?: string;
  default?: unknown;
  enum?: unknown[];
  const?: unknown;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  minItems?: number;
  required?: string[];
  properties?: Record<string, JsonSchema>;
  additionalProperties?: JsonSchema | boolean;
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
}

/** zod bounds every integer by what is exact; as text for people and editors that says nothing. */
const dropSafeBounds = (schema: Record<string, unknown>): void => {
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
};

const toJson = (schema: z.ZodType, title: string): JsonSchema => {
  const options = { target: 'draft-7', io: 'input' } as const;
  const { $schema, ...rest } = z.toJSONSchema(schema, {
    ...options,
    override: ({ jsonSchema }) => dropSafeBounds(jsonSchema),
  });
  return { $schema, title, ...rest } as JsonSchema;
};

/** What a pipeline.yaml may hold, as editors read it. */
export const pipelineJsonSchema = (): JsonSchema => toJson(pipeline, 'georefresh pipeline');

/** What settings.yaml may hold, as editors read it. */
export const settingsJsonSchema = (): JsonSchema => toJson(settingsSchema, 'georefresh settings');

const WIDTH = 120;

const isFlat = (value: unknown): boolean => typeof value !== 'object' || value === null;

/** JSON text as the project's formatter leaves it: lists of plain values on one line where they fit. */
export function formatJson(value: unknown, indent = '', lead = 0): string {
  if (isFlat(value)) return JSON.stringify(value);
  const deeper = `${indent}  `;
  if (Array.isArray(value)) {
    const line = `[${value.map((item) => JSON.stringify(item)).join(', ')}]`;
    // One more for the comma that may follow.
    if (value.every(isFlat) && indent.length + lead + line.length + 1 <= WIDTH) return line;
    return `[\n${value.map((item) => deeper + formatJson(item, deeper)).join(',\n')}\n${indent}]`;
  }
  const entries = Object.entries(value as object).filter(([, inner]) => inner !== undefined);
  if (entries.length === 0) return '{}';
  const lines = entries.map(([key, inner]) => {
    const name = `${JSON.stringify(key)}: `;
    return deeper + name + formatJson(inner, deeper, name.length);
  });
  return `{\n${lines.join(',\n')}\n${indent}}`;
}
