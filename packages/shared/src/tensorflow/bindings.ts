import { readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { looksLikeGpu } from '../gpus';

/** What TensorFlow's library was built for; the one for GPUs computes on CPUs too. */
export const Flavour = z.enum(['cpu', 'gpu']);
export type Flavour = z.infer<typeof Flavour>;

/** TensorFlow.js' native half: an N-API addon beside TensorFlow's own library, which fits every Node. */
export interface TensorflowBinding {
  /** The addon's file. */
  readonly path: string;
  readonly flavour: Flavour;
  /** Of TensorFlow, where `showtell engine install` noted it. */
  readonly version?: string;
  /** Folder of the npm package whose JavaScript drives it. */
  readonly javascript: string;
}

/** Written last into the folder of an install, so an install without it is none. */
export const InstallRecord = z.strictObject({
  format: z.literal(1),
  /** Of the JavaScript half, which must be the same. */
  tfjs: z.string(),
  tensorflow: z.string(),
  /** `package` is TensorFlow.js' own install script, `wheel` PyPI's TensorFlow. */
  from: z.enum(['package', 'wheel']),
  /** Path of the addon in the folder. */
  binding: z.string(),
});
export type InstallRecord = z.infer<typeof InstallRecord>;
export const INSTALL_RECORD = 'install.json';

/** The package that the user of a GPU names, and the one for CPUs. Their JavaScript is the same. */
export const PACKAGES: Readonly<Record<Flavour, string>> = { gpu: '@tensorflow/tfjs-node-gpu', cpu: '@tensorflow/tfjs-node' };

/** Where `showtell engine install` keeps TensorFlow: outside `node_modules`, which `npm ci` empties. */
export function tensorflowFolder(folder: string | undefined): string {
  return folder ?? join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'showtell', 'tensorflow');
}

/**
 * Every TensorFlow on this machine that can be loaded, in the order of preference: what `showtell engine install` put into `folder`,
 * then what the packages' own install scripts left beside them.
 */
export function findBindings(folder: string): TensorflowBinding[] {
  const packages = Flavour.options.toReversed().flatMap((flavour) => packageFolder(flavour) ?? []);
  const [javascript] = packages;
  if (javascript === undefined) return [];
  const kept = Flavour.options.toReversed().flatMap((flavour) => {
    const record = readInstall(join(folder, flavour));
    if (record === undefined || record.tfjs !== versionOf(javascript.folder)) return [];
    const { binding, tensorflow: version } = record;
    return [{ path: join(folder, flavour, binding), flavour, version, javascript: javascript.folder }];
  });
  const own = packages.flatMap(({ flavour, folder: javascriptFolder }) =>
    ownBinding(javascriptFolder).map((path) => ({ path, flavour, javascript: javascriptFolder })),
  );
  return [...kept, ...own];
}

/** The record of the install in that folder, if there is one that is whole. */
export function readInstall(folder: string): InstallRecord | undefined {
  try {
    return InstallRecord.safeParse(JSON.parse(readFileSync(join(folder, INSTALL_RECORD), 'utf8'))).data;
  } catch {
    return undefined;
  }
}

/** The npm package whose JavaScript drives TensorFlow, `undefined` where npm left it out. */
export function javascriptHalf(): { readonly folder: string; readonly version: string } | undefined {
  const folder = packageFolder('gpu') ?? packageFolder('cpu');
  return folder && { folder: folder.folder, version: versionOf(folder.folder) };
}

function packageFolder(flavour: Flavour): { readonly flavour: Flavour; readonly folder: string } | undefined {
  try {
    return { flavour, folder: dirname(require.resolve(`${PACKAGES[flavour]}/package.json`)) };
  } catch {
    return undefined;
  }
}

function versionOf(folder: string): string {
  return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }).version;
}

/** Where the package's install script puts the addon: `lib/napi-v<n>`, n the N-API of the Node that installed it. */
function ownBinding(folder: string): string[] {
  try {
    return readdirSync(join(folder, 'lib'))
      .map((name) => join(folder, 'lib', name, 'tfjs_binding.node'))
      .filter((path) => readdirSync(dirname(path)).includes('tfjs_binding.node'));
  } catch {
    return [];
  }
}

/** What keeps TensorFlow on this machine from CUDA, as far as can be seen without loading it. */
export async function whyNotCuda(folder: string): Promise<string | undefined> {
  if (findBindings(folder).every(({ flavour }) => flavour !== 'gpu')) return 'TensorFlow for GPUs is not installed';
  return (await looksLikeGpu()) ? undefined : 'there is no NVIDIA GPU';
}
