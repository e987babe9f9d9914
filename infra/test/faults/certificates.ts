import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

export interface Certificates {
  /** Of the authority that signed. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Whether certificates can be made here. */
export function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** A certificate of `names` (as `DNS:localhost,IP:127.0.0.1`), signed by an authority of its own; paths of PEM files in `folder`. */
export function makeCertificates(folder: string, name: string, names: string): Certificates {
  const at = (end: string) => join(folder, `${name}-${end}.pem`);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'ignore' });
  const fresh = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  openssl(...fresh, '-subj', `/CN=authority of ${name}`, '-keyout', at('ca-key'), '-out', at('ca'));
  const signed = ['-CA', at('ca'), '-CAkey', at('ca-key'), '-addext', 'basicConstraints=critical,CA:FALSE'];
  openssl(...fresh, ...signed, '-subj', `/CN=${name}`, '-addext', `subjectAltName=${names}`, '-keyout', at('key'), '-out', at('cert'));
  return { ca: at('ca'), cert: at('cert'), key: at('key') };
}
