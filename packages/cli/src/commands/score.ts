import type { Shutdown } from '@showtell/shared/shutdown';
import { Command } from 'commander';

export function scoreCommand(shutdown: Shutdown): Command {
  return new Command('score')
    .description("Score anybody's captions as coco-caption does: BLEU-1 to 4, ROUGE-L, CIDEr-D")
    .argument('<candidates>', 'the captions to score, one for each image')
    .argument('<references>', 'what people say of the same images')
    .option('--json', 'print JSON, with the scores of every image')
    .addHelpText(
      'after',
      `
Both files may be COCO results (a list of {"image_id", "caption"}), COCO annotations, or JSON lines of
{"image_id", "caption"}; references have several for an image. Only images with a candidate are scored,
as in coco-caption's own demo: references of other images are left out, of CIDEr's document frequencies too.

Examples:
  $ showtell score results.json annotations/captions_val2017.json
  $ showtell score made.jsonl true.jsonl --json
`,
    )
    .action(async (candidates: string, references: string, { json = false }: { json?: boolean }) => {
      const { scoreFiles } = await import('../score/score-files.js');
      await scoreFiles({ candidates, references, json, signal: shutdown.signal });
    });
}
