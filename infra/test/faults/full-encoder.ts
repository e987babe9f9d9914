import { putWeights } from '@showtell/encoder-worker/encoder/weights/keep';
import { resolveWeights } from '@showtell/encoder-worker/encoder/weights/resolve';
import type { EnqueueOptions } from '@showtell/ingest/admin/enqueue';
import type { PipelineRig } from '../pipeline-rig';

/** InceptionV3 as users have it, in the place of a rig's narrow one. */
export async function fullEncoder({ store }: PipelineRig): Promise<Pick<EnqueueOptions, 'weights'>> {
  const weights = await resolveWeights('bundled');
  const { spec, encoder, sha256, preprocessing, dimension } = weights;
  return { weights: { spec, encoder, sha256, preprocessing, dimension, put: () => putWeights(store, weights) } };
}
