import { setImmediate } from 'node:timers/promises';
import type { Graph } from '@showtell/shared/onnx/graph';
import { openSession, type Session, Tensor } from '@showtell/shared/onnx/session';
import type { NamedTensor } from '@showtell/shared/safetensors';
import { DecodingSettings } from '@showtell/shared/schema/checkpoint';
import { matrixTensors } from '../model/matrix-tensors';
import { ParameterBuffer } from '../model/parameter-buffer';
import { type Architecture, checkParameters } from '../model/parameters';
import { Random } from '../model/random';
import { BeamSearch, type LikeliestTokens } from './beam';
import type { DecodedCaption } from './decoded-caption';
import { type AllTokens, Sampling } from './sampling';
import { BeamOptions, checkOptions, SampleOptions } from './settings';
import { encodeGraph } from './step-graph';
import { beamStepper, int64, type Search, type Stepper, samplingStepper } from './stepper';

export type { DecodedCaption } from './decoded-caption';

export interface Decoder {
  /**
   * The best caption of each image. A beam of 1 is greedy: the likeliest token at each step.
   * @param features row-major [rows, dimension]
   * @param settings in place of the decoder's own
   * @throws ShowtellError `USAGE` for settings that make no sense, `DIVERGED` when weights or features give no probabilities.
   */
  decode(features: Float32Array, rows: number, settings?: Partial<DecodingSettings>): Promise<DecodedCaption[]>;
  /** The best captions of each image, best first, found by a beam of `beam` hypotheses. */
  beams(features: Float32Array, rows: number, settings?: BeamOptions): Promise<DecodedCaption[][]>;
  /**
   * Captions drawn at random; `logProbability` is what the model gives them, whatever temperature and `topP` they are drawn with.
   * One generator given to several calls draws as one call for all images would.
   */
  sample(features: Float32Array, rows: number, settings: SampleOptions & { readonly seed: number | Random }): Promise<DecodedCaption[][]>;
  /** Decodes with other weights of the same architecture from now on; copied. */
  load(weights: ReadonlyMap<string, NamedTensor>): void;
  close(): Promise<void>;
}

export interface DecoderOptions {
  /** By Keras' names, as a checkpoint or `TrainingEngine.state()` has them; copied. */
  readonly weights: ReadonlyMap<string, NamedTensor>;
  /** Of the network that the weights are for. */
  readonly architecture: Architecture;
  /** What `decode` and the others do where a call says nothing else; what else it holds, as hyper-parameters do, is passed over. */
  readonly decoding: DecodingSettings;
  /** Threads of onnxruntime; 0, the default, for every core. */
  readonly threads?: number;
}

/** Rows computed at a time. More are no faster, and the log-probabilities of each take 4 bytes a token. */
const MOST_ROWS = 768;

/** A stepper with the session of its graph. */
interface Opened<Kind extends Search<Next>, Next> {
  readonly stepper: Stepper<Kind, Next>;
  readonly session: Session;
}

/**
 * Captions from features. Weights are inputs of the graphs, so that a training decodes after each epoch with the sessions that it has;
 * as constants they would make a step of a hundred rows a sixth faster, and one of one row or of 768 no faster.
 * Like training, decoding blocks the event loop while a step of it runs.
 */
export async function createDecoder({ weights, architecture, decoding, threads = 0 }: DecoderOptions): Promise<Decoder> {
  const { dimension } = architecture;
  const own = checkOptions(DecodingSettings.strip(), decoding);
  const buffer = new ParameterBuffer(architecture);
  const load = (tensors: ReadonlyMap<string, NamedTensor>) => {
    checkParameters(tensors, architecture, 'the weights to decode with');
    buffer.load(tensors);
  };
  load(weights);
  const open = async (graph: Graph) => openSession(graph.encode(), { threads, spinning: false });
  const encoding = encodeGraph(architecture);
  const encoder = await open(encoding.graph);
  const opened = async <Kind extends Search<Next>, Next>(stepper: Stepper<Kind, Next>) => ({
    stepper,
    session: await open(stepper.graph.graph),
  });
  // Each is opened when first used: a session costs memory, and few need both.
  let searcher: Promise<Opened<BeamSearch, LikeliestTokens>> | undefined;
  let sampler: Promise<Opened<Sampling, AllTokens>> | undefined;

  /** @param each rows that an image may take */
  async function run<Kind extends Search<Next>, Next>(
    features: Float32Array,
    rows: number,
    each: number,
    { stepper, session }: Opened<Kind, Next>,
    begin: (images: number) => Kind,
  ): Promise<DecodedCaption[][]> {
    if (features.length !== rows * dimension)
      throw new RangeError(`Expected ${rows} × ${dimension} numbers for features but received ${features.length}`);
    const { graph } = stepper;
    const images = Math.max(1, Math.floor(MOST_ROWS / each));
    const captions: DecodedCaption[][] = [];
    for (let from = 0; from < rows; from += images) {
      // Whoever waits for the captions can be interrupted between two batches.
      if (from > 0) await setImmediate();
      const to = Math.min(from + images, rows);
      const batch = new Tensor('float32', features.subarray(from * dimension, to * dimension), [to - from, dimension]);
      const encoded = await encoder.run({ ...matrixTensors(buffer, encoding.matrices), [encoding.features]: batch });
      let state = encoding.state.map((name) => encoded[name]!);
      const search = begin(to - from);
      const fixed = matrixTensors(buffer, graph.matrices);
      while (search.from.length > 0) {
        const result = await session.run({
          ...fixed,
          ...Object.fromEntries(graph.state.map(({ before }, index) => [before, state[index]!])),
          [graph.from]: int64(search.from),
          [graph.tokens]: int64(search.tokens),
          ...stepper.feeds(search),
        });
        state = graph.state.map(({ after }) => result[after]!);
        search.advance(stepper.next(result));
      }
      for (const found of search.captions()) captions.push(found);
    }
    return captions;
  }

  async function beams(features: Float32Array, rows: number, options: BeamOptions = {}): Promise<DecodedCaption[][]> {
    const { beam: width, best = width, ...settings } = { ...own, ...checkOptions(BeamOptions, options) };
    searcher ??= opened(beamStepper(architecture));
    return run(features, rows, width, await searcher, (images) => new BeamSearch(images, { ...settings, width, best }));
  }

  return {
    load,
    beams,

    async decode(features, rows, settings = {}) {
      const { beam = own.beam, lengthNormalization } = settings;
      // One hypothesis alone has nothing to be chosen from, so that it is greedy whatever lengths are worth.
      const captions = await beams(features, rows, { ...settings, best: 1, lengthNormalization: beam === 1 ? 0 : lengthNormalization });
      return captions.map(([best]) => best!);
    },

    async sample(features, rows, { seed, ...options }) {
      const settings = { ...own, ...checkOptions(SampleOptions, options) };
      const random = typeof seed === 'number' ? new Random(seed) : seed;
      sampler ??= opened(samplingStepper(architecture));
      return run(features, rows, settings.count, await sampler, (images) => new Sampling(images, settings, random));
    },

    async close() {
      await encoder.release();
      await (await searcher)?.session.release();
      await (await sampler)?.session.release();
    },
  };
}
