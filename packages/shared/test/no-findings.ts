import type { PlanFindings } from '@showtell/shared/schema/plan';

const none = { count: 0, examples: [] };

/** What a dataset without flaws is planned with. */
export const NO_FINDINGS: PlanFindings = {
  duplicateImages: 0,
  duplicateCaptions: 0,
  captionsWithoutImage: none,
  imagesWithoutCaption: none,
  imagesMissing: none,
  captionsRejected: none,
};
