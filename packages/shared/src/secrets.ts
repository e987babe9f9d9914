import { readFileSync } from 'node:fs';

/** A shorter one would stand in too many words that have nothing to do with it. */
const LEAST_LENGTH = 6;

/** Every secret that this process knows, in each form in which it may be written. */
const known = new Set<string>();

/** From now on `hideSecrets` hides it. */
export function keepSecret(secret: string | undefined): void {
  if (secret === undefined || secret.length < LEAST_LENGTH) return;
  for (const form of [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]) known.add(form);
}

/** Keeps the password of an address as a secret. */
export function keepPassword(address: string | undefined): void {
  if (address === undefined || !URL.canParse(address)) return;
  const { password } = new URL(address);
  keepSecret(password);
  try {
    keepSecret(decodeURIComponent(password));
  } catch {
    // A lone %: it is used as it stands.
  }
}

/**
 * User names and passwords in addresses, wherever they stand in a line. It does not look for the scheme, which would take time by the
 * square of the length of a line of letters: whoever writes names in a dataset could stop a worker with one. Nor does it look further
 * than any password is long: V8 runs out of stack on a match of millions of characters.
 */
const CREDENTIALS = /(:\/\/)[^\s/"']{1,65536}@/g;
/** What makes an address a key: the signatures and tokens of pre-signed ones. */
const SIGNATURES = /([?&](?:X-Amz-(?:Signature|Security-Token|Credential)|sig|signature|token|access_token)=)[^&\s"']{1,65536}/gi;

/** A text for others' eyes: without any secret that this process knows, and without credentials in addresses. */
export function hideSecrets(text: string): string {
  let hidden = text.replace(CREDENTIALS, '$1***@').replace(SIGNATURES, '$1***');
  for (const secret of known) hidden = hidden.replaceAll(secret, '***');
  return hidden;
}

/** The value of a variable: its own, or what stands in the file that NAME_FILE names, as containers are given secrets. */
export interface FoundSecret {
  readonly value: string | undefined;
  /** The variable that it was taken from. */
  readonly variable: string;
  readonly problem?: string;
}

/** Reads a variable that may hold a secret, which no message about it tells. A variable that is set to nothing is not set. */
export function readSecret(env: NodeJS.ProcessEnv, name: string): FoundSecret {
  const variable = `${name}_FILE`;
  const [own, path] = [env[name] || undefined, env[variable] || undefined];
  if (path === undefined) return { value: own, variable: name };
  if (own !== undefined) return { value: undefined, variable, problem: `${variable}: expected either it or ${name}, and both are set` };
  try {
    const value = readFileSync(path, 'utf8').trim();
    return value === '' ? { value: undefined, variable, problem: `${variable}: ${path} is empty` } : { value, variable };
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException;
    return { value: undefined, variable, problem: `${variable}: ${path} cannot be read (${code})` };
  }
}
