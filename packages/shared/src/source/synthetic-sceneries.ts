import type { Random } from './synthetic-random';

export const WIDTH = 400;
export const HEIGHT = 320;

/** Where a scene plays: what lies behind the shapes. */
export interface Scenery {
  /** Top and bottom colour of the sky. */
  readonly sky: readonly [string, string];
  /** Further and nearer ground. */
  readonly ground: readonly [string, string];
  /** What belongs to it and lies behind the ground: clouds, stars, the sun. */
  readonly aloft: (random: Random, horizon: number) => string;
  /** What lies on the ground: grass, waves. */
  readonly below: (random: Random, horizon: number) => string;
}

const times = (count: number, draw: (k: number) => string) => Array.from({ length: count }, (_, k) => draw(k)).join('');

const cloud = (random: Random) => {
  const x = random.between(20, WIDTH - 20);
  const y = random.between(24, 90);
  const s = random.between(0.6, 1.1);
  return `<g fill="#fff" opacity="0.75" transform="translate(${x},${y}) scale(${s})"><ellipse rx="34" ry="11"/><circle cx="-10" cy="-8" r="13"/><circle cx="9" cy="-11" r="16"/></g>`;
};

const stroke = (path: string, colour: string, width: number) =>
  `<path d="${path}" fill="none" stroke="${colour}" stroke-width="${width}" stroke-linecap="round"/>`;

const grass = (x: number, y: number) => stroke(`M${x},${y}l-4,-12M${x},${y}l0,-15M${x},${y}l4,-12`, '#4e8f3a', 2.5);

const wave = (x: number, y: number) => stroke(`M${x - 40},${y}q10,-9 20,0t20,0t20,0t20,0t20,0`, '#84bfe0', 4);

const ripple = (x: number, y: number) => stroke(`M${x - 26},${y}q26,-10 52,0`, '#c3924b', 3);

const dots = (random: Random, count: number, top: number, bottom: number, colour: string, small: number, big: number) =>
  times(
    count,
    () =>
      `<circle cx="${random.between(0, WIDTH)}" cy="${random.between(top, bottom)}" r="${random.between(small, big)}" fill="${colour}"/>`,
  );

export const SCENERIES = {
  meadow: {
    sky: ['#8fd0f5', '#e4f6ff'],
    ground: ['#9ad17b', '#74b856'],
    aloft: (random) => times(3, () => cloud(random)),
    below: (random, horizon) =>
      times(18, () => grass(random.between(0, WIDTH), random.between(horizon + 30, HEIGHT))) +
      dots(random, 9, horizon + 34, HEIGHT, '#fff3b0', 2.5, 4),
  },
  night: {
    sky: ['#0e1638', '#2c3a78'],
    ground: ['#1c2a4e', '#141d3a'],
    aloft: (random, horizon) => dots(random, 60, 0, horizon, '#fff8d6', 0.8, 2.4),
    below: () => '',
  },
  sea: {
    sky: ['#bfe8ff', '#f2fbff'],
    ground: ['#3d9bd1', '#2477b3'],
    aloft: (random) => times(2, () => cloud(random)),
    below: (random, horizon) => times(16, (k) => wave(random.between(0, WIDTH), horizon + 26 + (k % 8) * 20)),
  },
  desert: {
    sky: ['#ffb56b', '#ffe9c7'],
    ground: ['#e6b566', '#d09a4a'],
    aloft: () => '',
    below: (random, horizon) => times(12, () => ripple(random.between(0, WIDTH), random.between(horizon + 34, HEIGHT))),
  },
  sunset: {
    sky: ['#8a3f8f', '#ff9fb0'],
    ground: ['#6a3d7c', '#4b2b5e'],
    aloft: (random, horizon) => `<circle cx="${random.between(50, WIDTH - 50)}" cy="${horizon - 8}" r="34" fill="#ffe3a8"/>`,
    below: () => '',
  },
} as const satisfies Record<string, Scenery>;

export type SceneryName = keyof typeof SCENERIES;
