/** A shape that can be drawn: SVG in a square from −50 to 50, x to the right, y downwards. */
export interface Shape {
  /** Path data of its silhouette: drawn white and wider behind it, so that it stands out on every background. */
  readonly outline: string;
  /**
   * Elements in colours of its own. They help the encoder to tell shapes apart, but captions never speak of them: of a shape that
   * comes in six colours it knows the right one in two cases of three.
   */
  readonly picture: string;
}

const circle = (x: number, y: number, r: number) => `M${x - r},${y}a${r},${r} 0 1 0 ${2 * r},0a${r},${r} 0 1 0 ${-2 * r},0Z`;

const fill = (d: string, colour: string) => `<path d="${d}" fill="${colour}"/>`;

const line = (d: string, colour: string, width: number) =>
  `<path d="${d}" fill="none" stroke="${colour}" stroke-width="${width}" stroke-linecap="round" stroke-linejoin="round"/>`;

/** Points on a circle of radius `outer`, with points of radius `inner` between them. */
function starPath(points: number, outer: number, inner: number): string {
  const corners = Array.from({ length: points * 2 }, (_, k) => {
    const angle = (Math.PI * k) / points - Math.PI / 2;
    const radius = k % 2 === 0 ? outer : inner;
    return `${(radius * Math.cos(angle)).toFixed(1)},${(radius * Math.sin(angle)).toFixed(1)}`;
  });
  return `M${corners.join('L')}Z`;
}

const STAR = starPath(5, 50, 22);
const MOON = 'M16,-48A50,50 0 1 0 46,30A40,40 0 0 1 16,-48Z';
const HOUSE = 'M0,-48L24,-27L24,-42L35,-42L35,-17L50,-4L40,-4L40,46L-40,46L-40,-4L-50,-4Z';
const FISH = 'M-50,-26C-40,-22 -32,-12 -27,-7C-12,-34 34,-36 50,0C34,36 -12,34 -27,7C-32,12 -40,22 -50,26C-43,8 -43,-8 -50,-26Z';
const PETALS = Array.from({ length: 6 }, (_, k) => circle(28 * Math.cos((Math.PI * k) / 3), 28 * Math.sin((Math.PI * k) / 3), 18)).join('');
const CAP = 'M-50,6C-50,-60 50,-60 50,6C50,14 -50,14 -50,6Z';
const MUSHROOM = `${CAP}M-17,6L17,6C15,22 20,34 22,42C22,50 -22,50 -22,42C-20,34 -15,22 -17,6Z`;
const WINGS =
  'M0,-6C8,-46 48,-52 49,-26C50,-6 32,4 22,6C40,8 44,30 30,40C16,48 4,26 0,10C-4,26 -16,48 -30,40C-44,30 -40,8 -22,6C-32,4 -50,-6 -49,-26C-48,-52 -8,-46 0,-6Z';

const CAT = 'M-44,-46L-20,-32C-8,-37 8,-37 20,-32L44,-46C48,-22 50,2 44,16C34,48 -34,48 -44,16C-50,2 -48,-22 -44,-46Z';

export const SHAPES = {
  star: {
    outline: STAR,
    picture: fill(STAR, '#ffc93c') + fill(starPath(5, 30, 13), '#ffe59a'),
  },
  moon: {
    outline: MOON,
    picture: fill(MOON, '#f6d860') + fill(circle(-30, -8, 6) + circle(-16, 24, 8) + circle(-14, -24, 4), '#e0b83a'),
  },
  flower: {
    outline: PETALS + circle(0, 0, 20),
    picture: fill(PETALS, '#ff8fc4') + fill(circle(0, 0, 17), '#ffd84d'),
  },
  butterfly: {
    outline: WINGS,
    picture:
      fill(WINGS, '#8f63e8') +
      fill(circle(31, -26, 9) + circle(-31, -26, 9) + circle(25, 25, 6) + circle(-25, 25, 6), '#2c2140') +
      line('M0,-14L0,26', '#2c2140', 7) +
      line('M0,-14C-2,-28 -8,-34 -13,-38M0,-14C2,-28 8,-34 13,-38', '#2c2140', 3),
  },
  cat: {
    outline: CAT,
    picture:
      fill(CAT, '#f0a04b') +
      fill('M-38,-38L-24,-28L-38,-18ZM38,-38L24,-28L38,-18Z', '#ffc9c0') +
      fill(circle(-18, -2, 6) + circle(18, -2, 6), '#3a2a20') +
      fill('M-6,12L6,12L0,18Z', '#e0607a') +
      line('M0,18Q-6,28 -14,24M0,18Q6,28 14,24', '#3a2a20', 3) +
      line('M-46,8L-28,12M-46,22L-28,18M46,8L28,12M46,22L28,18', '#3a2a20', 2),
  },
  house: {
    outline: HOUSE,
    picture:
      fill('M24,-42L35,-42L35,-10L24,-20Z', '#8a5a44') +
      fill('M-40,-6L40,-6L40,46L-40,46Z', '#f3d9b1') +
      fill('M0,-48L50,-4L-50,-4Z', '#b5412f') +
      fill('M-9,46L-9,14L9,14L9,46Z', '#7a4b2a') +
      fill('M-32,8L-18,8L-18,22L-32,22ZM18,8L32,8L32,22L18,22Z', '#5fb3e6'),
  },
  mushroom: {
    outline: MUSHROOM,
    picture:
      fill(MUSHROOM, '#f5ead6') +
      fill(CAP, '#d62f2f') +
      fill(circle(-24, -12, 9) + circle(8, -26, 10) + circle(30, -4, 7) + circle(-4, 0, 6), '#ffffff'),
  },
  fish: {
    outline: FISH,
    picture:
      fill(FISH, '#2f86d6') +
      line('M-8,-19C-2,-8 -2,8 -8,19', '#d6ecff', 6) +
      line('M8,-24C15,-10 15,10 8,24', '#d6ecff', 6) +
      fill(circle(32, -7, 6), '#fff') +
      fill(circle(33, -7, 3), '#222'),
  },
} as const satisfies Record<string, Shape>;

export type ShapeName = keyof typeof SHAPES;
