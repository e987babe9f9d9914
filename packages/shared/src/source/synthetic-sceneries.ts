import type { Random } from './synthetic-random';

export const WIDTH = 400;
export const HEIGHT = 320;

/** Where a scene plays: what lies behind the shapes. */
export interface Scenery {
  /** Top and bottom colour of the sky. */
  readonly sky: readonly [string, string];
  /** Further and nearer ground. */
  readonly ground: readonly [string, string];
  /** What belongs to it: clouds, flowers, waves. */
  readonly details: (random: Random, horizon: number) => string;
}

const times = (count: number, draw: (k: number) => string) => Array.from({ length: count }, (_, k) => draw(k)).join('');

const cloud = (random: Random) => {
  const x = random.between(20, WIDTH - 20);
  const y = random.between(24, 90);
  const s = random.between(0.6, 1.1);
  return `<g fill="#fff" opacity="0.75" transform="translate(${x},${y}) scale(${s})"><ellipse rx="34" ry="11"/><circle cx="-10" cy="-8" r="13"/><circle cx="9" cy="-11" r="16"/></g>`;
};

const wave = (y: number, x: number, colour: string) =>
  `<path d="M${x - 40},${y}q10,-9 20,0t20,0t20,0t20,0t20,0" fill="none" stroke="${colour}" stroke-width="4" stroke-linecap="round" opacity="0.7"/>`;

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
    details: (random, horizon) =>
      times(3, () => cloud(random)) +
      times(18, () => {
        const x = random.between(0, WIDTH);
        const y = random.between(horizon + 30, HEIGHT);
        return `<path d="M${x},${y}l-4,-12M${x},${y}l0,-15M${x},${y}l4,-12" stroke="#4e8f3a" stroke-width="2.5" stroke-linecap="round"/>`;
      }) +
      dots(random, 9, horizon + 34, HEIGHT, '#fff3b0', 2.5, 4),
  },
  night: {
    sky: ['#0e1638', '#2c3a78'],
    ground: ['#1c2a4e', '#141d3a'],
    details: (random, horizon) => dots(random, 60, 0, horizon, '#fff8d6', 0.8, 2.4),
  },
  sea: {
    sky: ['#bfe8ff', '#f2fbff'],
    ground: ['#3d9bd1', '#2477b3'],
    details: (random, horizon) =>
      times(2, () => cloud(random)) + times(16, (k) => wave(horizon + 26 + (k % 8) * 20, random.between(0, WIDTH), '#a9dcf5')),
  },
  desert: {
    sky: ['#ffb56b', '#ffe9c7'],
    ground: ['#e6b566', '#d09a4a'],
    details: (random, horizon) =>
      times(12, () => {
        const x = random.between(0, WIDTH);
        const y = random.between(horizon + 34, HEIGHT);
        return `<path d="M${x - 26},${y}q26,-10 52,0" fill="none" stroke="#b9833a" stroke-width="3" stroke-linecap="round" opacity="0.6"/>`;
      }),
  },
  snow: {
    sky: ['#a9bbd1', '#d3deea'],
    ground: ['#dfe8f3', '#eef3fa'],
    details: (random) => dots(random, 60, 0, HEIGHT, '#ffffff', 1.4, 3.2),
  },
} as const satisfies Record<string, Scenery>;

export type SceneryName = keyof typeof SCENERIES;
