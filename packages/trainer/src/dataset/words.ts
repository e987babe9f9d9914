/** A letter or digit of any script, then letters, digits and marks, with apostrophes inside: `dog's` is one word, `black-and-white` three. */
const WORD = /[\p{L}\p{N}][\p{L}\p{M}\p{N}]*(?:'[\p{L}\p{M}\p{N}]+)*/gu;

/**
 * The words of a caption as the captioner is trained on them: composed (NFC), lower case, no punctuation.
 * The same text gives the same words on every machine; a caption without letters or digits gives none.
 */
export function wordsOf(caption: string): string[] {
  return caption.normalize('NFC').toLowerCase().replaceAll('\u2019', "'").match(WORD) ?? [];
}
