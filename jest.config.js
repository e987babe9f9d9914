/** Tests run on the sources through swc; child processes they start run the compiled `dist` (`npm test` builds first). */
// A test's `process.env` is a copy that native libraries do not see (see onnx/no-telemetry.ts).
process.env.ORT_DISABLE_TELEMETRY ??= '1';
// Where the variable CI is set programs print in colour, without it they do not: tests read one text in both.
process.env.NO_COLOR = '1';
// Tests read S3 servers of their own: keys, profile or region of a source that the shell has would go there. Workers inherit this.
for (const name of Object.keys(process.env)) if (name.startsWith('SHOWTELL_SOURCE_')) delete process.env[name];

module.exports = {
  testMatch: ['<rootDir>/packages/*/test/**/*.test.ts', '<rootDir>/infra/test/**/*.test.ts', '<rootDir>/bench/test/**/*.test.ts'],
  testEnvironment: '<rootDir>/jest.environment.js',
  transform: {
    '\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2023', parser: { syntax: 'typescript' } }, module: { type: 'commonjs', ignoreDynamic: true } },
    ],
  },
  moduleNameMapper: { '^@showtell/([^/]+)/(.*)$': '<rootDir>/packages/$1/src/$2' },
  modulePathIgnorePatterns: ['<rootDir>/packages/[^/]+/dist'],
  reporters: ['default', '<rootDir>/jest.skipped.js'],
  testTimeout: 30_000,
  maxWorkers: 2,
};
