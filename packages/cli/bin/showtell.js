#!/usr/bin/env node
const { existsSync } = require('node:fs');
const { availableParallelism } = require('node:os');
const path = require('node:path');

// Photos are decoded on libuv's threads. It has four, whatever the machine has, unless this is set before the first is needed.
process.env.UV_THREADPOOL_SIZE ??= String(Math.max(4, availableParallelism()));

if (existsSync(path.join(__dirname, '..', 'dist', 'main.js'))) {
  require('../dist/main.js');
} else {
  process.stderr.write('showtell: not built yet. Run `npm run build` in its folder first.\n');
  process.exitCode = 2;
}
