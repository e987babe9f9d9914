#!/usr/bin/env node
const { existsSync } = require('node:fs');
const path = require('node:path');

if (existsSync(path.join(__dirname, '..', 'dist', 'main.js'))) {
  require('../dist/main.js');
} else {
  process.stderr.write('showtell: not built yet. Run `npm run build` in its folder first.\n');
  process.exitCode = 2;
}
