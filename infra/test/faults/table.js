const { readFileSync, writeFileSync } = require('node:fs');
const path = require('node:path');
const Table = require('cli-table3');

/** Every one of these must have run: a case that is forgotten fails the command. Those with higher numbers were found since. */
const CASES = [
  'SIGKILL of an encoder, ingest or the finalizer between any two effects',
  'a photo that kills the encoder, or ingest, every time',
  'an event loop blocked for longer than the lock',
  'a lock deleted or stolen while its job runs',
  'SIGTERM while encoding, and a second one',
  'a processor that is wrapped so that it loses its signal',
  'Redis killed and started again, ten times in one run',
  'Redis wiped half-way',
  'the memory limit of Redis reached',
  'a Redis that evicts, or has no append-only file',
  'a wrong password, host or TLS of Redis',
  'enqueue twice: at once, killed half-way, with jobs that wait, have failed or are done',
  '500 and 503 of the store, for less and for more than the retry budget',
  'a store that hangs, a body that stalls',
  'objects that end early, with and without Content-Length',
  'a PUT that is applied and its answer lost',
  'two workers that commit one shard at once',
  '409 ConditionalRequestConflict',
  'a store that ignores conditions',
  'wrong keys, a missing bucket, no permission on one prefix, a PUT answered 404',
  'a clock that is an hour off',
  'bits of shards flipped at rest',
  'another encoder or format version in the middle of a run',
  'a run finalized by several at once; a training before the manifest',
  'what is no photo, named .jpg',
  'photos that end early, or are damaged in the middle',
  'photos of unusual kinds: CMYK, 16 bits, grey, RGBA, palette, ICC, 1×1, 20000×10',
  'EXIF orientations 1 to 8',
  'animated WebP and APNG',
  'bombs: a PNG of 30,000 × 30,000 in 110 kB, files of 200 MB',
  'duplicate ids, one id of two files',
  'captions without image, images without caption',
  'captions of all kinds; annotations that are broken or large',
  'odd names of photos',
  'zip archives that are made to harm',
  'a full disk',
  'SIGKILL at each part of a checkpoint',
  'two trainers at once, one stopped for longer than its lease',
  'a loss, gradient or learning rate that is not finite',
  'SIGTERM in a step, a save and a validation; then resumed',
];
const NAME = /fault (\d+)(?: \[(file|s3)\])? (.*)/;

/** Prints a row for each case and store, and nothing else of what passed. */
module.exports = class {
  #rows = new Map();
  #started = Date.now();

  onTestResult(_test, { testResults, testFilePath, failureMessage }) {
    const failed = testResults.some(({ status }) => status === 'failed') || testResults.length === 0;
    if (failed && failureMessage) process.stderr.write(`\n${testFilePath}\n${failureMessage}\n`);
    for (const { ancestorTitles, title, status, duration } of testResults) {
      // Tests whose names were not asked for.
      if (status === 'pending' && !NAME.test([...ancestorTitles, title].join(' '))) continue;
      const named = [...ancestorTitles, title].find((text) => NAME.test(text));
      if (named === undefined) continue;
      const [, number, store = '', name] = NAME.exec(named);
      const key = `${number.padStart(4)} ${store}`;
      const row = this.#rows.get(key) ?? {
        number: Number(number),
        store,
        name: CASES[number - 1] ?? name,
        passed: 0,
        failed: 0,
        skipped: 0,
        seconds: 0,
      };
      row[status === 'passed' ? 'passed' : status === 'failed' ? 'failed' : 'skipped'] += 1;
      row.seconds += (duration ?? 0) / 1_000;
      this.#rows.set(key, row);
      if (status === 'passed') process.stderr.write('.');
    }
  }

  onRunComplete() {
    const rows = [...this.#rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
    const table = new Table({ head: ['#', 'case', 'store', 'tests', 'outcome', 'seconds'], style: { head: [], border: [] } });
    for (const { number, store, name, passed, failed, skipped, seconds } of rows) {
      const outcome = failed > 0 ? 'FAILED' : passed > 0 ? 'passed' : 'skipped';
      table.push([number, name, store, passed + failed + skipped, outcome, seconds.toFixed(1)]);
    }
    const survived = new Set(rows.filter(({ passed }) => passed > 0).map(({ number }) => number));
    for (const { number, failed } of rows) if (failed > 0) survived.delete(number);
    if (process.env.SHOWTELL_WRITE_DOCS) writeDocs(rows);
    this.missing = CASES.map((_, index) => index + 1).filter((number) => !survived.has(number));
    const more = [...survived].filter((number) => number > CASES.length).length;
    const minutes = ((Date.now() - this.#started) / 60_000).toFixed(1);
    process.stdout.write(`\n${table.toString()}\n${CASES.length - this.missing.length} of ${CASES.length} cases survived`);
    process.stdout.write(`${more > 0 ? `, and ${more} more` : ''}, in ${minutes} minutes\n`);
    if (this.missing.length > 0) process.stdout.write(`Not survived or not tried: ${this.missing.join(', ')}\n`);
  }

  getLastError() {
    return this.missing?.length > 0 ? new Error(`Cases without a test that passed: ${this.missing.join(', ')}`) : undefined;
  }
};

/** The cases as a table in the docs: of each its title, the stores and how many tests it has. */
function writeDocs(rows) {
  const page = path.join(__dirname, '..', '..', '..', 'docs', 'reliability.md');
  const cases = new Map();
  for (const row of rows) cases.set(row.number, [...(cases.get(row.number) ?? []), row]);
  const lines = [...cases].map(([number, own]) => {
    const stores = own.map(({ store }) => ({ file: 'file store', s3: 'S3' })[store] ?? '').filter(Boolean);
    const tests = own.reduce((sum, { passed, failed, skipped }) => sum + passed + failed + skipped, 0);
    return `| ${number} | ${[...new Set(own.map(({ name }) => name))].join('; ')} | ${stores.join(', ')} | ${tests} |`;
  });
  const table = ['| # | what befalls | where | tests |', '|---|---|---|---|', ...lines].join('\n');
  const marked = /<!-- faults -->[^]*<!-- \/faults -->/;
  writeFileSync(
    page,
    readFileSync(page, 'utf8').replace(marked, () => `<!-- faults -->\n${table}\n<!-- /faults -->`),
  );
}
