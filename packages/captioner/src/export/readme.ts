import type { ExportFormat } from './export-captioner';

const common = (
  languages: string,
) => `\`captioner.json\` names the models with their inputs and outputs, \`vocabulary.json\` the word of each id, \`preprocessing.json\` the encoder
and the pixels it takes, \`decoding.json\` how Showtell itself decodes.

A caption, greedily: run \`image\` on the feature, then \`step\` again and again, beginning with the token \`tokens.start\`: of its scores take
the largest that is not of \`neverSaid\`; that token is read next, with the state that came out. End at \`tokens.end\`, or after
\`maxLength\` tokens. A loop of twenty lines in ${languages} is in Showtell's docs/formats.md.
`;

/** What lies in an exported folder, for whoever finds it. */
export const README: Readonly<Record<ExportFormat, string>> = {
  onnx: `# A captioner as ONNX models

Written by Showtell; any onnxruntime opens it.

| file | from | to |
|---|---|---|
| \`encoder.onnx\` | pixels, uint8 [B, side, side, 3] | feature |
| \`image.onnx\` | \`features\` | the state before the first word |
| \`step.onnx\` | \`token\` and the state | \`log_probabilities\` of the next token, \`next_hidden\`, \`next_cell\` |

${common('JavaScript and in Python')}`,
  tfjs: `# A captioner as TensorFlow.js layers models

Written by Showtell; \`tf.loadLayersModel\` opens each \`model.json\`.

| folder | from | to |
|---|---|---|
| \`encoder\` (only of an InceptionV3 that is not int8) | pixels 0–255 [B, side, side, 3] | feature |
| \`image\` | feature | the state before the first word |
| \`step\` | token [B, 1] and the state | logits of the next token, and the next state |

${common('JavaScript')}`,
};
