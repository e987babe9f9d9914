import { ShowtellError } from '@showtell/shared/errors';
import { pixelBytes } from '@showtell/shared/image/limits';
import type { PixelBlock } from '@showtell/shared/queue/pixel-block';
import pino from 'pino';
import { encodeBlock } from '../src/encode-block';
import type { EncoderEngine } from '../src/encoder/engines/engine';
import { EngineKeeper } from '../src/engine-keeper';
import { fakeDescription } from './fake-engine';

/** Of the fake engine's pictures. */
const SIDE = 16;

/** The feature of a picture is its first byte; what `deadly` answers true for kills the engine. */
class FakeEngines {
  started = 0;
  readonly keeper: EngineKeeper;

  constructor(deadly: (first: number[], engine: number) => boolean) {
    this.keeper = new EngineKeeper(async () => {
      const number = ++this.started;
      let dead = false;
      const engine: EncoderEngine = {
        description: fakeDescription('fake'),
        side: SIDE,
        dimension: 1,
        async encode(pixels, count) {
          const first = Array.from({ length: count }, (_, row) => pixels[row * pixelBytes(SIDE)]!);
          dead ||= deadly(first, number);
          if (dead) throw new ShowtellError('ENGINE_CRASHED', 'died');
          return Float32Array.from(first);
        },
        close: async () => {},
      };
      return engine;
    });
  }
}

const block = (first: number[]): PixelBlock => ({
  imageIds: first.map((byte) => `image-${byte}`),
  pixels: Buffer.concat(first.map((byte) => Buffer.alloc(pixelBytes(SIDE), byte))),
  rejected: [{ imageId: 'before', code: 'TRUNCATED', reason: 'ends early' }],
  animated: [],
});

async function encode(engines: FakeEngines, first: number[], signal = new AbortController().signal) {
  const logger = pino({ level: 'silent' });
  const encoded = await encodeBlock(block(first), { engines: engines.keeper, weightsSha256: 'x', side: SIDE, signal, logger });
  return { ...encoded, features: encoded.features.map(([value]) => value) };
}

test('a sound block is encoded at once', async () => {
  const engines = new FakeEngines(() => false);
  expect(await encode(engines, [1, 2, 3])).toMatchObject({ imageIds: ['image-1', 'image-2', 'image-3'], features: [1, 2, 3] });
  expect(engines.started).toBe(1);
});

test.each([[[7, 1, 2, 3, 4]], [[1, 2, 7, 3, 4]], [[1, 2, 3, 4, 7]], [[7]]])(
  'the picture that kills the engine every time is found in %j and rejected, the others are encoded in order',
  async (first) => {
    const innocent = first.filter((byte) => byte !== 7);
    const encoded = await encode(new FakeEngines((bytes) => bytes.includes(7)), first);
    expect(encoded.features).toEqual(innocent);
    expect(encoded.imageIds).toEqual(innocent.map((byte) => `image-${byte}`));
    expect(encoded.rejected).toMatchObject([
      { imageId: 'before', code: 'TRUNCATED' },
      { imageId: 'image-7', code: 'CRASHED_WORKER' },
    ]);
  },
);

test('two guilty pictures are both found', async () => {
  const encoded = await encode(new FakeEngines((bytes) => bytes.includes(7) || bytes.includes(9)), [1, 7, 2, 9]);
  expect(encoded.features).toEqual([1, 2]);
  expect(encoded.rejected.map(({ imageId }) => imageId)).toEqual(['before', 'image-7', 'image-9']);
});

test('an engine that died for another reason costs no picture', async () => {
  const encoded = await encode(new FakeEngines((_bytes, engine) => engine === 1), [1, 2, 3, 4]);
  expect(encoded.features).toEqual([1, 2, 3, 4]);
  expect(encoded.rejected.map(({ imageId }) => imageId)).toEqual(['before']);
});

test('an engine that dies of anything condemns no picture', async () => {
  await expect(encode(new FakeEngines(() => true), [1, 2, 3, 4])).rejects.toMatchObject({ code: 'ENGINE_CRASHED' });
});

test('an engine that cannot start condemns no picture', async () => {
  const keeper = new EngineKeeper(() => Promise.reject(new ShowtellError('ENGINE_CRASHED', 'no library')));
  const context = {
    engines: keeper,
    weightsSha256: 'x',
    side: SIDE,
    signal: new AbortController().signal,
    logger: pino({ level: 'silent' }),
  };
  await expect(encodeBlock(block([1]), context)).rejects.toMatchObject({ code: 'ENGINE_CRASHED' });
});

test('an abort is not waited out', async () => {
  const keeper = new EngineKeeper(async () => ({
    description: fakeDescription('fake'),
    side: SIDE,
    dimension: 1,
    encode: () => new Promise<Float32Array>(() => {}),
    close: async () => {},
  }));
  const stop = new AbortController();
  const context = { engines: keeper, weightsSha256: 'x', side: SIDE, signal: stop.signal, logger: pino({ level: 'silent' }) };
  const encoding = encodeBlock(block([1]), context);
  stop.abort(new Error('enough'));
  await expect(encoding).rejects.toThrow('enough');
});

test('an engine is kept for the same weights and replaced for others', async () => {
  const closed: string[] = [];
  const keeper = new EngineKeeper(async (weights) => ({
    description: fakeDescription(weights),
    side: SIDE,
    dimension: 1,
    encode: async () => new Float32Array(),
    close: async () => void closed.push(weights),
  }));
  const { signal } = new AbortController();
  const first = await keeper.get('a', signal);
  expect(await keeper.get('a', signal)).toBe(first);
  expect((await keeper.get('b', signal)).description.engine).toBe('b');
  expect(closed).toEqual(['a']);
  await keeper.close();
  expect(closed).toEqual(['a', 'b']);
});
