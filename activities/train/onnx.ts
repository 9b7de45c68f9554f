// The package is CommonJS whose names Node cannot see from an ES module.
import onnxProto, { type onnx as Proto } from 'onnx-proto';
import { GeorefreshError } from '../../config/errors.js';
import type { Model, OnnxMetadata } from './learner.js';

const { onnx } = onnxProto;

export const ONNX_OPSET = 17;
export const ONNX_PREFIX = 'georefresh.';
/** Names of the graph's one input (float32 [N, F], NaN where missing) and one output ([N]). */
export const ONNX_INPUT = 'features';
export const ONNX_OUTPUT = 'prediction';

export type TensorType = 'float' | 'double';

const DATA_TYPE = { float: onnx.TensorProto.DataType.FLOAT, double: onnx.TensorProto.DataType.DOUBLE };

const TREE_DOMAIN = 'ai.onnx.ml';
const TREE_OPSET = 5;
/** Of TreeEnsemble: how trees come together, and what follows. */
const SUM = 1;
const NO_TRANSFORM = 0;

/** Attributes of a TreeEnsemble, named as the operator names them. */
export interface TreeAttributes {
  ints: Record<string, number[]>;
  doubles: Record<string, Float64Array>;
  modes: Uint8Array;
}

/** Collects the nodes and constants of a graph; every method returns the name of the tensor that it adds. */
export class OnnxGraph {
  readonly nodes: Proto.INodeProto[] = [];
  readonly initializers: Proto.ITensorProto[] = [];
  /** Version of each domain of operators in use. */
  readonly opsets = new Map([['', ONNX_OPSET]]);

  constructor(readonly outputType: TensorType) {}

  /** A float64 constant; without `dims` a vector. */
  doubles(name: string, values: ArrayLike<number>, dims: number[] = [values.length]): string {
    this.initializers.push({ name, dims, dataType: DATA_TYPE.double, doubleData: Array.from(values) });
    return name;
  }

  int64s(name: string, values: ArrayLike<number>): string {
    const dataType = onnx.TensorProto.DataType.INT64;
    this.initializers.push({ name, dims: [values.length], dataType, int64Data: Array.from(values) });
    return name;
  }

  /** One node of the default domain with one output and attributes that are whole numbers. */
  node(opType: string, input: string[], output: string, attributes: Record<string, number> = {}): string {
    const type = onnx.AttributeProto.AttributeType.INT;
    const attribute = Object.entries(attributes).map(([name, i]) => ({ name, type, i }));
    this.nodes.push({ opType, name: output, input, output: [output], attribute });
    return output;
  }

  /** One TreeEnsemble over float64 rows, whose trees are summed to one number a row. */
  trees(input: string, output: string, { ints, doubles, modes }: TreeAttributes): string {
    const { AttributeType } = onnx.AttributeProto;
    const tensors = Object.entries(doubles).map(([name, values]) => ({
      name,
      dims: [values.length],
      dataType: DATA_TYPE.double,
      rawData: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
    }));
    const dataType = onnx.TensorProto.DataType.UINT8;
    tensors.push({ name: 'nodes_modes', dims: [modes.length], dataType, rawData: modes });
    this.opsets.set(TREE_DOMAIN, TREE_OPSET);
    this.nodes.push({
      domain: TREE_DOMAIN,
      opType: 'TreeEnsemble',
      name: output,
      input: [input],
      output: [output],
      attribute: [
        ...Object.entries({ n_targets: 1, aggregate_function: SUM, post_transform: NO_TRANSFORM }).map(([name, i]) => ({
          name,
          type: AttributeType.INT,
          i,
        })),
        ...Object.entries(ints).map(([name, values]) => ({ name, type: AttributeType.INTS, ints: values })),
        ...tensors.map((t) => ({ name: t.name, type: AttributeType.TENSOR, t })),
      ],
    });
    return output;
  }

