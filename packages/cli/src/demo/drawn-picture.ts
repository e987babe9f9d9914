import { renderSvg } from '@showtell/shared/image/render-svg';
import { drawPicture } from '@showtell/shared/source/synthetic-drawing';
import { sceneOf } from '@showtell/shared/source/synthetic-scene';

/** The PNG file of a synthetic picture, whose id says all that is needed. */
export async function drawnPicture(imageId: string): Promise<Buffer> {
  return renderSvg(drawPicture({ key: imageId, scene: sceneOf(imageId) }));
}
