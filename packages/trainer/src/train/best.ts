import type { Hyperparameters } from '@showtell/shared/schema/checkpoint';
import type { ValidationResult } from './validation';

/** Whether `found` is better than the best before. Where captions are equally good, as when none is any good yet, the loss decides. */
export function isBetter(metric: Hyperparameters['validationMetric'], found: ValidationResult, before: ValidationResult): boolean {
  if (metric === 'CIDEr' && found.cider !== before.cider) return found.cider > before.cider;
  return found.loss < before.loss;
}
