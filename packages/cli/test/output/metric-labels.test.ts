import { formatDifference, formatMetric } from '../../src/output/metric-labels';

test('what rounds to nothing has no minus', () => {
  expect([0.18734, -0.00004, -0, -0.00005, 12].map(formatMetric)).toEqual(['0.1873', '0.0000', '0.0000', '-0.0001', '12.0000']);
  expect([0.012, -0.012, 0, -0.00001].map(formatDifference)).toEqual(['+0.0120', '-0.0120', '+0.0000', '+0.0000']);
});
