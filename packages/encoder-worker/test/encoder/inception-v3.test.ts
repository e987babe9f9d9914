import { CONVOLUTIONS, type Convolution, INPUT, LAYERS, layerSides, layerWidths, OUTPUT, pooledBy } from '../../src/encoder/inception-v3';

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
    const side = layerSides(299);
    for (const layer of LAYERS) {
      if (layer.kind === 'concat') expect(new Set(layer.inputs.map((input) => side.get(input))).size).toBe(1);
      const [before, after] = [side.get(layer.kind === 'concat' ? layer.inputs[0]! : layer.input)!, side.get(layer.name)!];
      if (layer.kind === 'convolution')
        expect(after).toBe(layer.padding === 'valid' ? Math.floor((before - layer.kernel[0]) / layer.stride) + 1 : before);
      else expect(after).toBe(layer.kind === 'max' ? Math.floor((before - 3) / 2) + 1 : before);
    }
    expect(['activation_1', 'mixed2', 'mixed3', 'mixed7', 'mixed8', OUTPUT].map((name) => side.get(name))).toEqual([149, 35, 17, 17, 8, 8]);
  });

  test('channels follow from the filters of each convolution', () => {
    const read: number[] = [];
    const widths = layerWidths((layer, channels) => {
      read.push(channels);
      return layer.number;
    });
    expect(read.slice(0, 6)).toEqual([3, 1, 2, 3, 4, 5]);
    // conv2d_6, conv2d_8, conv2d_11 and conv2d_12 lie side by side in the first block.
    expect(widths.get('mixed0')).toBe(6 + 8 + 11 + 12);
    expect(read[12]).toBe(6 + 8 + 11 + 12);
  });

  test('average pools are read by one 1×1 convolution each, so that they may be computed behind it', () => {
    for (const average of LAYERS.filter((layer) => layer.kind === 'average')) {
      const readers = LAYERS.filter((layer) => (layer.kind === 'concat' ? layer.inputs : [layer.input]).includes(average.name));
      expect(readers).toHaveLength(1);
      expect(readers[0]).toMatchObject({ kind: 'convolution', kernel: [1, 1], stride: 1 });
      expect(pooledBy(readers[0] as Convolution)).toBe(average);
    }
  });
});
