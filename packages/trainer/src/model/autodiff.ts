import type { Graph, GraphNode, Value } from '@showtell/shared/onnx/graph';

/** `leftᵀ · right`, both [rows, …]: a matrix product's gradient for its right operand, kept unevaluated until all of them are known. */
interface OuterProduct {
  readonly left: Value;
  readonly right: Value;
}
type Contribution = Value | OuterProduct;

/** How one node passes the gradients of its outputs on to its inputs. */
interface BackwardPass {
  readonly graph: Graph;
  readonly node: GraphNode;
  /** Gradient of each output; absent where nothing depends on that output. */
  readonly incoming: readonly (Value | undefined)[];
}

/** One function for each input that can have a gradient; only those that are needed are called. */
type GradientRule = (pass: BackwardPass) => readonly (() => Contribution)[];

/** A rule for several nodes at once, where their joint gradient is cheaper than one after the other. */
export interface CompositeGradient {
  /** The value that the nodes end in. */
  readonly output: Value;
  /** Gradients of what the nodes began with, given the gradient of `output`. */
  readonly gradients: (gradient: Value) => ReadonlyMap<Value, Value>;
}

/**
 * Gradient rules of the operators that the captioner uses. Element-wise operators take operands of one shape, or constants;
 * `Gemm` is `A · B (+ C)` with C of the product's shape. Rules use what the forward pass computed (`y`) wherever that is enough.
 */
const RULES: Readonly<Record<string, GradientRule>> = {
  Add: ({ incoming }) => [() => only(incoming), () => only(incoming)],

  Mul: ({ graph, node, incoming }) => [
    () => graph.op('Mul', [only(incoming), input(node, 1)]),
    () => graph.op('Mul', [only(incoming), input(node, 0)]),
  ],

  Sigmoid: ({ graph, node, incoming }) => [
    () => {
      const y = node.outputs[0]!;
      return graph.op('Mul', [only(incoming), graph.op('Mul', [y, graph.op('Sub', [graph.float(1), y])])]);
    },
  ],

  Tanh: ({ graph, node, incoming }) => [
    () => {
      const y = node.outputs[0]!;
      return graph.op('Mul', [only(incoming), graph.op('Sub', [graph.float(1), graph.op('Mul', [y, y])])]);
    },
  ],

  // y = x for x > 0, eˣ − 1 below: the slope is 1, or y + 1.
  Elu: ({ graph, node, incoming }) => [
    () => graph.op('Mul', [only(incoming), graph.op('Add', [graph.op('Min', [node.outputs[0]!, graph.float(0)]), graph.float(1)])]),
  ],

  Gemm: ({ graph, node, incoming }) => [
    () => graph.op('Gemm', [only(incoming), input(node, 1)], { transB: 1 }),
    () => ({ left: input(node, 0), right: only(incoming) }),
    () => only(incoming),
  ],

  // Over the columns of each row: x̂ = (x − mean) / √(variance + ε), y = x̂ · gain + bias. Mean and 1/√ are the node's second and third output.
  LayerNormalization: ({ graph, node, incoming }) => {
    const [, mean, inverse] = node.outputs as [Value, Value, Value];
    let kept: Value | undefined;
    const normal = () => (kept ??= graph.op('Mul', [graph.op('Sub', [input(node, 0), mean]), inverse]));
    const meanOf = (value: Value) => graph.op('ReduceMean', [value], { axes: [1], keepdims: 1 });
    const overRows = (value: Value) => graph.op('ReduceSum', [value, graph.int([0])], { keepdims: 0 });
    return [
      () => {
        const scaled = graph.op('Mul', [only(incoming), input(node, 1)]);
        const along = graph.op('Mul', [normal(), meanOf(graph.op('Mul', [scaled, normal()]))]);
        return graph.op('Mul', [graph.op('Sub', [graph.op('Sub', [scaled, meanOf(scaled)]), along]), inverse]);
      },
      () => overRows(graph.op('Mul', [only(incoming), normal()])),
      () => overRows(only(incoming)),
    ];
  },

  Split: ({ graph, node, incoming }) => [
    () => {
      const pieces = node.outputs.map((output, index) => incoming[index] ?? graph.op('ConstantOfShape', [graph.op('Shape', [output])]));
      return graph.op('Concat', pieces, { axis: axisOf(node) });
    },
  ],

  Concat: ({ graph, node, incoming }) => {
    const axis = axisOf(node);
    let pieces: readonly Value[] | undefined;
    const split = () => {
      const sizes = node.inputs.map((value) => graph.op('Shape', [value], { start: axis, end: axis + 1 }));
      return graph.ops('Split', [only(incoming), graph.op('Concat', sizes, { axis: 0 })], sizes.length, { axis });
    };
    return node.inputs.map((_, index) => () => (pieces ??= split())[index]!);
  },
};

