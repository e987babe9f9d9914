// Preloaded into a program (`node --require`): its clock is off by SHOWTELL_TEST_CLOCK milliseconds. The monotonic clock is not.
const off = Number(process.env.SHOWTELL_TEST_CLOCK);
const Real = Date;
const now = Real.now.bind(Real);

globalThis.Date = class Date extends Real {
  constructor(...given) {
    super(...(given.length === 0 ? [now() + off] : given));
  }
  static now() {
    return now() + off;
  }
};