  /**
   * Takes in all of another graph over the same input, its other tensors under names that begin with `prefix`.
   *
   * @returns the name of its output here
   */
  include({ nodes, initializers, opsets }: OnnxGraph, prefix: string): string {
    const named = (name: string): string => (name === ONNX_INPUT ? name : `${prefix}.${name}`);
    for (const { name, ...tensor } of initializers) this.initializers.push({ ...tensor, name: named(name ?? '') });
    for (const { input, output, ...node } of nodes) {
      const [result = ''] = output ?? [];
      this.nodes.push({ ...node, name: named(result), input: input?.map(named) ?? [], output: [named(result)] });
    }
    for (const [domain, version] of opsets) this.opsets.set(domain, version);
    return named(ONNX_OUTPUT);
  }

  /** Casts a tensor to float64. */
  toDouble(input: string, output: string): string {
    return this.node('Cast', [input], output, { to: DATA_TYPE.double });
  }
}

const tensor = (name: string, type: TensorType, dims: (string | number)[]): Proto.IValueInfoProto => ({
  name,
  type: {
    tensorType: {
      elemType: DATA_TYPE[type],
      shape: { dim: dims.map((dim) => (typeof dim === 'string' ? { dimParam: dim } : { dimValue: dim })) },
    },
  },
});

/**
 * The model's file: IR version 8, opset 17, input `features`, output `prediction`, and what the model says of itself.
 * Equal arguments give equal bytes.
 *
 * @param parameters the learner's own, as text
 */
export function encodeModel(
  graph: OnnxGraph,
  { learner, features }: Model,
  metadata: OnnxMetadata,
  parameters: Record<string, string>,
): Uint8Array {
  const properties: Record<string, string> = {
    ...metadata.properties,
    features: JSON.stringify(features),
    learner,
    parameters: JSON.stringify(parameters),
    target: metadata.target,
    training_table_sha256: metadata.trainingTableSha256,
  };
  const message: Proto.IModelProto = {
    irVersion: 8,
    producerName: 'georefresh',
    producerVersion: metadata.producerVersion,
    domain: metadata.domain,
    modelVersion: metadata.modelVersion,
    docString: metadata.description,
    opsetImport: Array.from(graph.opsets, ([domain, version]) => ({ domain, version })),
    metadataProps: Object.keys(properties)
      .sort()
      .map((key) => ({ key: ONNX_PREFIX + key, value: properties[key] ?? '' })),
    graph: {
      name: metadata.name,
      node: graph.nodes,
      initializer: graph.initializers,
      input: [tensor(ONNX_INPUT, 'float', ['N', features.length])],
      output: [tensor(ONNX_OUTPUT, graph.outputType, ['N'])],
    },
  };
  // A copy, as the writer's buffer may be a part of a larger pool.
  return Uint8Array.from(onnx.ModelProto.encode(message).finish());
}

export interface OnnxDescription {
  producerName: string;
  producerVersion: string;
  domain: string;
  modelVersion: number;
  description: string;
  /** Names of the input's columns, in order. */
  features: string[];
  /** `metadata_props` without the prefix. */
  properties: Record<string, string>;
}

/** Reads what a model written by `encodeModel` says of itself; GR-3008 where the bytes are no such model. */
export function describeModel(bytes: Uint8Array): OnnxDescription {
  try {
    const model = onnx.ModelProto.decode(bytes);
    const properties: Record<string, string> = {};
    for (const { key, value } of model.metadataProps) {
      if (key?.startsWith(ONNX_PREFIX)) properties[key.slice(ONNX_PREFIX.length)] = value ?? '';
    }
    return {
      producerName: model.producerName,
      producerVersion: model.producerVersion,
      domain: model.domain,
      modelVersion: Number(model.modelVersion),
      description: model.docString,
      features: JSON.parse(properties.features ?? '') as string[],
      properties,
    };
  } catch (cause) {
    throw new GeorefreshError('GR-3008', 'the file is not an ONNX model of this project', { cause });
  }
}
