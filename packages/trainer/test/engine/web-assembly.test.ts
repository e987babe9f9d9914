import { createMemory, f32, i32, instantiate, WasmFunction, type WasmMemory, whileTrue } from '../../src/engine/web-assembly';

function run(build: (body: WasmFunction) => void, result?: 'i32'): { call: (...values: number[]) => number; memory: WasmMemory } {
  const body = new WasmFunction('run', result);
  build(body);
  const memory = createMemory(100);
  return { call: (instantiate([body], memory) as { run: (...values: number[]) => number }).run, memory };
}

test.each([0, 1, -1, 63, 64, -64, -65, 127, 128, 8_191, 8_192, -8_193, 2_147_483_647, -2_147_483_648])(
  'the constant %d keeps its value',
  (value) => {
    expect(run((body) => body.add(i32.const(value)), 'i32').call()).toBe(value);
  },
);

test('addresses are unsigned', () => {
  const { call } = run((body) => {
    const [left, right] = [body.parameter('i32'), body.parameter('i32')];
    body.add(i32.lessThan(left.get, right.get));
  }, 'i32');
  expect([call(1, 2), call(2, 2), call(2 ** 31 - 1, 2 ** 31)]).toEqual([1, 0, 1]);
});

test('a loop whose condition is false at once is not entered', () => {
  const { call, memory } = run((body) => {
    const [at, end] = [body.parameter('i32'), body.parameter('i32')];
    const one = f32.add(f32.load(at.get), f32.load(at.get));
    body.add(whileTrue(i32.lessThan(at.get, end.get), f32.store(at.get, one), at.set(i32.add(at.get, i32.const(4)))));
  });
  const values = new Float32Array(memory.buffer);
  values.fill(1, 0, 6);
  call(0, 0);
  call(4, 12);
  expect([...values.subarray(0, 5)]).toEqual([1, 2, 2, 1, 1]);
});

test('parameters come before locals', () => {
  const body = new WasmFunction('late');
  body.local('i32');
  expect(() => body.parameter('i32')).toThrow('Expected parameters before locals');
});

test('more than 127 locals', () => {
  const { call } = run((body) => {
    const given = body.parameter('i32');
    const locals = Array.from({ length: 200 }, () => body.local('i32'));
    for (const local of locals) body.add(local.set(i32.add(given.get, i32.const(1))));
    body.add(locals[199]!.get);
  }, 'i32');
  expect(call(41)).toBe(42);
});
