import type { CaptionColumns } from '@showtell/shared/arrow/caption-rows';

/** Finds the captions of an image. Those of one image stand behind each other. */
export class CaptionIndex {
  readonly #parts: readonly CaptionColumns[];
  /** Of each image its first row, counted through all parts. */
  readonly #firstRows = new Map<string, readonly [part: number, row: number]>();

  constructor(parts: readonly CaptionColumns[]) {
    this.#parts = parts;
    for (const [part, { rows, imageId }] of parts.entries()) {
      let before: string | undefined;
      for (let row = 0; row < rows; row++) {
        const image = imageId(row);
        if (image !== before) this.#firstRows.set(image, [part, row]);
        before = image;
      }
    }
  }

  captionsOf(image: string): string[] {
    const first = this.#firstRows.get(image);
    if (first === undefined) return [];
    const [part, start] = first;
    const { rows, imageId, caption } = this.#parts[part]!;
    const captions: string[] = [];
    for (let row = start; row < rows && imageId(row) === image; row++) captions.push(caption(row));
    return captions;
  }
}
