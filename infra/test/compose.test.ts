import { readFileSync } from 'node:fs';
import { isAbsolute, join, relative, resolve } from 'node:path';

const INFRA = join(__dirname, '..');
const compose = readFileSync(join(INFRA, 'compose.yaml'), 'utf8');

/** Folders of this machine that containers are given. */
const mounted = [...compose.matchAll(/volumes: \[(.*)\]/g)].flatMap(([, list]) =>
  list!.split(',').flatMap((volume) => /^\s*'(\.[^:]*):/.exec(volume)?.[1] ?? []),
);

test('Compose gives no container a folder in which the secrets of others lie', () => {
  expect(mounted).toEqual(expect.arrayContaining(['../packages', '../node_modules', './redis', './s3']));
  for (const folder of mounted) {
    const way = relative(resolve(INFRA, folder), join(INFRA, 'secrets'));
    expect([folder, way.startsWith('..') || isAbsolute(way)]).toEqual([folder, true]);
  }
});

test('Compose opens ports on the loopback address alone', () => {
  const ports = [...compose.matchAll(/ports: \[(.*)\]/g)].map(([, list]) => list);
  expect(ports).toHaveLength(3);
  for (const port of ports) expect(port).toMatch(/^'127\.0\.0\.1:\d+:\d+'$/);
});
