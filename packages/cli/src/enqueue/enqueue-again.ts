import { fileURLToPath } from 'node:url';
import type { RunRecord } from '@showtell/shared/schema/run';

/** The command that enqueues a run again, to be typed as it stands in a POSIX shell. Settings and credentials are the reader's own. */
export function enqueueAgain({ run, source, splits, shardRows, weights, precision, strict, base, train }: RunRecord): string {
  return [
    'showtell enqueue',
    quoted(named(source)),
    `--run ${run}`,
    ...(splits.length > 0 ? [`--split ${quoted(splits.join(','))}`] : []),
    ...(shardRows === 512 ? [] : [`--shard-rows ${shardRows}`]),
    ...(weights === 'bundled' ? [] : [`--weights ${quoted(weights)}`]),
    ...(precision === 'float32' ? [] : [`--precision ${precision}`]),
    ...(base === undefined ? [] : [`--base ${base}`]),
    ...(train === undefined ? [] : [`--train ${quoted(train)}`]),
    ...(strict ? ['--strict'] : []),
    ...(source.photos === undefined ? [] : [`--photos ${quoted(source.photos)}`]),
    ...(source.endpoint === undefined ? [] : [`--source-endpoint ${quoted(source.endpoint)}`]),
    ...(source.unsigned === true ? ['--no-sign-request'] : []),
  ].join(' ');
}

/** By what means it alone where the folder holds other datasets, too: its captions file; for COCO, unpacked or not, the folder of its captions. */
function named({ kind, url, captions }: RunRecord['source']): string {
  const place = url.startsWith('file:') ? fileURLToPath(url) : url;
  const own = kind === 'coco' || kind === 'coco-zip' ? 'annotations' : captions;
  return own === undefined ? place : `${place}/${own}`;
}

const quoted = (text: string) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
