import { compareCodePoints } from '@showtell/shared/object-store/key';
import fc from 'fast-check';

test('compareCodePoints orders text as its UTF-8 bytes are ordered', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '/', '-', 'é', '\ud7ff', '\ue000', '～', '🙂', '\u{10ffff}') });
  fc.assert(
    fc.property(text, text, (a, b) => {
      expect(Math.sign(compareCodePoints(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
  );
});
