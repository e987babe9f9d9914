import type { Convolution } from '../inception-v3';

/** What every ONNX convolution operator is told of a layer, in whatever precision. */
export function convolutionAttributes({ kernel: [height, width], stride, padding }: Convolution) {
  const [rows, columns] = padding === 'same' ? [(height - 1) / 2, (width - 1) / 2] : [0, 0];
  return { kernel_shape: [height, width], strides: [stride, stride], pads: [rows, columns, rows, columns] };
}

/** A kernel [rows, columns, in, out] as [out, in, rows, columns]. */
export function filtersFirst<Numbers extends Float32Array | Int8Array>({
  kernel,
  shape: [height, width, channels, filters],
}: {
  readonly kernel: Numbers;
  readonly shape: readonly [height: number, width: number, input: number, output: number];
}): Numbers {
  const area = height * width;
  const result = kernel.slice() as Numbers;
  let from = 0;
  for (let place = 0; place < area; place++)
    for (let channel = 0; channel < channels; channel++)
      for (let filter = 0; filter < filters; filter++) result[(filter * channels + channel) * area + place] = kernel[from++]!;
  return result;
}
