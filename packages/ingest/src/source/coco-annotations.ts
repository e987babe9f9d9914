import { ShowtellError } from '@showtell/shared/errors';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { type AnnotationHandlers, broken, RecordReader } from './annotation-records';
import { readJsonTokens } from './json-tokens';

/**
 * Reads a COCO captions file as a stream: `images` and `annotations` may come in any order, whatever else is there is skipped,
 * and nothing of the file is kept but what the handlers keep. Ids are text, so that no digit of a large number is lost.
 * Throws `BROKEN_ANNOTATIONS` with the file and the line and column, or the record; or what the store or a handler throws.
 */
export async function readAnnotations(
  store: Pick<ObjectStore, 'url' | 'stream'>,
  key: string,
  handlers: AnnotationHandlers,
  signal?: AbortSignal,
): Promise<void> {
  const reader = new RecordReader(key, handlers);
  const open = async () => {
    const stream = await store.stream(key, { ...(signal && { signal }) });
    if (stream === undefined) throw new ShowtellError('NOT_A_DATASET', `Expected annotations at ${key} in ${store.url} but they are gone`);
    return stream;
  };
  await readJsonTokens({ open, name: key, lines: false, broken }, (token) => reader.consume(token), signal);
  reader.end();
}
