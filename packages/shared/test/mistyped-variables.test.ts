import { readSettings } from '../src/config';

const read = (env: NodeJS.ProcessEnv) => readSettings({ env, cwd: __dirname });

test.each([
  ['SHOWTELL_STROE', 'SHOWTELL_STORE'],
  ['SHOWTELL_STORES', 'SHOWTELL_STORE'],
  ['SHOWTELL_LOGLEVEL', 'SHOWTELL_LOG_LEVEL'],
  ['SHOWTELL_REDIS_URL', 'REDIS_URL'],
  ['SHOWTELL_REDIS', 'REDIS_URL'],
  ['SHOWTELL_S3_ENDPOINT', 'S3_ENDPOINT'],
  ['SHOWTELL_PIXEL_REDIS_FIEL', 'SHOWTELL_PIXEL_REDIS_FILE'],
  ['SHOWTELL_SOURCE_REGOIN', 'SHOWTELL_SOURCE_REGION'],
])('%s is told to be %s, without its value', (name, meant) => {
  const problems = () => read({ [name]: 'hunter2' });
  expect(problems).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }) as Error);
  expect(problems).toThrow(`${name}: no setting has this name; expected ${meant}`);
  expect(problems).not.toThrow('hunter2');
});

test('what others may call theirs is theirs, and what is empty is not set', () => {
  const others = {
    SHOWTELL_SERVICE_HOST: '10.0.0.1',
    SHOWTELL_REDIS_PORT_6379_TCP: 'tcp://10.0.0.1:6379',
    SHOWTELL_RUN: 'x',
    SHOWTELL_STROE: '',
  };
  expect(() => read(others)).not.toThrow();
});
