import { NO_S3, s3TestServer } from '../../../infra/test/s3-server';

/** A suite that starts an S3 server (`startS3`); skipped, its name saying why, where none can be had. */
export function describeS3(name: string, suite: () => void): void {
  const has = s3TestServer() !== undefined;
  (has ? describe : describe.skip)(has ? name : `${name} (${NO_S3})`, suite);
}
