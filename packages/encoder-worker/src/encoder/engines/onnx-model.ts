import type { Precision } from '@showtell/shared/schema/encoder-identity';
import type { EncoderFile } from '../encoder-file';
import { customGraph } from './onnx-custom-graph';
import { float16Graph } from './onnx-float16-graph';
import { encoderGraph } from './onnx-graph';
import { int8EncoderGraph } from './onnx-int8-graph';

/** The ONNX model of an encoder file, with one input, uint8 [n, side, side, 3], and one output, float32 [n, dimension]. */
export function onnxModel(file: EncoderFile, precision: Precision): Uint8Array {
  if (file.kind === 'custom') return customGraph(file.custom);
  if (file.kind === 'inception-v3-int8') return int8EncoderGraph(file.int8);
  return precision === 'float16' ? float16Graph(file.weights).encode() : encoderGraph(file.weights);
}
