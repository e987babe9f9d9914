import { openSession, Tensor } from '@showtell/shared/onnx/session';
import type { NamedTensor } from '@showtell/shared/safetensors';
import { ParameterBuffer } from '../model/parameter-buffer';
import { type Architecture, checkParameters } from '../model/parameters';
import { END, START, UNKNOWN } from '../model/tokens';
import { encodeGraph, stepGraph } from './step-graph';

export interface DecodedCaption {
  /** Token ids without START and END. */
  readonly ids: number[];
  /** Whether END was reached within the maximum length. */
  readonly ended: boolean;
  /** Natural logarithm of the caption's probability, END's included where it was reached. */
  readonly logProbability: number;
}

export interface Decoder {
  /**
   * The likeliest token at each step until END or `maxLength` tokens, END counted.
   * @param features row-major [rows, dimension]
   */
  greedy(features: Float32Array, rows: number): Promise<DecodedCaption[]>;
  close(): Promise<void>;
}

export interface DecoderOptions {
  /** By Keras' names, as a checkpoint or `TrainingEngine.state()` has them; copied. */
  readonly weights: ReadonlyMap<string, NamedTensor>;
  /** Of the network that the weights are for. */
  readonly architecture: Architecture;
  readonly decoding: {
    /** Most tokens of a caption, END counted. */
    readonly maxLength: number;
    /** Takes the next likeliest token instead of UNKNOWN, which no reader wants. */
    readonly blockUnknown: boolean;
  };
  /** Threads of onnxruntime; 0, the default, for every core. */
  readonly threads?: number;
}

/** Captions from features. Like training, decoding blocks the event loop while a step of it runs. */
export async function createDecoder({ weights, architecture, decoding, threads = 0 }: DecoderOptions): Promise<Decoder> {
  checkParameters(weights, architecture, 'the weights to decode with');
  const { dimension } = architecture;
  const buffer = new ParameterBuffer(architecture);
  buffer.load(weights);
  const encoding = encodeGraph(buffer, architecture);
  const { maxLength, blockUnknown } = decoding;
  const width = blockUnknown ? 2 : 1;
  const stepping = stepGraph(buffer, architecture, width);
  const encoder = await openSession(encoding.graph.encode(), { threads, spinning: false });
  const stepper = await openSession(stepping.graph.encode(), { threads, spinning: false });
  const int64 = (values: readonly number[]) => new Tensor('int64', BigInt64Array.from(values, BigInt), [values.length]);

  return {
    async greedy(features, rows) {
      if (features.length !== rows * dimension)
        throw new RangeError(`Expected ${rows} × ${dimension} numbers for features but received ${features.length}`);
      const captions = Array.from({ length: rows }, () => ({ ids: [] as number[], ended: false, logProbability: 0 }));
      if (rows === 0) return captions;
      const encoded = await encoder.run({ [encoding.features]: new Tensor('float32', features, [rows, dimension]) });
      let hidden = encoded[encoding.hidden]!;
      let cell = encoded[encoding.cell]!;
      let running = captions.map((caption, row) => ({ caption, from: row, token: START }));
      for (let step = 0; step < maxLength && running.length > 0; step++) {
        const { inputs, outputs } = stepping;
        const result = await stepper.run({
          [inputs.hidden]: hidden,
          [inputs.cell]: cell,
          [inputs.from]: int64(running.map(({ from }) => from)),
          [inputs.tokens]: int64(running.map(({ token }) => token)),
        });
        hidden = result[outputs.hidden]!;
        cell = result[outputs.cell]!;
        const tokens = result[outputs.tokens]!.data as BigInt64Array;
        const logProbabilities = result[outputs.logProbabilities]!.data as Float32Array;
        running = running.flatMap(({ caption }, row) => {
          const place = row * width + (blockUnknown && Number(tokens[row * width]!) === UNKNOWN ? 1 : 0);
          const token = Number(tokens[place]!);
          caption.logProbability += logProbabilities[place]!;
          caption.ended = token === END;
          if (caption.ended) return [];
          caption.ids.push(token);
          return [{ caption, from: row, token }];
        });
      }
      return captions;
    },

    async close() {
      await encoder.release();
      await stepper.release();
    },
  };
}
