import pc from 'picocolors';
import { prettyFactory } from 'pino-pretty';

const COLOURS = [pc.cyan, pc.green, pc.magenta, pc.blue, pc.yellow];
const WIDTH = 'encoder-1'.length;

/** A service's line for the terminal, with its name before it: JSON of the logger made readable, anything else as it is. */
export function formatLogLine(service: string, line: string, colour = pc.isColorSupported): string {
  let sum = 0;
  for (const character of service) sum += character.charCodeAt(0);
  const paint = COLOURS[sum % COLOURS.length]!;
  const pretty = prettyFactory({ colorize: colour, ignore: 'pid,hostname,name', singleLine: true, translateTime: 'HH:MM:ss' });
  const text = line.startsWith('{') ? pretty(line) : line;
  return text
    .trimEnd()
    .split('\n')
    .map((part) => `${paint(service.padEnd(WIDTH))} ${part}`)
    .join('\n');
}
