/** Node's and OpenSSL's codes of a certificate that is not trusted, is another host's or too old, and of TLS where there is none. */
const TLS_CODE = /CERT|TLS|SSL|^EPROTO$|^UNABLE_TO_|^HOSTNAME_MISMATCH$|_CRL_|^INVALID_CA$/;

/** What to do about it. Node reads the authorities of this variable for all connections of a program, to Redis and to S3. */
export const TLS_HINT =
  'Check host, port and whether the address wants TLS, and the names and dates in the certificate; NODE_EXTRA_CA_CERTS names a file of further authorities (PEM).';

/** What is wrong when a connection failed because of TLS, which trying again does not mend; `undefined` of any other error. */
export function tlsTrouble(error: unknown): string | undefined {
  const { code, message, reason } = (error ?? {}) as { code?: unknown; message?: unknown; reason?: unknown };
  if (typeof code !== 'string' || typeof message !== 'string' || !TLS_CODE.test(code)) return undefined;
  // The message of a broken handshake is a line of OpenSSL's own log.
  return `${code === 'EPROTO' && typeof reason === 'string' ? reason : message.trim()} (${code})`;
}
