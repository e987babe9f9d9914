import { type ExportFormat, exportRun } from '@showtell/ingest/admin/export-run';
import type { CommandContext } from './context';
import { formatSeconds, plural } from './output/format';
import { asJson, print } from './output/print';
import { type Progress, startProgress } from './output/progress';

export interface WriteExportOptions {
  readonly run: string;
  readonly out: string;
  readonly format: ExportFormat;
  readonly split?: readonly string[];
  readonly manifest?: number;
  readonly json?: boolean;
}

/** Exports a run, with a bar, and prints what was written. Errors as of `exportRun`. */
export async function writeExport({ store, signal }: CommandContext, options: WriteExportOptions): Promise<void> {
  const { run, out, format, split, manifest, json = false } = options;
  const begun = performance.now();
  let bar: Progress | undefined;
  const onProgress = (done: number, total: number) => {
    bar ??= startProgress('Exporting', total, { passing: true });
    bar.update(done);
  };
  try {
    const report = await exportRun(store, { run, out, format, splits: split, manifest, signal, onProgress });
    bar?.end();
    if (json) {
      print(asJson(report));
      return;
    }
    const { path, bytes, samples, captions, encoder, splits } = report;
    const seconds = (performance.now() - begun) / 1_000;
    print(
      [
        `${plural(samples, 'sample')} with ${plural(captions, 'caption')} (${splits.map((one) => one.split).join(', ')}) of ${run}, manifest ${report.manifest.number}, in ${path}`,
        `${(bytes / 1e6).toFixed(1)} MB in ${formatSeconds(seconds)}; features of ${encoder.dimension} numbers by ${encoder.encoder} in ${encoder.precision}`,
        '',
      ].join('\n'),
    );
  } finally {
    bar?.end();
  }
}
