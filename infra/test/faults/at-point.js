// Preloaded into a program (`node --require`) and all that it starts: something befalls the process at a line of its own.
// SHOWTELL_TEST_AT: {"point", "subject"?: pattern, "nth"?: from 1, "act": "kill" | "stop" | "term" | "block", "milliseconds"?, "once"?: a file
// that says, across processes, that it has happened}
const { subscribe } = require('node:diagnostics_channel');
const { writeFileSync } = require('node:fs');

const at = JSON.parse(process.env.SHOWTELL_TEST_AT);
let seen = 0;

subscribe('showtell:reached', ({ point, subject }) => {
  if (point !== at.point || !new RegExp(at.subject ?? '').test(subject) || ++seen !== (at.nth ?? 1)) return;
  if (at.once !== undefined)
    try {
      writeFileSync(at.once, String(process.pid), { flag: 'wx' });
    } catch {
      return;
    }
  if (at.act === 'block') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, at.milliseconds);
  else process.kill(process.pid, { kill: 'SIGKILL', stop: 'SIGSTOP', term: 'SIGTERM' }[at.act]);
});
