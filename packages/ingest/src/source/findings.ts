import { ShowtellError } from '@showtell/shared/errors';
import type { PlanFindings } from '@showtell/shared/schema/plan';

const MOST_EXAMPLES = 100;

type Listed = 'captionsWithoutImage' | 'imagesWithoutCaption' | 'imagesMissing' | 'captionsRejected';

/** Counts what validation finds and does not fail on. */
export class Findings {
  duplicateImages = 0;
  duplicateCaptions = 0;
  private readonly lists: Record<Listed, { count: number; examples: string[] }> = {
    captionsWithoutImage: { count: 0, examples: [] },
    imagesWithoutCaption: { count: 0, examples: [] },
    imagesMissing: { count: 0, examples: [] },
    captionsRejected: { count: 0, examples: [] },
  };

  add(list: Listed, example: string, count = 1): void {
    const { examples } = this.lists[list];
    this.lists[list].count += count;
    if (examples.length < MOST_EXAMPLES) examples.push(example);
  }

  result(): PlanFindings {
    return { duplicateImages: this.duplicateImages, duplicateCaptions: this.duplicateCaptions, ...this.lists };
  }

  /** For `--strict`: throws `STRICT`, or `CAPTION_INVALID`, with the counts and the first examples. */
  refuse(): void {
    const words: Record<Listed, readonly [what: string, which: string]> = {
      captionsWithoutImage: ['caption', 'without image'],
      imagesWithoutCaption: ['image', 'without caption'],
      imagesMissing: ['photo', 'listed but not there'],
      captionsRejected: ['caption', 'breaking the limits'],
    };
    const problems = Object.entries(this.lists).filter(([, { count }]) => count > 0);
    if (problems.length === 0) return;
    const told = problems.map(([list, { count, examples }]) => {
      const [what, which] = words[list as Listed];
      return `${count} ${what}${count === 1 ? '' : 's'} ${which} (first: ${examples[0]})`;
    });
    const onlyCaptions = problems.every(([list]) => list === 'captionsRejected');
    throw new ShowtellError(
      onlyCaptions ? 'CAPTION_INVALID' : 'STRICT',
      `Expected a dataset without gaps for --strict but received ${told.join('; ')}`,
      {
        hint: 'Mend the dataset, or leave --strict away: the rest is then planned and these are counted.',
      },
    );
  }
}
