import { tlsTrouble } from '../src/tls-trouble';

describe('tlsTrouble', () => {
  test.each([
    'CERT_HAS_EXPIRED',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'ERR_SSL_WRONG_VERSION_NUMBER',
    'HOSTNAME_MISMATCH',
  ])('%s', (code) => {
    expect(tlsTrouble(Object.assign(new Error('it said so\n'), { code }))).toBe(`it said so (${code})`);
  });

  test('of a handshake the reason alone', () => {
    const error = Object.assign(new Error('write EPROTO 80:error:0A00010B:SSL routines::wrong version number'), {
      code: 'EPROTO',
      reason: 'wrong version number',
    });
    expect(tlsTrouble(error)).toBe('wrong version number (EPROTO)');
  });

  test.each([[{ code: 'ECONNREFUSED', message: 'x' }], [new Error('no code')], [undefined], ['text']])('none in %p', (error) => {
    expect(tlsTrouble(error)).toBeUndefined();
  });
});