/**
 * Appends the backward pass to a graph: walks its nodes from the last to the first and applies each operator's rule.
 *
 * @param from value → the gradient that flows into it (for a loss Σ w·x: the weights w for x)
 * @param to the values, inputs or computed, whose gradients are wanted; nothing flows through them to what they are computed from
 * @returns the gradient of each of `to`, of its shape
 */
export function gradients(
  graph: Graph,
  from: ReadonlyMap<Value, Value>,
  to: readonly Value[],
  composites: readonly CompositeGradient[] = [],
): Map<Value, Value> {
  const forward = [...graph.nodes];
  const dependent = dependents(forward, to);
  const ends = new Set(to);
  const composite = new Map(composites.map((entry) => [entry.output, entry]));
  const contributions = new Map<Value, Contribution[]>([...from].map(([value, gradient]) => [value, [gradient]]));
  const contribute = (value: Value, contribution: () => Contribution) => {
    if (!dependent.has(value)) return;
    const list = contributions.get(value);
    if (list) list.push(contribution());
    else contributions.set(value, [contribution()]);
  };
  const resolve = (value: Value) => {
    const list = contributions.get(value);
    if (list === undefined) return undefined;
    const sum = total(graph, list);
    const described = graph.described.get(value);
    if (described) graph.describe(sum, described.type, described.shape);
    contributions.set(value, [sum]);
    return sum;
  };

  for (const node of forward.reverse()) {
    if (!node.outputs.some((output) => contributions.has(output) && !ends.has(output))) continue;
    if (!node.inputs.some((value) => dependent.has(value))) continue;
    const joint = composite.get(node.outputs[0]!);
    if (joint) {
      for (const [value, gradient] of joint.gradients(resolve(joint.output)!)) contribute(value, () => gradient);
      continue;
    }
    const rule = RULES[node.opType];
    if (rule === undefined) throw new TypeError(`Expected an operator with a gradient rule but received ${node.opType}`);
    const passed = rule({ graph, node, incoming: node.outputs.map(resolve) });
    node.inputs.forEach((value, index) => {
      const contribution = passed[index];
      if (contribution) contribute(value, contribution);
    });
  }

  return new Map(
    to.map((value) => {
      const gradient = resolve(value);
      if (gradient === undefined) throw new TypeError(`Expected a value that the loss depends on but received ${value}`);
      return [value, gradient];
    }),
  );
}

/** `values` and all that is computed from them; a shape does not change with what it is the shape of. */
function dependents(nodes: readonly GraphNode[], values: readonly Value[]): Set<Value> {
  const found = new Set(values);
  for (const { opType, inputs, outputs } of nodes)
    if (opType !== 'Shape' && inputs.some((value) => found.has(value))) for (const output of outputs) found.add(output);
  return found;
}

/**
 * The sum of all contributions. Outer products are one product over their concatenated rows, because
 * Σₜ leftₜᵀ·rightₜ = concat(left)ᵀ·concat(right): a matrix that every time step uses costs one large Gemm, not a small one each.
 */
function total(graph: Graph, contributions: readonly Contribution[]): Value {
  const outer = contributions.filter((entry): entry is OuterProduct => typeof entry !== 'string');
  const values = contributions.filter((entry) => typeof entry === 'string');
  const rows = (operands: readonly Value[]) => (operands.length === 1 ? operands[0]! : graph.op('Concat', operands, { axis: 0 }));
  if (outer.length > 0)
    values.push(graph.op('Gemm', [rows(outer.map(({ left }) => left)), rows(outer.map(({ right }) => right))], { transA: 1 }));
  return values.reduce((sum, value) => graph.op('Add', [sum, value]));
}

/** The gradient of a node's one output. */
function only(incoming: readonly (Value | undefined)[]): Value {
  return incoming[0]!;
}

function input(node: GraphNode, index: number): Value {
  return node.inputs[index]!;
}

function axisOf(node: GraphNode): number {
  return node.attributes.axis as number;
}
