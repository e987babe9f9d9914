/** Prints why the soak failed, and nothing else: what it tells meanwhile it prints itself. */
module.exports = class {
  onTestResult(_test, { failureMessage }) {
    if (failureMessage) process.stderr.write(`\n${failureMessage}\n`);
  }
};
