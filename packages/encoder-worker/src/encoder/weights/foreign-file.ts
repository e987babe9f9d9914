/** What a file is, told from its first and last bytes. */
export type FileKind =
  | 'hdf5'
  | 'zip'
  | 'safetensors'
  /** Something that holds no weights Showtell can read: what, as the end of "it is …", and what to do. */
  | { readonly is: string; readonly hint: string };

/** Bytes of a file's beginning and end that `kindOf` asks for. */
export const HEAD_BYTES = 4_096;
export const TAIL_BYTES = 8;

const HDF5 = latin1('\x89HDF\r\n\x1a\n');
const ZIP = latin1('PK\x03\x04');

const AGAIN = 'Download it again, from the address of the file itself.';
const KERAS = 'Showtell reads what Keras saves: model.save_weights("model.weights.h5") or model.save("model.keras").';
const TENSORFLOW = `Load it in TensorFlow and save it from Keras. ${KERAS}`;
const PICKLE = `Loading a pickle runs whatever code it holds, so Showtell never does. ${KERAS}`;

interface Foreign {
  readonly is: string;
  readonly hint: string;
  readonly fits: (head: Buffer, tail: Buffer) => boolean;
}

const begins = (signature: Buffer) => (head: Buffer) => startsWith(head, signature);
const text = (pattern: RegExp) => (head: Buffer) => pattern.test(head.toString('latin1'));

/** In the order in which they are asked. */
const FOREIGN: readonly Foreign[] = [
  { is: 'empty', hint: AGAIN, fits: (head) => head.length === 0 },
  { is: 'a web page', hint: AGAIN, fits: text(/^\s*(?:<!doctype html|<html|<head|<!--)/i) },
  { is: 'an XML document, perhaps a server saying that it has no such file', hint: AGAIN, fits: text(/^\s*<(?:\?xml|Error>)/) },
  { is: "Git LFS's placeholder of a file", hint: 'Say git lfs pull where it came from.', fits: text(/^version https:\/\/git-lfs/) },
  { is: 'a NumPy array (.npy)', hint: KERAS, fits: begins(latin1('\x93NUMPY')) },
  // Protocol 2 to 5: its mark, the number, and the first operation. Older ones are text that ends in a full stop.
  { is: 'a Python pickle', hint: PICKLE, fits: (head, tail) => head[0] === 0x80 && head[1]! >= 2 && head[1]! <= 5 && tail.at(-1) === 0x2e },
  {
    is: 'a Python pickle',
    hint: PICKLE,
    fits: (head, tail) => tail.at(-1) === 0x2e && /^(?:\(dp|\(lp|c[\w.]+\n\w+\n)/.test(head.toString('latin1')),
  },
  {
    is: 'a PyTorch file of the old format, which is a Python pickle',
    hint: PICKLE,
    fits: begins(Buffer.from('80028a0a6cfc9c46f920', 'hex')),
  },
  { is: 'the index of a TensorFlow checkpoint', hint: TENSORFLOW, fits: (_, tail) => tail.equals(Buffer.from('57fb808b247547db', 'hex')) },
  { is: 'the list of TensorFlow checkpoints in a folder', hint: TENSORFLOW, fits: text(/^model_checkpoint_path:/) },
  { is: 'a TensorFlow Lite model', hint: TENSORFLOW, fits: (head) => head.subarray(4, 8).equals(latin1('TFL3')) },
  // Both are protobuf: a SavedModel begins with its version, 1, and its graph; a frozen graph with its first node.
  { is: 'the graph of a TensorFlow SavedModel', hint: TENSORFLOW, fits: begins(Buffer.from('080112', 'hex')) },
  { is: 'gzip-compressed', hint: 'Unpack it first: gunzip, or tar -xzf.', fits: begins(Buffer.from('1f8b', 'hex')) },
  { is: 'a tar archive', hint: 'Unpack it first: tar -xf.', fits: (head) => head.subarray(257, 262).equals(latin1('ustar')) },
  { is: 'a JSON file', hint: KERAS, fits: text(/^\s*[{[]\s*["{}\]]/) },
];

/**
 * @param head the first `HEAD_BYTES` of the file, or all of it.
 * @param tail the last `TAIL_BYTES`.
 * @param name of the file, asked only where nothing in the content tells.
 */
export function kindOf(head: Buffer, tail: Buffer, name: string): FileKind {
  if (startsWith(head, HDF5)) return 'hdf5';
  if (startsWith(head, ZIP)) return 'zip';
  // Its first 8 bytes are the header's length, and the header is a JSON object.
  if (head[8] === 0x7b && head.subarray(4, 8).every((byte) => byte === 0)) return 'safetensors';
  const foreign = FOREIGN.find(({ fits }) => fits(head, tail));
  if (foreign) return { is: foreign.is, hint: foreign.hint };
  if (/\.data-\d{5}-of-\d{5}$/.test(name)) return { is: 'a part of a TensorFlow checkpoint', hint: TENSORFLOW };
  return { is: 'neither HDF5, .keras nor safetensors', hint: KERAS };
}

/** The same for a folder, from the names in it. */
export function kindOfFolder(names: readonly string[]): Exclude<FileKind, string> {
  if (names.includes('saved_model.pb')) return { is: 'a folder with a TensorFlow SavedModel', hint: TENSORFLOW };
  if (names.includes('checkpoint') || names.some((name) => name.endsWith('.index')))
    return { is: 'a folder with TensorFlow checkpoints', hint: TENSORFLOW };
  return { is: 'a folder', hint: 'Name the weights file in it.' };
}

/** The same for a zip archive that is no `.keras`. */
export function kindOfArchive(names: readonly string[]): Exclude<FileKind, string> {
  const has = (pattern: RegExp) => names.some((name) => pattern.test(name));
  if (has(/(?:^|\/)data\.pkl$/)) return { is: 'a PyTorch file, a zip archive of Python pickles', hint: PICKLE };
  if (has(/\.npy$/)) return { is: 'a file of NumPy arrays (.npz)', hint: KERAS };
  if (has(/(?:^|\/)saved_model\.pb$/)) return { is: 'a zip archive with a TensorFlow SavedModel', hint: TENSORFLOW };
  if (has(/\.(?:h5|keras|safetensors)$/)) return { is: 'a zip archive around a weights file', hint: 'Unpack it first.' };
  const some = `${names.slice(0, 3).join(', ')}${names.length > 3 ? ', …' : ''}`;
  return { is: `a zip archive but no .keras file: it has no model.weights.h5${some === '' ? '' : `, but ${some}`}`, hint: KERAS };
}

function latin1(bytes: string): Buffer {
  return Buffer.from(bytes, 'latin1');
}

function startsWith(bytes: Buffer, signature: Buffer): boolean {
  return bytes.subarray(0, signature.length).equals(signature);
}
