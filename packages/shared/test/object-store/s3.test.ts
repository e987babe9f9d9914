import { S3Store } from '@showtell/shared/object-store/s3';
import { startS3 } from '../../../../infra/test/s3-server';
import { describeS3 } from '../describe-s3';
import { describeStore } from './contract';

describeS3('S3Store, as every store', () => {
  describeStore(async () => {
    const server = (await startS3())!;
    const options = { endpoint: server.endpoint, credentials: server.credentials };
    const store = new S3Store(server.bucket, 'some/prefix', options);
    const other = new S3Store(server.bucket, '/some/prefix/', options);
    return {
      store,
      other,
      async stop() {
        await store.close();
        await other.close();
        await server.stop();
      },
    };
  });
});
