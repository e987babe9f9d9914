import { encodeModel } from './onnx-proto';

/** ONNX tensor element types by their numbers in TensorProto.DataType. */
export const ELEMENT_TYPE = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9, float16: 10 } as const;
export type ElementType = keyof typeof ELEMENT_TYPE;

/** Domain → version: ONNX's own operators, onnxruntime's, and ONNX's for channels last as onnxruntime has them for GPUs. */
const OPSETS: Readonly<Record<string, number>> = { '': 17, 'com.microsoft': 1, 'com.ms.internal.nhwc': 17 };

/** A dimension: a fixed size, or the name of one that is known only when the graph runs. */
export type Dimension = number | string;
/** The name of a tensor in the graph. */
export type Value = string;
export type Attribute =
  | number
  | string
  | readonly number[]
  | readonly string[]
  | { readonly float: number }
  | { readonly floats: readonly number[] };

/** A node as it will be written; readable, so that passes over the graph (autodiff, fusing) need no second form. */
export interface GraphNode {
  readonly opType: string;
  readonly domain: string;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

export interface Declared {
  readonly name: Value;
  readonly type: ElementType;
  readonly shape: readonly Dimension[];
}

export interface Initializer {
  readonly name: Value;
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/**
 * Builds one ONNX graph, node by node in execution order.
 * Nothing here computes; shapes are the author's business and onnxruntime's to check.
 */
export class Graph {
  readonly nodes: GraphNode[] = [];
  readonly inputs: Declared[] = [];
  readonly outputs: Declared[] = [];
  /** Shapes that do not follow from those of the inputs: see `describe`. */
  readonly described = new Map<Value, Declared>();
  readonly #initializers = new Map<Value, Initializer>();

  /** @param prefix of every name that the graph makes up, for one that is laid beside another's. */
  constructor(private readonly prefix = '') {}

  #next = 0;

  /** A name that is free in this graph. */
  fresh(hint = 't'): Value {
    return `${this.prefix}${hint}_${this.#next++}`;
  }

  input(name: Value, type: ElementType, shape: readonly Dimension[]): Value {
    this.inputs.push({ name, type, shape });
    return name;
  }

  output(name: Value, type: ElementType, shape: readonly Dimension[]): void {
    this.outputs.push({ name, type, shape });
  }

  /**
   * Tells the shape of a value within the graph, where onnxruntime cannot infer it: pieces whose sizes are inputs. Dimensions of the
   * same name are the same size, and values of the same shape can take each other's place in memory.
   */
  describe(name: Value, type: ElementType, shape: readonly Dimension[]): Value {
    this.described.set(name, { name, type, shape });
    return name;
  }

  /** A constant tensor; the same name twice keeps the first. Data is in row-major order, little-endian. */
  initializer(
    name: Value,
    type: ElementType,
    shape: readonly number[],
    data: Float32Array | Int32Array | BigInt64Array | Uint8Array | Int8Array | Uint16Array,
  ): Value {
    if (!this.#initializers.has(name))
      this.#initializers.set(name, { name, type, shape, data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) });
    return name;
  }

  get initializers(): readonly Initializer[] {
    return [...this.#initializers.values()];
  }

  /** A float32 scalar or vector constant, shared by value. */
  float(values: number | readonly number[]): Value {
    const list = typeof values === 'number' ? [values] : values;
    return this.initializer(
      `${this.prefix}f:${typeof values === 'number' ? '' : 'v:'}${list.join(',')}`,
      'float32',
      typeof values === 'number' ? [] : [list.length],
      Float32Array.from(list),
    );
  }

  /** An int64 scalar or vector constant, shared by value. */
  int(values: number | readonly number[]): Value {
    const list = typeof values === 'number' ? [values] : values;
    return this.initializer(
      `${this.prefix}i:${typeof values === 'number' ? '' : 'v:'}${list.join(',')}`,
      'int64',
      typeof values === 'number' ? [] : [list.length],
      BigInt64Array.from(list, BigInt),
    );
  }

  /** Appends a node with one output and returns that output. Attributes that are floats are written `{float: x}`. */
  op(
    opType: string,
    inputs: readonly Value[],
    attributes: Record<string, Attribute> = {},
    options: { domain?: string; output?: Value } = {},
  ): Value {
    const output = options.output ?? this.fresh(opType);
    this.nodes.push({ opType, domain: options.domain ?? '', inputs, outputs: [output], attributes });
    return output;
  }

  /** Appends a node with several outputs. */
  ops(
    opType: string,
    inputs: readonly Value[],
    outputs: number,
    attributes: Record<string, Attribute> = {},
    options: { domain?: string } = {},
  ): Value[] {
    const names = Array.from({ length: outputs }, () => this.fresh(opType));
    this.nodes.push({ opType, domain: options.domain ?? '', inputs, outputs: names, attributes });
    return names;
  }

  /** The model file, which names the opset of every domain that it has operators of. */
  encode(): Uint8Array {
    const domains = new Set(['', ...this.nodes.map(({ domain }) => domain)]);
    return encodeModel({
      irVersion: 8,
      producerName: 'showtell',
      opsetImport: [...domains].map((domain) => ({ domain, version: OPSETS[domain] })),
      graph: {
        name: 'showtell',
        node: this.nodes.map(nodeProto),
        initializer: this.initializers.map(tensorProto),
        input: this.inputs.map(valueInfoProto),
        output: this.outputs.map(valueInfoProto),
        valueInfo: [...this.described.values()].map(valueInfoProto),
      },
    });
  }
}

/** A node as NodeProto; its name is that of its first output, which no other node has. */
export function nodeProto(node: GraphNode): Record<string, unknown> {
  return {
    opType: node.opType,
    domain: node.domain,
    name: node.outputs[0],
    input: node.inputs,
    output: node.outputs,
    attribute: Object.entries(node.attributes).map(attributeProto),
  };
}

export function tensorProto({ name, type, shape, data }: Initializer): Record<string, unknown> {
  return { name, dims: shape, dataType: ELEMENT_TYPE[type], rawData: data };
}

export function valueInfoProto({ name, type, shape }: Declared): Record<string, unknown> {
  return {
    name,
    type: {
      tensorType: {
        elemType: ELEMENT_TYPE[type],
        shape: { dim: shape.map((size) => (typeof size === 'string' ? { dimParam: size } : { dimValue: size })) },
      },
    },
  };
}

/** AttributeProto.AttributeType: FLOAT 1, INT 2, STRING 3, FLOATS 6, INTS 7, STRINGS 8. */
function attributeProto([name, value]: [string, Attribute]): Record<string, unknown> {
  if (typeof value === 'number') return { name, type: 2, i: value };
  if (typeof value === 'string') return { name, type: 3, s: Buffer.from(value) };
  if (Array.isArray(value))
    return typeof value[0] === 'string'
      ? { name, type: 8, strings: (value as string[]).map((text) => Buffer.from(text)) }
      : { name, type: 7, ints: value as number[] };
  return 'float' in value
    ? { name, type: 1, f: value.float }
    : { name, type: 6, floats: [...(value as { floats: readonly number[] }).floats] };
}
