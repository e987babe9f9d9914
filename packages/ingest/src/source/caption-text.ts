/** Longest caption that is taken, in UTF-16 units: a page of text. */
export const MAX_CAPTION_LENGTH = 10_000;

export type CheckedCaption = { readonly text: string } | { readonly problem: string };

/** A caption in Unicode's composed form (NFC), or what is wrong with it. */
export function checkCaption(caption: string): CheckedCaption {
  if (caption.length > MAX_CAPTION_LENGTH)
    return { problem: `expected at most ${MAX_CAPTION_LENGTH} characters but received ${caption.length}` };
  if (/^\s*$/u.test(caption)) return { problem: 'expected words but received none' };
  if (caption.includes('\0')) return { problem: 'expected text but received a NUL character' };
  if (hasLoneSurrogate(caption)) return { problem: 'expected text but received half a surrogate pair' };
  return { text: caption.normalize('NFC') };
}

/** Half a surrogate pair stands for no character and has no UTF-8. */
export function hasLoneSurrogate(text: string): boolean {
  return /\p{Surrogate}/u.test(text);
}
