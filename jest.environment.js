const { TestEnvironment } = require('jest-environment-node');

/** onnxruntime's native binding checks `instanceof Float32Array` of its own realm, so the test realm must share Node's typed arrays. */
module.exports = class extends TestEnvironment {
  constructor(config, context) {
    super(config, context);
    Object.assign(this.global, {
      Float32Array,
      Float64Array,
      BigInt64Array,
      Int32Array,
      Int8Array,
      Uint8Array,
      Uint16Array,
      Int16Array,
      Uint32Array,
      BigUint64Array,
    });
  }
};
