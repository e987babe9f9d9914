import { isShowtellError, ShowtellError } from '../errors';
import { renderSvg } from '../image/render-svg';
import type { PlanRow } from '../schema/plan';
import type { SourceAddress } from '../schema/run';
import type { SourceReader } from './source-reader';
import { drawPicture } from './synthetic-drawing';
import { sceneOf } from './synthetic-scene';

/** Reads pictures of `synthetic:N` by drawing them: a row's source key says all that is needed, so nothing is stored anywhere. */
export function openSyntheticReader(_address: SourceAddress): SourceReader {
  return {
    async read(row: PlanRow): Promise<Buffer> {
      return renderSvg(drawPicture({ key: row.sourceKey, scene: plannedScene(row) }));
    },
    async close(): Promise<void> {},
  };
}

/** A key that is not ours is a picture that is not there: the one image is rejected, never its shard. */
function plannedScene(row: PlanRow) {
  try {
    return sceneOf(row.sourceKey);
  } catch (error) {
    if (!isShowtellError(error)) throw error;
    throw new ShowtellError('MISSING_IMAGE', error.message, { cause: error });
  }
}
