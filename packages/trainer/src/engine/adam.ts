export interface AdamSettings {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
}

/** The flat arrays of one optimizer, all of one length. */
export interface AdamArrays {
  readonly weights: Float32Array;
  readonly gradients: Float32Array;
  readonly m: Float32Array;
  readonly v: Float32Array;
}

/**
 * Adam as Keras writes it, in place: epsilon is added to the uncorrected √v.
 * @param step number of this step, from 1
 * @param scale what gradients are multiplied by first (clipping)
 */
export function adam(
  { weights, gradients, m, v }: AdamArrays,
  { learningRate, beta1, beta2, epsilon }: AdamSettings,
  step: number,
  scale: number,
): void {
  const rate = (learningRate * Math.sqrt(1 - beta2 ** step)) / (1 - beta1 ** step);
  for (let index = 0; index < weights.length; index++) {
    const gradient = gradients[index]! * scale;
    const first = m[index]! + (gradient - m[index]!) * (1 - beta1);
    const second = v[index]! + (gradient * gradient - v[index]!) * (1 - beta2);
    m[index] = first;
    v[index] = second;
    weights[index]! -= (rate * first) / (Math.sqrt(second) + epsilon);
  }
}

/** √Σg², summed in float64; not finite if a gradient is not. */
export function globalNorm(gradients: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < gradients.length; index++) sum += gradients[index]! * gradients[index]!;
  return Math.sqrt(sum);
}

/** Factor that brings a global norm down to `limit`; 1 where it is below or there is no limit. */
export function clipScale(norm: number, limit: number | null): number {
  return limit === null || norm <= limit ? 1 : limit / norm;
}
