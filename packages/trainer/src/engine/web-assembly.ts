/**
 * As much of WebAssembly's binary format (https://webassembly.github.io/spec/core/binary) as numeric loops over float32 arrays
 * need, so that they can be written in TypeScript and assembled when the program starts: no compiler, no generated file.
 */

/** Instructions that leave one value on the stack or, for a statement, none. */
export type Code = readonly number[];

const VALUE_TYPE = { i32: 0x7f, f32: 0x7d, f64: 0x7c, v128: 0x7b } as const;
export type ValueType = keyof typeof VALUE_TYPE;

export interface Local {
  readonly get: Code;
  set(value: Code): Code;
}

/** One exported function under construction: parameters first, then locals, then statements. */
export class WasmFunction {
  readonly parameters: ValueType[] = [];
  readonly locals: ValueType[] = [];
  readonly body: number[] = [];

  constructor(
    readonly name: string,
    readonly result?: ValueType,
  ) {}

  parameter(type: ValueType): Local {
    if (this.locals.length > 0) throw new TypeError('Expected parameters before locals');
    this.parameters.push(type);
    return localAt(this.parameters.length - 1);
  }

  local(type: ValueType): Local {
    this.locals.push(type);
    return localAt(this.parameters.length + this.locals.length - 1);
  }

  add(...statements: Code[]): void {
    for (const statement of statements) this.body.push(...statement);
  }
}

function localAt(index: number): Local {
  return { get: [0x20, ...unsigned(index)], set: (value) => [...value, 0x21, ...unsigned(index)] };
}

const unary =
  (...instruction: number[]) =>
  (value: Code): Code => [...value, ...instruction];
const binary =
  (...instruction: number[]) =>
  (left: Code, right: Code): Code => [...left, ...right, ...instruction];
const simd = (operation: number): number[] => [0xfd, ...unsigned(operation)];
/** Of an access to memory: aligned to 4 bytes, `offset` bytes behind the address. */
const at = (offset: number): number[] => [2, ...unsigned(offset)];

export const i32 = {
  const: (value: number): Code => [0x41, ...signed(value)],
  add: binary(0x6a),
  and: binary(0x71),
  shiftLeft: binary(0x74),
  /** Of unsigned numbers, as addresses are. */
  lessThan: binary(0x49),
};

/** Arithmetic on float32, one number or four at a time, so that a formula is written once for both. */
export interface Lanes {
  readonly type: ValueType;
  /** Bytes of one access. */
  readonly bytes: number;
  readonly load: (address: Code) => Code;
  readonly store: (address: Code, value: Code) => Code;
  /** A float32 in every lane. */
  readonly splat: (value: Code) => Code;
  readonly add: (left: Code, right: Code) => Code;
  readonly sub: (left: Code, right: Code) => Code;
  readonly mul: (left: Code, right: Code) => Code;
  readonly div: (left: Code, right: Code) => Code;
  readonly sqrt: (value: Code) => Code;
}

export const f32: Lanes = {
  type: 'f32',
  bytes: 4,
  load: unary(0x2a, ...at(0)),
  store: binary(0x38, ...at(0)),
  splat: (value) => value,
  add: binary(0x92),
  sub: binary(0x93),
  mul: binary(0x94),
  div: binary(0x95),
  sqrt: unary(0x91),
};

export const f32x4: Lanes = {
  type: 'v128',
  bytes: 16,
  load: unary(...simd(0), ...at(0)),
  store: binary(...simd(11), ...at(0)),
  splat: unary(...simd(19)),
  add: binary(...simd(0xe4)),
  sub: binary(...simd(0xe5)),
  mul: binary(...simd(0xe6)),
  div: binary(...simd(0xe7)),
  sqrt: unary(...simd(0xe3)),
};

export const f64 = { add: binary(0xa0), mul: binary(0xa2), fromFloat32: unary(0xbb) };

/** Two float64. */
export const f64x2 = {
  /** Two float32 from memory. */
  fromFloat32: (address: Code, offset: number): Code => [...address, ...simd(0x5d), ...at(offset), ...simd(0x5f)],
  add: binary(...simd(0xf0)),
  mul: binary(...simd(0xf2)),
  /** The number in lane 0 or 1. */
  lane: (value: Code, lane: 0 | 1): Code => [...value, ...simd(0x21), lane],
};

export function whileTrue(condition: Code, ...body: Code[]): Code {
  const [block, loop, branch, branchIf, end, isZero, nothing] = [0x02, 0x03, 0x0c, 0x0d, 0x0b, 0x45, 0x40];
  return [block, nothing, loop, nothing, ...condition, isZero, branchIf, 1, ...body.flat(), branch, 0, end, end];
}

/** What Node has of the JavaScript interface, and its types of this version do not tell. */
interface Interface {
  readonly Memory: new (limits: { initial: number; maximum: number }) => WasmMemory;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: object };
}
const { WebAssembly } = globalThis as unknown as { readonly WebAssembly: Interface };

export interface WasmMemory {
  readonly buffer: ArrayBuffer;
}

const PAGE_BYTES = 65_536;
/** What 32-bit addresses reach. */
export const MOST_MEMORY_BYTES = 2 ** 32;

/** Zeros. It never grows, so that views on it stay valid. @throws RangeError when the machine has not so much. */
export function createMemory(bytes: number): WasmMemory {
  const pages = Math.ceil(bytes / PAGE_BYTES);
  return new WebAssembly.Memory({ initial: pages, maximum: pages });
}

/** Assembles the functions to work on that memory; what comes back has them by their names. */
export function instantiate(functions: readonly WasmFunction[], memory: WasmMemory): object {
  return new WebAssembly.Instance(new WebAssembly.Module(encodeModule(functions)), { env: { memory } }).exports;
}

/** `\0asm`, version 1 */
const MAGIC = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

/** A module of these functions on a memory that it imports as `env.memory`. */
function encodeModule(functions: readonly WasmFunction[]): Uint8Array<ArrayBuffer> {
  const types = functions.map(({ parameters, result }) => [
    0x60,
    ...vector(parameters.map((type) => [VALUE_TYPE[type]])),
    ...vector(result ? [[VALUE_TYPE[result]]] : []),
  ]);
  const memory = [...text('env'), ...text('memory'), 0x02, 0x00, ...unsigned(0)];
  const code = functions.map(({ locals, body }) => sized([...vector(locals.map((type) => [1, VALUE_TYPE[type]])), ...body, 0x0b]));
  return Uint8Array.from([
    ...MAGIC,
    ...section(1, vector(types)),
    ...section(2, vector([memory])),
    ...section(3, vector(functions.map((_, index) => unsigned(index)))),
    ...section(7, vector(functions.map(({ name }, index) => [...text(name), 0x00, ...unsigned(index)]))),
    ...section(10, vector(code)),
  ]);
}

const section = (id: number, content: Code): number[] => [id, ...sized(content)];
const sized = (content: Code): number[] => [...unsigned(content.length), ...content];
const vector = (entries: readonly Code[]): number[] => [...unsigned(entries.length), ...entries.flat()];
const text = (value: string): number[] => sized([...Buffer.from(value)]);

/** LEB128 */
function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

function signed(value: number): number[] {
  return value >= -0x40 && value < 0x40 ? [value & 0x7f] : [(value & 0x7f) | 0x80, ...signed(value >> 7)];
}
