/** `1.4 s`, `2 min 5 s`, `3 h 12 min`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3_600)} h ${Math.floor((whole % 3_600) / 60)} min`;
}

/** `12,345`. */
export const formatCount = (count: number) => count.toLocaleString('en-US');

/** `62.5 %`, `7 %`; 0 of 0 is 0 %. */
export function formatShare(part: number, whole: number): string {
  const percent = whole === 0 ? 0 : (100 * part) / whole;
  return `${Number.isInteger(percent) ? percent : percent.toFixed(1)} %`;
}

/** `3 pictures`, `1 picture`. */
export const plural = (count: number, one: string, many = `${one}s`) => `${formatCount(count)} ${count === 1 ? one : many}`;

/** A learning rate: `0.001`, `0.000025`, `2.5e-7`. */
export const formatRate = (rate: number) => String(Number(rate.toPrecision(3)));

/** `0 bytes`, `512 kB`, `48.2 MB`, `1.2 GB`: decimal units, as disks and clouds are sold by. */
export function formatBytes(bytes: number): string {
  if (bytes < 1_000) return plural(bytes, 'byte');
  const unit = Math.min(Math.floor(Math.log10(bytes) / 3), BYTE_UNITS.length);
  return `${(bytes / 10 ** (3 * unit)).toFixed(1)} ${BYTE_UNITS[unit - 1]}`;
}

const BYTE_UNITS = ['kB', 'MB', 'GB', 'TB', 'PB'];
