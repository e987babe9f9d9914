import { crc32, deflateRawSync } from 'node:zlib';

export interface ZipEntry {
  readonly name: string;
  readonly body: Uint8Array;
  readonly compressed?: boolean;
  /** What the archive says, where it lies. */
  readonly says?: { readonly crc32?: number; readonly bytes?: number; readonly encrypted?: boolean };
}

/** A zip archive of these entries. */
export function zipFile(entries: readonly ZipEntry[]): Buffer {
  const locals: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const { name, body, compressed = false, says = {} } of entries) {
    const stored = compressed ? deflateRawSync(body) : Buffer.from(body);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(says.encrypted === true ? 1 : 0, 2);
    common.writeUInt16LE(compressed ? 8 : 0, 4);
    common.writeUInt32LE(says.crc32 ?? crc32(body), 10);
    common.writeUInt32LE(stored.length, 14);
    common.writeUInt32LE(says.bytes ?? body.length, 18);
    common.writeUInt16LE(Buffer.byteLength(name), 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), common, Buffer.from(name), stored]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    central.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x00', 'latin1'), common, tail, Buffer.from(name)]));
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, directory, end]);
}
