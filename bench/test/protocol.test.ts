import { decodeFeatures, encodeFeatures, parseReply } from '../src/protocol';

describe('replies of an encoder under test', () => {
  test('a reply to its request is given as it is', () => {
    expect(parseReply('run', '{"type":"ran","seconds":1.5}')).toEqual({ type: 'ran', seconds: 1.5 });
  });

  test('what the encoder says went wrong is thrown', () => {
    expect(() => parseReply('open', '{"type":"error","message":"this CPU has no bfloat16"}')).toThrow('this CPU has no bfloat16');
  });

  test('a reply to another request is refused', () => {
    expect(() => parseReply('features', '{"type":"ran","seconds":1}')).toThrow('Expected features in reply to features but received ran');
  });

  test('what a library printed is shown', () => {
    expect(() => parseReply('open', 'Loading kernels')).toThrow('Expected a line of JSON but received "Loading kernels"');
  });

  test('features keep every bit', () => {
    const features = Float32Array.of(0, -0, 1e-38, 3.4e38, 0.1);
    expect(decodeFeatures(encodeFeatures(features.subarray(1)))).toEqual(features.subarray(1));
  });
});
