import { readSettings } from '../../src/config';
import { sourceAccess } from '../../src/source/source-access';

const KEYS = { SHOWTELL_SOURCE_ACCESS_KEY_ID: 'key', SHOWTELL_SOURCE_SECRET_ACCESS_KEY: 'sesame' };

test('nothing set, or set to nothing, leaves the source with what the store has', () => {
  expect(sourceAccess({})).toEqual({});
  expect(sourceAccess({ SHOWTELL_SOURCE_ACCESS_KEY_ID: '', SHOWTELL_SOURCE_REGION: '', AWS_ACCESS_KEY_ID: 'other' })).toEqual({});
});

test('keys, with or without token, a profile, a region', () => {
  expect(sourceAccess(KEYS)).toEqual({ credentials: { accessKeyId: 'key', secretAccessKey: 'sesame' } });
  expect(sourceAccess({ ...KEYS, SHOWTELL_SOURCE_SESSION_TOKEN: 'token', SHOWTELL_SOURCE_REGION: 'eu-north-1' })).toEqual({
    credentials: { accessKeyId: 'key', secretAccessKey: 'sesame', sessionToken: 'token' },
    region: 'eu-north-1',
  });
  expect(sourceAccess({ SHOWTELL_SOURCE_PROFILE: 'photos' })).toEqual({ profile: 'photos' });
});

test.each([
  [{ SHOWTELL_SOURCE_ACCESS_KEY_ID: 'sesame' }, 'SHOWTELL_SOURCE_SECRET_ACCESS_KEY'],
  [{ SHOWTELL_SOURCE_SECRET_ACCESS_KEY: 'sesame' }, 'SHOWTELL_SOURCE_ACCESS_KEY_ID'],
  [{ SHOWTELL_SOURCE_SESSION_TOKEN: 'sesame' }, 'SHOWTELL_SOURCE_SESSION_TOKEN'],
  [{ ...KEYS, SHOWTELL_SOURCE_PROFILE: 'sesame' }, 'SHOWTELL_SOURCE_PROFILE'],
])('half of it is CONFIG_INVALID when a program starts, without values: %j', (env, variable) => {
  for (const read of [() => sourceAccess(env), () => readSettings({ env, cwd: '/' })])
    expect(read).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(variable) }) as Error);
  expect(() => sourceAccess(env)).toThrow(expect.objectContaining({ message: expect.not.stringContaining('sesame') }) as Error);
});
