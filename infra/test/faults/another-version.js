// Preloaded into a program (`node --require`) and all that it starts: makes it another version of Showtell.
// SHOWTELL_TEST_VERSION: {"preprocessing"?: the name of its version, "formats"?: {module: {export: number}}}
const { preprocessing, formats = {} } = JSON.parse(process.env.SHOWTELL_TEST_VERSION);

if (preprocessing !== undefined) {
  const identity = require('@showtell/shared/schema/encoder-identity');
  identity.preprocessingOf = (side) => identity.PREPROCESSING.replace(/\d+(?=-linear)/, side);
  identity.PREPROCESSING = identity.PREPROCESSING.replace('v1', preprocessing);
}
for (const [name, versions] of Object.entries(formats)) Object.assign(require(`@showtell/shared/schema/${name}`), versions);
