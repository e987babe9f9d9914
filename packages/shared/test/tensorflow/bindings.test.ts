import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findBindings, INSTALL_RECORD, javascriptHalf, tensorflowFolder, whyNotCuda } from '../../src/tensorflow/bindings';

describe('TensorFlow on this machine', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'showtell-bindings-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const { version, folder: javascript } = javascriptHalf()!;
  const record = { format: 1, tfjs: version, tensorflow: '2.21.0', from: 'wheel', binding: 'tfjs_binding.node' };
  const install = async (flavour: string, text: string) => {
    await mkdir(join(folder, flavour));
    await writeFile(join(folder, flavour, INSTALL_RECORD), text);
  };
  const found = () => findBindings(folder).filter(({ path }) => path.startsWith(folder));

  test('an install is found in its folder, the one for GPUs first', async () => {
    expect(found()).toEqual([]);
    await install('cpu', JSON.stringify(record));
    const cpu = { path: join(folder, 'cpu', 'tfjs_binding.node'), flavour: 'cpu', version: '2.21.0', javascript };
    expect(found()).toEqual([cpu]);
    expect(await whyNotCuda(folder)).toBe('TensorFlow for GPUs is not installed');
    await install('gpu', JSON.stringify(record));
    expect(found()).toEqual([{ ...cpu, flavour: 'gpu', path: join(folder, 'gpu', 'tfjs_binding.node') }, cpu]);
  });

  test.each([
    ['of another version of TensorFlow.js', JSON.stringify({ ...record, tfjs: '4.0.0' })],
    ['of another form', JSON.stringify({ ...record, format: 2 })],
    ['cut short', JSON.stringify(record).slice(0, 20)],
  ])('a record %s is none', async (_, text) => {
    await install('cpu', text);
    expect(found()).toEqual([]);
  });

  test('the folder is the one that was named, else in the cache of the user', () => {
    expect(tensorflowFolder('/opt/tensorflow')).toBe('/opt/tensorflow');
    expect(tensorflowFolder(undefined)).toMatch(/showtell[\\/]tensorflow$/);
  });
});
