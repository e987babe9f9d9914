import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VersionChain } from '@showtell/shared/object-store/version-chain';

describe('VersionChain', () => {
  let folder: string;
  let path: string;
  let chain: VersionChain;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'showtell-chain-'));
    path = join(folder, 'object');
    chain = new VersionChain(path);
    await writeFile(path, 'version 1');
  });
  afterEach(() => rm(folder, { recursive: true }));

  const file = async (content: string) => {
    const name = join(folder, content.replaceAll(' ', '-'));
    await writeFile(name, content);
    return name;
  };

  test('a number is given once, also to one who stood still until it was pruned', async () => {
    for (let after = 1; after < 40; after++) expect(await chain.append(after, await file(`version ${after + 1}`))).toBe(true);
    const late = await file('late');
    for (let after = 1; after < 40; after++) expect(await chain.append(after, late)).toBe(false);
    expect(await chain.last()).toEqual({ number: 40, deleted: false });
  });

  test('a deletion is given once too, and versions go on after it', async () => {
    expect(await chain.append(1, await file('version 2'))).toBe(true);
    expect(await chain.appendDeletion(2)).toBe(true);
    expect(await chain.appendDeletion(2)).toBe(false);
    expect(await chain.append(2, await file('late'))).toBe(false);
    expect(await chain.last()).toEqual({ number: 3, deleted: true });
    expect(await chain.append(3, await file('version 4'))).toBe(true);
  });

  test('the first version after one that was deleted in between does not bring the object back', async () => {
    await rm(path);
    expect(await chain.append(1, await file('version 2'))).toBe(false);
    expect(await chain.last()).toEqual({ number: 3, deleted: true });
  });
});
