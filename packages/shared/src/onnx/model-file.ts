import protobuf from 'protobufjs';
import type { Graph } from './graph';
import { ELEMENT_TYPE, type ElementType, nodeProto, tensorProto, valueInfoProto } from './graph';
import { decodeMessage, encodeMessage } from './onnx-proto';

/** Somebody else's ONNX model, of which only its outside is looked at. */
export interface ModelFile {
  /** Inputs that are not initializers. */
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /** Every value that a node computes, by its name, outputs included; what is known of it. */
  readonly values: ReadonlyMap<string, Port>;
  readonly metadata: ReadonlyMap<string, string>;
  /** Name of the first tensor, wherever it stands in the model, whose numbers lie in another file. */
  readonly external: string | undefined;
}

/** What a model takes or gives. */
export interface Port {
  readonly name: string;
  /** `undefined` for one of ONNX's other types, or no tensor at all. */
  readonly type: ElementType | undefined;
  /** Sizes, `undefined` where they are known only when the model runs; as a whole where the model does not even say the rank. */
  readonly shape: readonly (number | undefined)[] | undefined;
}

/** Field numbers of onnx.proto. */
const MODEL = { graph: 7, opsetImport: 8, metadata: 14 } as const;
const GRAPH = { node: 1, initializer: 5, input: 11, output: 12, valueInfo: 13 } as const;
const NODE = { output: 2 } as const;
const TENSOR = { name: 8, location: 14 } as const;

