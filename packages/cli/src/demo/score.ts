import { captionsOf, isCaptionRight } from '@showtell/shared/source/synthetic-captions';
import { sceneOf } from '@showtell/shared/source/synthetic-scene';

/** A test picture with what the captioner says of it. */
export interface ScoredPicture {
  readonly imageId: string;
  readonly made: string;
  readonly truth: readonly string[];
  /** Right in every particular: shapes, arrangement, scenery. */
  readonly right: boolean;
}

export interface Score {
  readonly pictures: readonly ScoredPicture[];
  readonly right: number;
  /** The one caption that is right of most of these pictures, and of how many. */
  readonly commonest: { readonly caption: string; readonly right: number };
}

/** Judges captions of synthetic pictures, whose ids name their scenes. */
export function scoreCaptions(captions: readonly { readonly imageId: string; readonly caption: string }[]): Score {
  const pictures = captions.map(({ imageId, caption }) => {
    const scene = sceneOf(imageId);
    return { imageId, made: caption, truth: captionsOf({ key: imageId, scene }), right: isCaptionRight(scene, caption) };
  });
  return { pictures, right: pictures.filter(({ right }) => right).length, commonest: commonestCaption(pictures) };
}

function commonestCaption(pictures: readonly ScoredPicture[]): Score['commonest'] {
  const counts = new Map<string, { readonly caption: string; right: number }>();
  for (const { imageId, truth } of pictures) {
    // What is right of one picture of a scene is right of all of them, and of no other.
    const scene = Object.values(sceneOf(imageId)).join(' ');
    const count = counts.get(scene) ?? { caption: truth[0] ?? '', right: 0 };
    count.right += 1;
    counts.set(scene, count);
  }
  return [...counts.values()].reduce((most, some) => (some.right > most.right ? some : most), { caption: '', right: 0 });
}
