import { ShowtellError } from '../errors';
import type { S3ClientOptions } from '../object-store/s3-client';

/** What a source in S3 may have of its own, while results stay with what the AWS SDK finds. Each program reads it from its environment. */
export const SOURCE_VARIABLES = {
  accessKeyId: { env: 'SHOWTELL_SOURCE_ACCESS_KEY_ID', meaning: 'access key of the source' },
  secretAccessKey: { env: 'SHOWTELL_SOURCE_SECRET_ACCESS_KEY', meaning: 'its secret' },
  sessionToken: { env: 'SHOWTELL_SOURCE_SESSION_TOKEN', meaning: 'session token that goes with temporary keys' },
  profile: { env: 'SHOWTELL_SOURCE_PROFILE', meaning: "profile of the AWS SDK's files, instead of a key and a secret" },
  region: { env: 'SHOWTELL_SOURCE_REGION', meaning: 'region of the source' },
} as const;

type SourceAccess = Pick<S3ClientOptions, 'credentials' | 'profile' | 'region'>;

/** How S3 is asked for a source's objects; empty where it is asked as for everything else. Throws `CONFIG_INVALID`. */
export function sourceAccess(env: NodeJS.ProcessEnv = process.env): SourceAccess {
  const problems = sourceAccessProblems(env);
  if (problems.length > 0) throw new ShowtellError('CONFIG_INVALID', problems.join('; '));
  const { accessKeyId, secretAccessKey, sessionToken, profile, region } = read(env);
  return {
    ...(accessKeyId && secretAccessKey && { credentials: { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) } }),
    ...(profile && { profile }),
    ...(region && { region }),
  };
}

/** What is wrong with a source's variables, without any of their values. */
export function sourceAccessProblems(env: NodeJS.ProcessEnv): string[] {
  const { accessKeyId, secretAccessKey, sessionToken, profile } = read(env);
  const [key, secret, token, name] = (['accessKeyId', 'secretAccessKey', 'sessionToken', 'profile'] as const).map(
    (variable) => SOURCE_VARIABLES[variable].env,
  );
  return [
    ...(accessKeyId && !secretAccessKey ? [`${key}: expected ${secret} with it`] : []),
    ...(secretAccessKey && !accessKeyId ? [`${secret}: expected ${key} with it`] : []),
    ...(sessionToken && !(accessKeyId && secretAccessKey) ? [`${token}: expected ${key} and ${secret} with it`] : []),
    ...(profile && (accessKeyId || secretAccessKey) ? [`${name}: expected either a profile or ${key} and ${secret}`] : []),
  ];
}

/** A variable that is set to nothing is not set. */
function read(env: NodeJS.ProcessEnv): Partial<Record<keyof typeof SOURCE_VARIABLES, string>> {
  return Object.fromEntries(
    Object.entries(SOURCE_VARIABLES).flatMap(([name, { env: variable }]) => (env[variable] ? [[name, env[variable]]] : [])),
  );
}
