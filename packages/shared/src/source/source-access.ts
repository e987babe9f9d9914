import { ShowtellError } from '../errors';
import type { S3ClientOptions } from '../object-store/s3-client';
import { keepSecret, readSecret } from '../secrets';

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
  const { accessKeyId, secretAccessKey, sessionToken, profile, region } = read(env).values;
  return {
    ...(accessKeyId && secretAccessKey && { credentials: { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) } }),
    ...(profile && { profile }),
    ...(region && { region }),
  };
}

/** What is wrong with a source's variables, without any of their values. */
export function sourceAccessProblems(env: NodeJS.ProcessEnv): string[] {
  const { values, problems } = read(env);
  const { accessKeyId, secretAccessKey, sessionToken, profile } = values;
  const [key, secret, token, name] = (['accessKeyId', 'secretAccessKey', 'sessionToken', 'profile'] as const).map(
    (variable) => SOURCE_VARIABLES[variable].env,
  );
  return [
    ...problems,
    ...(accessKeyId && !secretAccessKey ? [`${key}: expected ${secret} with it`] : []),
    ...(secretAccessKey && !accessKeyId ? [`${secret}: expected ${key} with it`] : []),
    ...(sessionToken && !(accessKeyId && secretAccessKey) ? [`${token}: expected ${key} and ${secret} with it`] : []),
    ...(profile && (accessKeyId || secretAccessKey) ? [`${name}: expected either a profile or ${key} and ${secret}`] : []),
  ];
}

/** Those of the variables that are set, themselves or by their file. */
function read(env: NodeJS.ProcessEnv): { values: Partial<Record<keyof typeof SOURCE_VARIABLES, string>>; problems: string[] } {
  const found = Object.entries(SOURCE_VARIABLES).map(([name, { env: variable }]) => ({ name, ...readSecret(env, variable) }));
  const values = Object.fromEntries(found.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]]))) as Partial<
    Record<keyof typeof SOURCE_VARIABLES, string>
  >;
  keepSecret(values.secretAccessKey);
  keepSecret(values.sessionToken);
  return { values, problems: found.flatMap(({ problem }) => problem ?? []) };
}
