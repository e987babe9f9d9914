const MAGIC = Buffer.from('\u0093NUMPY\u0001\u0000', 'latin1');
/** numpy pads headers so that the numbers begin on such a boundary, where memory maps want them. */
const ALIGNMENT = 64;

/** What stands before the numbers in a `.npy` file (format 1.0) of float32 [rows, columns], row after row, little-endian. */
export function npyHeader(rows: number, columns: number): Buffer {
  const description = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows}, ${columns}), }`;
  const unpadded = MAGIC.length + 2 + description.length + 1;
  const text = `${description}${' '.repeat((ALIGNMENT - (unpadded % ALIGNMENT)) % ALIGNMENT)}\n`;
  const length = Buffer.alloc(2);
  length.writeUInt16LE(text.length);
  return Buffer.concat([MAGIC, length, Buffer.from(text, 'latin1')]);
}
