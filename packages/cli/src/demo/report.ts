import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunStatus } from '@showtell/ingest/admin/status';
import { makeFolder } from '@showtell/shared/make-folder';
import { drawPicture } from '@showtell/shared/source/synthetic-drawing';
import { sceneOf } from '@showtell/shared/source/synthetic-scene';
import pc from 'picocolors';
import { galleryPage } from '../gallery';
import { formatCount, formatSeconds, formatShare, plural } from '../output/format';
import { formatTable } from '../output/table';
import type { Trained } from './demo-stages';
import type { Score, ScoredPicture } from './score';
import type { Stages } from './stages';

/** Made captions beside true ones. */
export function formatCaptions(pictures: readonly ScoredPicture[]): string {
  return [
    `${pc.bold('Pictures it was never trained on')}\n`,
    formatTable(
      ['', 'made', 'true'],
      pictures.map(({ made, truth, right }) => [right ? pc.green('✓') : pc.red('✗'), made, pc.dim(truth[0] ?? '')]),
    ),
  ].join('');
}

export function formatScore({ right, pictures, commonest }: Score): string {
  const of = pictures.length;
  return [
    `${pc.bold('Right in every particular:')} ${right} of ${plural(of, 'test picture')} (${pc.bold(formatShare(right, of))})\n`,
    `The commonest caption (“${commonest.caption}”) would be right of ${commonest.right} (${formatShare(commonest.right, of)})\n`,
  ].join('');
}

/** Where the time went. */
export function formatStages({ finished, totalSeconds }: Stages): string {
  return formatTable(
    ['stage', 'time', 'share', ''],
    [
      ...finished.map(({ name, seconds, note }) => [
        name,
        formatSeconds(seconds),
        formatShare(Math.round((1_000 * seconds) / totalSeconds), 1_000),
        pc.dim(note),
      ]),
      [pc.bold('All'), pc.bold(formatSeconds(totalSeconds)), '', ''],
    ],
  );
}

export interface DemoResult {
  readonly stages: Stages;
  readonly encoded: RunStatus;
  readonly trained: Trained;
  readonly captioned: Score;
}

/** Writes the gallery page into a folder. @returns its path. */
export async function writeGallery(folder: string, { stages, encoded, trained, captioned }: DemoResult): Promise<string> {
  const { pictures, right, commonest } = captioned;
  const page = galleryPage({
    title: 'Showtell demo: what the captioner says',
    introduction: `${formatCount(encoded.samples.planned)} drawn pictures went through every stage on this machine: planned by ingest, prepared and turned into features by two InceptionV3 workers, and fitted by the trainer. Then it saw pictures whose arrangements were never in training.`,
    facts: [
      { label: 'Pictures', value: formatCount(encoded.samples.planned) },
      { label: 'Shards', value: formatCount(encoded.shards.committed) },
      { label: 'Encoder', value: `InceptionV3 ${encoded.encoder?.precision ?? ''}` },
      { label: 'Vocabulary', value: plural(trained.vocabulary, 'word') },
      { label: 'Training', value: `${formatCount(trained.steps)} steps` },
      { label: 'In all', value: formatSeconds(stages.totalSeconds) },
    ],
    score: { right, baseline: commonest.right, of: pictures.length },
    commonestCaption: commonest.caption,
    stages: stages.finished,
    epochs: trained.epochs,
    // As drawn: a sixth of what they take as pixels, so that all of them fit on a page.
    pictures: pictures.map((picture) => ({
      ...picture,
      image: Buffer.from(drawPicture({ key: picture.imageId, scene: sceneOf(picture.imageId) })),
      mediaType: 'image/svg+xml',
    })),
  });
  await makeFolder(folder);
  const path = join(folder, 'gallery.html');
  await writeFile(path, page);
  return path;
}
