import { z } from 'zod';
import { Sha256 } from './record';

export const IMAGENET_FORMAT = 1;

/** `weights/imagenet.json`: which of the weights Keras' published file, of that MD5, has become. */
export const ImagenetRecord = z.object({ formatVersion: z.literal(IMAGENET_FORMAT), sourceMd5: z.string(), sha256: Sha256 });
export type ImagenetRecord = z.infer<typeof ImagenetRecord>;
