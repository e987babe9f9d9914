import { type Code, f32, f32x4, f64, f64x2, i32, instantiate, type Lanes, WasmFunction, type WasmMemory, whileTrue } from './web-assembly';

/** Addresses are bytes, counts float32 numbers. */
export interface AdamKernels {
  /**
   * One pass over `count` weights:
   * g ← gradient · scale, m ← m + (g − m) · (1 − beta1), v ← v + (g² − v) · (1 − beta2), w ← w · keep − rate · m / (√v + epsilon).
   */
  readonly adam: (
    weights: number,
    gradients: number,
    m: number,
    v: number,
    count: number,
    scale: number,
    oneMinusBeta1: number,
    oneMinusBeta2: number,
    rate: number,
    epsilon: number,
    keep: number,
  ) => void;
  /** Σx² in float64; not finite if a number is not. */
  readonly sumOfSquares: (values: number, count: number) => number;
}

/** Four numbers at a time, the last three at most one by one: bits do not depend on where a number lies, nor on the machine. */
export function adamKernels(memory: WasmMemory): AdamKernels {
  return instantiate([adamFunction(), sumOfSquaresFunction()], memory) as AdamKernels;
}

function adamFunction(): WasmFunction {
  const body = new WasmFunction('adam');
  const pointers = [body.parameter('i32'), body.parameter('i32'), body.parameter('i32'), body.parameter('i32')] as const;
  const [weights, gradients, m, v] = pointers;
  const count = body.parameter('i32');
  const scalars = Array.from({ length: 6 }, () => body.parameter('f32'));
  const end = body.local('i32');
  const pass = (lanes: Lanes) => {
    const constants = scalars.map((scalar) => {
      const constant = body.local(lanes.type);
      body.add(constant.set(lanes.splat(scalar.get)));
      return constant.get;
    });
    const [scale, oneMinusBeta1, oneMinusBeta2, rate, epsilon, keep] = constants as [Code, Code, Code, Code, Code, Code];
    const [gradient, first, second] = [body.local(lanes.type), body.local(lanes.type), body.local(lanes.type)];
    const { load, store, add, sub, mul, div, sqrt } = lanes;
    body.add(
      whileTrue(
        i32.lessThan(weights.get, end.get),
        gradient.set(mul(load(gradients.get), scale)),
        first.set(add(load(m.get), mul(sub(gradient.get, load(m.get)), oneMinusBeta1))),
        second.set(add(load(v.get), mul(sub(mul(gradient.get, gradient.get), load(v.get)), oneMinusBeta2))),
        store(m.get, first.get),
        store(v.get, second.get),
        store(weights.get, sub(mul(load(weights.get), keep), div(mul(rate, first.get), add(sqrt(second.get), epsilon)))),
        ...pointers.map((pointer) => pointer.set(i32.add(pointer.get, i32.const(lanes.bytes)))),
      ),
    );
  };
  body.add(end.set(i32.add(weights.get, bytesOf(i32.and(count.get, i32.const(-4))))));
  pass(f32x4);
  body.add(end.set(i32.add(end.get, bytesOf(i32.and(count.get, i32.const(3))))));
  pass(f32);
  return body;
}

/** Eight sums side by side: one alone would wait for each addition before it began the next. */
function sumOfSquaresFunction(): WasmFunction {
  const body = new WasmFunction('sumOfSquares', 'f64');
  const pointer = body.parameter('i32');
  const count = body.parameter('i32');
  const end = body.local('i32');
  const sum = body.local('f64');
  const [pair, single] = [body.local('v128'), body.local('f64')];
  const sums = Array.from({ length: 4 }, () => body.local('v128'));
  const bytes = 8 * sums.length;
  body.add(
    end.set(i32.add(pointer.get, bytesOf(i32.and(count.get, i32.const(-2 * sums.length))))),
    whileTrue(
      i32.lessThan(pointer.get, end.get),
      ...sums.flatMap((partial, index) => [
        pair.set(f64x2.fromFloat32(pointer.get, 8 * index)),
        partial.set(f64x2.add(partial.get, f64x2.mul(pair.get, pair.get))),
      ]),
      pointer.set(i32.add(pointer.get, i32.const(bytes))),
    ),
    ...sums.flatMap(({ get }) => ([0, 1] as const).map((lane) => sum.set(f64.add(sum.get, f64x2.lane(get, lane))))),
    end.set(i32.add(end.get, bytesOf(i32.and(count.get, i32.const(2 * sums.length - 1))))),
    whileTrue(
      i32.lessThan(pointer.get, end.get),
      single.set(f64.fromFloat32(f32.load(pointer.get))),
      sum.set(f64.add(sum.get, f64.mul(single.get, single.get))),
      pointer.set(i32.add(pointer.get, i32.const(4))),
    ),
    sum.get,
  );
  return body;
}

/** Four to a number. */
const bytesOf = (count: Code) => i32.shiftLeft(count, i32.const(2));
