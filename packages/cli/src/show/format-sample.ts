import type { SampleReport } from '@showtell/ingest/admin/show-sample';
import type { PlanRow } from '@showtell/shared/schema/plan';
import type { Execution } from '@showtell/shared/schema/shard';
import pc from 'picocolors';
import { formatCount, plural } from '../output/format';
import { featureFigures } from './feature-figures';

/** One sample with all that is known of it, ending in a line break. */
export function formatSample(sample: SampleReport): string {
  const { run, split, planned, source, captions, encodedBy, shard, shardKey, commit, row, feature } = sample;
  const { imageId, fileName, licence, url, zip } = planned;
  const facts: [string, string | undefined][] = [
    ['State', stateOf(sample)],
    ['Split', split],
    ['File', fileName],
    ['Source', sourceOf(planned, source.url)],
    [
      'Zip entry',
      zip &&
        `${zip.entry}, ${zip.method === 0 ? 'stored' : `deflated to ${formatCount(zip.compressedBytes)} bytes`}, at ${formatCount(zip.offset)}`,
    ],
    ['Licence', licence],
    ['URL', url],
    ['Shard', `${shard}${row === undefined ? '' : `, row ${row}`}${shardKey === undefined ? '' : `: ${shardKey}`}`],
    ['Base', encodedBy === run ? undefined : `taken over from run ${encodedBy}, whose shard this is`],
    ['Worker', commit && executionOf(commit.execution)],
    ['Frames', framesOf(sample)],
    ['Feature', feature && figuresOf(feature)],
  ];
  return [
    `${pc.bold(`${imageId} of ${run}`)}\n`,
    ...facts.filter(([, value]) => value !== undefined && value !== '').map(([name, value]) => `  ${pc.dim(name.padEnd(9))} ${value}\n`),
    captions.length === 0 ? '\nIt has no caption.\n' : `\n${plural(captions.length, 'caption')}\n`,
    ...captions.map((caption) => `  ${caption}\n`),
  ].join('');
}

function stateOf({ state, rejection, encodedBy }: SampleReport): string {
  if (rejection !== undefined) return `${pc.red('rejected')}, ${rejection.code}: ${rejection.reason}`;
  return state === 'committed' ? pc.green('committed') : `${pc.yellow('waiting')} for its shard: showtell status ${encodedBy}`;
}

function framesOf({ commit, planned }: SampleReport): string | undefined {
  const frames = commit?.animated?.find(({ imageId }) => imageId === planned.imageId)?.frames;
  return frames === undefined ? undefined : `${frames}, of which the first was encoded`;
}

/** Drawn pictures have neither bytes nor an etag. */
function sourceOf({ sourceKey, bytes, etag }: PlanRow, url: string): string {
  return [`${sourceKey} in ${url}`, ...(bytes > 0 ? [plural(bytes, 'byte')] : []), ...(etag === '' ? [] : [`etag ${etag}`])].join(', ');
}

function executionOf({ at, worker, engine, device, deviceName, threads, versions }: Execution): string {
  const libraries = Object.entries(versions).map(([library, version]) => `${library} ${version}`);
  return `${at} by ${worker}: ${engine} on ${device} (${[deviceName, plural(threads, 'thread'), ...libraries].join(', ')})`;
}

function figuresOf(feature: Float32Array): string {
  const { dimension, norm, min, max, zeros, first } = featureFigures(feature);
  const numbers = `${first.map(figure).join(' ')}${dimension > first.length ? ' …' : ''}`;
  return `${plural(dimension, 'number')}, norm ${figure(norm)}, from ${figure(min)} to ${figure(max)}, ${plural(zeros, 'zero')}: ${numbers}`;
}

const figure = (value: number) => String(Number(value.toPrecision(4)));
