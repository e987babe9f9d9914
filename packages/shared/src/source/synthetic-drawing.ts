import { Random } from './synthetic-random';
import type { Picture, Scene } from './synthetic-scene';
import { HEIGHT, SCENERIES, type Scenery, type SceneryName, WIDTH } from './synthetic-sceneries';
import { SHAPES, type Shape, type ShapeName } from './synthetic-shapes';

/** Pixels from the middle of a scene to the middle of each shape, along the line between them. */
const APART = 76;
/** Height of the middle of what stands beside one another: on the ground, so that nothing is in the sky. */
const STANDING = 200;
/** Pixels, to and fro: `along` and `across` that line for each shape, `together` for the whole scene, across it too. */
const JITTER = { along: 5, across: 9, together: 24 };
/** A shape is at most 100 × 100 before, and with this and what is above never leaves the square that the encoder sees. */
const SCALE = { least: 1.18, most: 1.38 };

/** The picture as SVG text of 400 × 320 pixels. All shapes lie in its middle square, which is what the centre crop keeps. */
export function drawPicture({ key, scene }: Pick<Picture, 'key' | 'scene'>): string {
  const random = new Random(`drawing ${key}`);
  const [subjectPlace, objectPlace] = places(scene, random);
  const shapes = drawShape(scene.subject, subjectPlace, random) + drawShape(scene.object, objectPlace, random);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}">${drawScenery(scene.scenery, random)}${shapes}</svg>`;
}

interface Place {
  readonly x: number;
  readonly y: number;
}

function places(scene: Scene, random: Random): [Place, Place] {
  const together = random.between(-JITTER.together, JITTER.together);
  const place = (side: -1 | 1): Place => {
    const along = side * APART + random.between(-JITTER.along, JITTER.along);
    const across = together + random.between(-JITTER.across, JITTER.across);
    return scene.relation === 'above' ? { x: WIDTH / 2 + across, y: HEIGHT / 2 + along } : { x: WIDTH / 2 + along, y: STANDING + across };
  };
  const [first, second] = [place(-1), place(1)];
  // Of two shapes beside one another either may lie on the left.
  return scene.relation === 'beside' && random.next() < 0.5 ? [second, first] : [first, second];
}

/** A sticker: soft shadow, white rim, then the shape itself. */
function drawShape(name: ShapeName, { x, y }: Place, random: Random): string {
  const shape: Shape = SHAPES[name];
  const turn = random.between(-9, 9);
  const scale = random.between(SCALE.least * 100, SCALE.most * 100) / 100;
  const facing = random.pick([-1, 1]);
  const rim = (colour: string, attributes: string) =>
    `<path d="${shape.outline}" fill="${colour}" stroke="${colour}" stroke-width="8" stroke-linejoin="round" ${attributes}/>`;
  return `<g class="shape" transform="translate(${x},${y}) rotate(${turn}) scale(${facing * scale},${scale})">${rim('#000', `opacity="0.22" transform="translate(${2.5 * facing},4)"`)}${rim('#fff', '')}${shape.picture}</g>`;
}

function drawScenery(name: SceneryName, random: Random): string {
  const { sky, ground, aloft, below }: Scenery = SCENERIES[name];
  const horizon = random.between(175, 215);
  const hill = (top: number, colour: string) => {
    const [left, middle, right] = [random.between(-14, 14), random.between(-16, 16), random.between(-14, 14)];
    return `<path d="M0,${top + left}C100,${top - 18 + middle} 160,${top + 22 + middle} 230,${top}S350,${top - 16 + right} ${WIDTH},${top + right}V${HEIGHT}H0Z" fill="${colour}"/>`;
  };
  return `<defs><linearGradient id="sky" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="${sky[0]}"/><stop offset="1" stop-color="${sky[1]}"/></linearGradient></defs><rect width="${WIDTH}" height="${HEIGHT}" fill="url(#sky)"/>${aloft(random, horizon)}${hill(horizon, ground[0])}${hill(horizon + 45, ground[1])}${below(random, horizon)}`;
}
