/**
 * onnxruntime 1.30 reports its use to its vendor, and leaves a log in the temporary folder, unless this is set before its library
 * loads. Who captions photos with Showtell tells nobody; an operator who wants the reports sets the variable to 0.
 */
process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
