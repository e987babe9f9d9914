import { ShowtellError } from '../errors';

/** What a message says of where it happened. */
export interface ZipPosition {
  readonly archive: string;
  /** Name of an entry. */
  readonly entry?: string | undefined;
}

const where = ({ archive, entry }: ZipPosition) =>
  entry === undefined ? `Zip archive ${archive}` : `Entry ${JSON.stringify(entry)} of zip archive ${archive}`;

/** Nothing of an archive is used when one entry of it is made to deceive, or cannot be read as the rest. */
export function unsafeZip(position: ZipPosition, expectation: string, cause?: unknown): ShowtellError {
  return new ShowtellError('UNSAFE_ZIP', `${where(position)}: ${expectation}`, {
    cause,
    hint: 'Nothing was planned. Fetch the archive again from where it comes from, or have it made anew without this.',
  });
}

export function corruptZip(position: ZipPosition, expectation: string, cause?: unknown): ShowtellError {
  return new ShowtellError('CORRUPT_ZIP', `${where(position)}: ${expectation}`, {
    cause,
    hint: 'It is damaged or was cut short: copy or download it again.',
  });
}
