const { readFileSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const Table = require('cli-table3');

/** Every case of the list must have run: one that is forgotten fails the command. */
const CASES = 40;
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
      const row = this.#rows.get(key) ?? { number: Number(number), store, name, passed: 0, failed: 0, skipped: 0, seconds: 0 };
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
    this.missing = Array.from({ length: CASES }, (_, index) => index + 1).filter((number) => !survived.has(number));
    const more = [...survived].filter((number) => number > CASES).length;
    const minutes = ((Date.now() - this.#started) / 60_000).toFixed(1);
    process.stdout.write(`\n${table.toString()}\n${CASES - this.missing.length} of ${CASES} cases survived`);
    process.stdout.write(`${more > 0 ? `, and ${more} more` : ''}, in ${minutes} minutes\n`);
    if (this.missing.length > 0) process.stdout.write(`Not survived or not tried: ${this.missing.join(', ')}\n`);
  }

  getLastError() {
    return this.missing?.length > 0 ? new Error(`Cases without a test that passed: ${this.missing.join(', ')}`) : undefined;
  }
};

/** The cases as a table in the docs: of each its title, the stores and how many tests it has. */
function writeDocs(rows) {
  const page = join(__dirname, '..', '..', '..', 'docs', 'reliability.md');
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