type Holder = 'model' | 'training' | 'function' | 'graph' | 'node' | 'attribute' | 'sparse';
/** Which fields of a message have tensors in them, at any depth: branches and loops are graphs in attributes of nodes. */
const HOLDS: Readonly<Record<Holder, Readonly<Record<number, Holder | 'tensor'>>>> = {
  model: { 7: 'graph', 20: 'training', 25: 'function' },
  training: { 1: 'graph', 2: 'graph' },
  function: { 7: 'node', 11: 'attribute' },
  graph: { 1: 'node', 5: 'tensor', 15: 'sparse' },
  node: { 5: 'attribute' },
  attribute: { 5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph', 22: 'sparse', 23: 'sparse' },
  sparse: { 1: 'tensor', 2: 'tensor' },
};
/** protobuf's own in C++, beyond which onnxruntime reads no model. */
const MOST_DEEP = 100;

interface Field {
  readonly id: number;
  /** The field with its tag, as it stands in the file. */
  readonly raw: Uint8Array;
  /** What the field holds: bytes of a message or text; empty for numbers. */
  readonly body: Uint8Array;
  readonly number: number;
}

/**
 * Reads the outside of a model: names, types and shapes. Weights are passed over.
 * @throws Error when the bytes are no ONNX model.
 */
export function readModelFile(bytes: Uint8Array): ModelFile {
  const model = fieldsOf(bytes);
  const graph = model.filter(({ id }) => id === MODEL.graph).flatMap(({ body }) => fieldsOf(body));
  if (graph.length === 0 || !model.some(({ id }) => id === MODEL.opsetImport)) throw new Error('it holds no graph');
  const names = new Set(graph.filter(({ id }) => id === GRAPH.initializer).map(({ body }) => nameOf(fieldsOf(body))));
  const ports = (field: number) => graph.filter(({ id }) => id === field).map(({ body }) => portOf(body));
  const outputs = ports(GRAPH.output);
  return {
    inputs: ports(GRAPH.input).filter(({ name }) => !names.has(name)),
    outputs,
    values: new Map([
      ...graph.filter(({ id }) => id === GRAPH.node).flatMap(({ body }) => computedBy(body).map((name) => [name, unknown(name)] as const)),
      ...[...ports(GRAPH.valueInfo), ...outputs].map((port) => [port.name, port] as const),
    ]),
    metadata: new Map(model.filter(({ id }) => id === MODEL.metadata).map(({ body }) => entryOf(body))),
    external: externalTensor(model, 'model'),
  };
}

/** onnxruntime reads files beside the working folder for tensors of branches and loops, so none may say that it lies in one. */
function externalTensor(fields: readonly Field[], holder: Holder, depth = 1): string | undefined {
  if (depth > MOST_DEEP) throw new Error(`it is nested more than ${MOST_DEEP} levels deep`);
  for (const { id, body } of fields) {
    const held = HOLDS[holder][id];
    if (held === undefined) continue;
    const inner = fieldsOf(body);
    const found = held !== 'tensor' ? externalTensor(inner, held, depth + 1) : isExternal(inner) ? nameOf(inner) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** 0 is inside. C++ takes the lower half of a number, so that others than 1 may be "in another file" too. */
const isExternal = (tensor: readonly Field[]) => tensor.some(({ id, number }) => id === TENSOR.location && number !== 0);

const nameOf = (tensor: readonly Field[]) => Buffer.from(tensor.findLast(({ id }) => id === TENSOR.name)?.body ?? []).toString('utf8');

/** The model with one more entry in its metadata. Messages of protobuf merge when one follows the other, so the model's own bytes stay. */
export function withMetadata(model: Uint8Array, key: string, value: string): Buffer {
  const entry = encodeMessage('StringStringEntryProto', { key, value });
  return Buffer.concat([model, lengthDelimited(MODEL.metadata, entry)]);
}

/**
 * The model between nodes of ours: those of `before` make the value that was the model's `input`, those of `after` go on from its
 * outputs. The inputs of `before` and the outputs of `after` take the place of the model's.
 */
export function wrapModel(model: Uint8Array, input: string, before: Graph, after: Graph): Buffer {
  const pieces: Uint8Array[] = [];
  let wrapped = false;
  for (const field of fieldsOf(model)) {
    if (field.id !== MODEL.graph) pieces.push(field.raw);
    else {
      const inner = fieldsOf(field.body).filter(
        ({ id, body }) => id !== GRAPH.output && !(id === GRAPH.input && portOf(body).name === input),
      );
      const own = wrapped ? [[], []] : [graphFields(before, 'inputs'), graphFields(after, 'outputs')];
      // Nodes stand in the order in which they are computed.
      pieces.push(lengthDelimited(MODEL.graph, Buffer.concat([...own[0]!, ...inner.map(({ raw }) => raw), ...own[1]!])));
      wrapped = true;
    }
  }
  return Buffer.concat(pieces);
}

function graphFields(graph: Graph, ports: 'inputs' | 'outputs'): Uint8Array[] {
  return [
    ...graph.nodes.map((node) => lengthDelimited(GRAPH.node, encodeMessage('NodeProto', nodeProto(node)))),
    ...graph.initializers.map((tensor) => lengthDelimited(GRAPH.initializer, encodeMessage('TensorProto', tensorProto(tensor)))),
    ...graph[ports].map((port) =>
      lengthDelimited(ports === 'inputs' ? GRAPH.input : GRAPH.output, encodeMessage('ValueInfoProto', valueInfoProto(port))),
    ),
  ];
}

/** The fields of a message one level deep, without copying. */
function fieldsOf(message: Uint8Array): Field[] {
  const reader = protobuf.Reader.create(message);
  const fields: Field[] = [];
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const tag = reader.uint32();
    const [id, wireType] = [tag >>> 3, tag & 7];
    let body = message.subarray(0, 0);
    let number = 0;
    if (wireType === 2) {
      const length = reader.uint32();
      body = message.subarray(reader.pos, reader.pos + length);
      reader.skip(length);
    } else if (wireType === 0) number = Number(reader.uint64());
    else reader.skipType(wireType);
    if (id === 0) throw new Error('it is no protobuf message');
    fields.push({ id, raw: message.subarray(start, reader.pos), body, number });
  }
  return fields;
}

function lengthDelimited(id: number, body: Uint8Array): Uint8Array {
  const head = new protobuf.Writer().uint32(id * 8 + 2).uint32(body.length);
  return Buffer.concat([head.finish(), body]);
}

/** Outputs that an operator could give and this node does not have empty names. */
const computedBy = (node: Uint8Array) =>
  fieldsOf(node).flatMap(({ id, body }) => (id === NODE.output && body.length > 0 ? [Buffer.from(body).toString('utf8')] : []));

const unknown = (name: string): Port => ({ name, type: undefined, shape: undefined });

interface ValueInfo {
  readonly name: string;
  readonly type: {
    readonly tensorType: {
      readonly elemType: number;
      readonly shape: { readonly dim: readonly { readonly dimValue?: number; readonly dimParam?: string }[] } | null;
    } | null;
  } | null;
}

function portOf(bytes: Uint8Array): Port {
  const { name, type } = decodeMessage('ValueInfoProto', bytes) as unknown as ValueInfo;
  const tensor = type?.tensorType;
  const types = Object.entries(ELEMENT_TYPE) as [ElementType, number][];
  return {
    name,
    type: types.find(([, number]) => number === tensor?.elemType)?.[0],
    shape: tensor?.shape?.dim.map(({ dimValue }) => (dimValue === undefined || dimValue <= 0 ? undefined : dimValue)),
  };
}

function entryOf(bytes: Uint8Array): [string, string] {
  const { key, value } = decodeMessage('StringStringEntryProto', bytes) as { key: string; value: string };
  return [key, value];
}
