// Tells versitygw of the roles. (On AWS, give each role's IAM role or user the policy <role>.json, with the bucket's own name.)
//   node setup.js users SECRETS FOLDER            writes the accounts that `versitygw --iam-dir FOLDER` reads at its start
//   node setup.js policy SECRETS ENDPOINT BUCKET [PREFIX]   makes the bucket where it is not there, and lays its policy
// SECRETS is the folder of infra/make-secrets.sh.
const { mkdirSync, readFileSync, writeFileSync } = require('node:fs');
const path = require('node:path');
const { CreateBucketCommand, HeadBucketCommand, PutBucketPolicyCommand, S3Client } = require('@aws-sdk/client-s3');

const ROLES = ['admin', 'ingest', 'encoder', 'trainer', 'reader'];

/** The key and secret in a file of the AWS SDK. */
function credentialsOf(secrets, role) {
  const file = path.join(secrets, `s3-${role}`);
  const text = readFileSync(file, 'utf8');
  const field = (name) => {
    const value = new RegExp(`^\\s*${name}\\s*=\\s*(\\S+)\\s*$`, 'm').exec(text)?.[1];
    if (value === undefined) throw new Error(`Expected ${name} in ${file}`);
    return value;
  };
  return { accessKeyId: field('aws_access_key_id'), secretAccessKey: field('aws_secret_access_key') };
}

function writeUsers(secrets, folder) {
  const accounts = ROLES.map((role) => {
    const { accessKeyId: access, secretAccessKey: secret } = credentialsOf(secrets, role);
    return [access, { access, secret, role: 'user', userID: 0, groupID: 0, projectID: 0 }];
  });
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'users.json'), JSON.stringify({ accessAccounts: Object.fromEntries(accounts) }), { mode: 0o600 });
}

/** The least text that says the same. */
const brief = (list) => (list.length === 1 ? list[0] : list);

/** The roles' policies as one of the bucket: versitygw has no policies of users. It keeps it in an attribute of a folder, which on ext4 takes 4 KB. */
function bucketPolicy(secrets, bucket, prefix = '') {
  const folder = prefix && `${prefix}/`;
  const arn = (resource) => resource.replace(/^arn:aws:s3:::showtell(\/?)/, (_, slash) => `arn:aws:s3:::${bucket}${slash && `/${folder}`}`);
  const statements = ROLES.flatMap((role) => {
    const { Statement } = JSON.parse(readFileSync(path.join(__dirname, `${role}.json`), 'utf8'));
    const Principal = { AWS: credentialsOf(secrets, role).accessKeyId };
    return Statement.map(({ Effect, Action, Resource, Condition }) => ({
      Effect,
      Principal,
      Action: brief(Action),
      Resource: brief(Resource.map(arn)),
      ...(Condition && { Condition: { StringLike: { 's3:prefix': Condition.StringLike['s3:prefix'].map((text) => folder + text) } } }),
    }));
  });
  return JSON.stringify({ Version: '2012-10-17', Statement: statements });
}

async function layPolicy(secrets, endpoint, bucket, prefix) {
  const s3 = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials: credentialsOf(secrets, 'root') });
  try {
    await s3.send(new HeadBucketCommand({ Bucket: bucket }));
  } catch (error) {
    if (error.$metadata?.httpStatusCode !== 404) throw error;
    await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  }
  await s3.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy: bucketPolicy(secrets, bucket, prefix) }));
}

async function main([verb, ...args]) {
  if (verb === 'users' && args.length === 2) writeUsers(...args);
  else if (verb === 'policy' && args.length >= 3) await layPolicy(...args);
  else throw new Error('Expected: setup.js users SECRETS FOLDER, or setup.js policy SECRETS ENDPOINT BUCKET [PREFIX]');
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
