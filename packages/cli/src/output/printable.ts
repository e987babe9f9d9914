/** Colours, which we print ourselves; or any other control character but line breaks and tabs. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
// oxlint-disable-next-line no-control-regex
const CONTROLS = /(\u001b\[[\d;]*m)|[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/**
 * A text as it may be shown: names and captions of a dataset, and what workers tell of themselves through Redis, could else move the
 * cursor over other lines, change the title or write to the clipboard of who reads them. JSON stays JSON, and says the same.
 */
export function printable(text: string): string {
  return text.replace(
    CONTROLS,
    (control: string, colour?: string) => colour ?? `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
