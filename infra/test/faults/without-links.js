// Preloaded into a program (`node --require`): its file systems are as FAT, which has no hard links.
const promises = require('node:fs/promises');

/** @param {string} file @param {string} name */
promises.link = async (file, name) => {
  throw Object.assign(new Error(`EPERM: operation not permitted, link '${file}' -> '${name}'`), { code: 'EPERM', syscall: 'link' });
};
