import { execFile } from 'node:child_process';
import { createReadStream, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const repository = resolve(__dirname, '..', '..', '..', '..');

/** A program of docs/formats.md, by the name in its first line. */
export function documentedSnippet(name: string): string {
  const documentation = readFileSync(join(repository, 'docs', 'formats.md'), 'utf8');
  return new RegExp(`\`\`\`js\\n(// ${name}:[^]*?)\`\`\``).exec(documentation)![1]!;
}

/** Runs a program in a Node of its own that finds this repository's packages; its lines. */
export async function runNode(folder: string, code: string, args: readonly string[]): Promise<string[]> {
  const file = join(folder, 'program.js');
  writeFileSync(file, code);
  const { stdout } = await promisify(execFile)(process.execPath, [file, ...args], {
    env: { ...process.env, NODE_PATH: join(repository, 'node_modules') },
  });
  return stdout.trimEnd().split('\n');
}

/** A web server of a folder's files while `use` runs. */
export async function serveFolder<T>(folder: string, use: (url: string) => Promise<T>): Promise<T> {
  const server = createServer((request, response) => {
    createReadStream(join(folder, request.url!))
      .on('error', () => response.writeHead(404).end())
      .pipe(response);
  });
  await new Promise<void>((listening) => {
    server.listen(0, '127.0.0.1', listening);
  });
  try {
    return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
