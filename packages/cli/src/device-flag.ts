import { DEVICE_FORMS, parseDevice, parseDevices } from '@showtell/shared/device';
import { InvalidArgumentError, Option } from 'commander';

/** `--device` of the commands that compute features. */
export function deviceFlag(): Option {
  return singleDeviceFlag('where the encoder computes').default('auto');
}

/** One device; `where` says of what. */
export function singleDeviceFlag(where: string): Option {
  return new Option('--device <name>', `${where}: ${DEVICE_FORMS}; only auto may fall back`).argParser((text) =>
    checked(text, parseDevice),
  );
}

/** `--device` of a worker, which may drive several GPUs. */
export function devicesFlag(): Option {
  return new Option('--device <names>', `where it computes: ${DEVICE_FORMS}, or several GPUs (cuda:0,cuda:1); only auto may fall back`)
    .argParser((text) => checked(text, parseDevices))
    .default('auto');
}

function checked(text: string, parse: (text: string) => unknown): string {
  try {
    parse(text);
    return text;
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}.`);
  }
}
