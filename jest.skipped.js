/** Names what was skipped at the end of a run: jest itself only counts it, and the name says which server or folder was absent. */
module.exports = class {
  #isFiltered;
  constructor({ testNamePattern }) {
    // Whoever names tests knows that the others are skipped.
    this.#isFiltered = Boolean(testNamePattern);
  }

  onRunComplete(_contexts, { testResults }) {
    const skipped = testResults.flatMap(({ testResults: tests }) => tests.filter(({ status }) => status === 'pending'));
    const names = new Set(skipped.map(({ ancestorTitles: [suite], title }) => suite ?? title));
    if (names.size > 0 && !this.#isFiltered) process.stderr.write(`\nSkipped:\n${[...names].map((name) => `  ${name}\n`).join('')}`);
  }
};
