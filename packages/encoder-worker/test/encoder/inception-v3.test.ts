import { CONVOLUTIONS, INPUT, LAYERS, OUTPUT } from '../../src/encoder/inception-v3';

const convolutions = LAYERS.flatMap((layer) => (layer.kind === 'convolution' ? [layer] : []));

describe('InceptionV3', () => {
  test('has 94 convolutions in creation order, 4 max and 9 average pools, 11 blocks', () => {
    expect(convolutions.map((layer) => layer.number)).toEqual(Array.from({ length: CONVOLUTIONS }, (_, index) => index + 1));
    const count = (kind: string) => LAYERS.filter((layer) => layer.kind === kind).length;
    expect([count('max'), count('average'), count('concat')]).toEqual([4, 9, 11]);
  });

  test('every layer reads only what comes before it, and all but the output is read', () => {
    const known = new Set([INPUT]);
    const read = new Set<string>();
    for (const layer of LAYERS) {
      for (const input of layer.kind === 'concat' ? layer.inputs : [layer.input]) {
        expect(known).toContain(input);
        read.add(input);
      }
      known.add(layer.name);
    }
    expect([...known].filter((name) => !read.has(name))).toEqual([OUTPUT]);
  });

  test('rows and columns come out as published: 35, 17 and 8 at the ends of the three stages', () => {
    const side = new Map([[INPUT, 299]]);
    for (const layer of LAYERS) {
      if (layer.kind === 'concat') {
        const sides = layer.inputs.map((input) => side.get(input)!);
        expect(new Set(sides).size).toBe(1);
        side.set(layer.name, sides[0]!);
      } else {
        const before = side.get(layer.input)!;
        const after = {
          convolution: () =>
            layer.kind === 'convolution' && layer.padding === 'valid' ? Math.floor((before - layer.kernel[0]) / layer.stride) + 1 : before,
          max: () => Math.floor((before - 3) / 2) + 1,
          average: () => before,
        }[layer.kind]();
        side.set(layer.name, after);
      }
    }
    expect(['activation_1', 'mixed2', 'mixed3', 'mixed7', 'mixed8', OUTPUT].map((name) => side.get(name))).toEqual([149, 35, 17, 17, 8, 8]);
  });

  test('average pools are read by one 1×1 convolution each, so that they may be computed behind it', () => {
    for (const average of LAYERS.filter((layer) => layer.kind === 'average')) {
      const readers = LAYERS.filter((layer) => (layer.kind === 'concat' ? layer.inputs : [layer.input]).includes(average.name));
      expect(readers).toHaveLength(1);
      expect(readers[0]).toMatchObject({ kind: 'convolution', kernel: [1, 1], stride: 1 });
    }
  });
});
