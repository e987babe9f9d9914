import { formatLogLine } from '../local/log-line';

const KEPT = 40;

/** The last lines of the services, shown only when something goes wrong. */
export class ServiceLog {
  readonly #lines: string[] = [];

  readonly add = (service: string, line: string): void => {
    this.#lines.push(formatLogLine(service, line));
    if (this.#lines.length > KEPT) this.#lines.shift();
  };

  tail(): string {
    return this.#lines.map((line) => `${line}\n`).join('');
  }
}
