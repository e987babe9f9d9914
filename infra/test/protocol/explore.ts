import { setImmediate as turn } from 'node:timers/promises';
import { isShowtellError } from '@showtell/shared/errors';
import { sha256 } from '@showtell/shared/hash';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { etagOf, type Objects, type Request, steppedStore } from './stepped-store';

export type Process = (store: ObjectStore) => Promise<unknown>;

/** How a process ended: with what it returned, with the code of an error, or never. */
export type Ending = { readonly returned: unknown } | { readonly failed: string } | 'crashed';

export interface End {
  readonly objects: Objects;
  readonly endings: Readonly<Record<string, Ending>>;
}

export interface Scenario {
  readonly objects?: Objects;
  /** Each runs from the beginning, at any time, with the product's own code over the store that it is given. */
  readonly processes: Readonly<Record<string, Process>>;
  /** Processes that, once begun, run to their end while all others stand still. */
  readonly whole?: readonly string[];
  /** Processes that may die, at any moment; what they had asked for last may take effect later, or never. */
  readonly crashes?: number;
  /** Answers that may be lost: the request took effect, and the store is asked again. */
  readonly lostAnswers?: number;
  /** What holds at every moment. `before` is what was there one step earlier. */
  readonly always: (objects: Objects, before: Objects) => void;
  /** What holds once nobody goes on. */
  readonly atEnd?: (end: End) => void;
  /** What goes on afterwards, alone and undisturbed, and what holds then. */
  readonly afterwards?: (store: ObjectStore, end: End) => Promise<void>;
}

export interface Explored {
  /** Different states of store and processes; of few it was not much of an exploration. */
  readonly states: number;
  /** Different ways in which it ended. */
  readonly ends: number;
}

type Choice = { readonly kind: 'step' | 'lost' | 'late'; readonly request: number } | { readonly kind: 'crash'; readonly process: string };

/**
 * Explores every order in which the requests of some processes can take effect, with every crash and lost answer that is allowed for.
 * Between two requests a process sees nothing of the others, so these are all the interleavings there are. A state that was seen
 * before (same objects, and for each process the same answers so far) is not gone into again, which leaves nothing out.
 * @throws the error of the first order found that breaks a rule, with that order.
 */
export async function explore(scenario: Scenario): Promise<Explored> {
  const seen = new Set<string>();
  const ends = new Set<string>();
  const paths: Choice[][] = [[]];
  for (let path = paths.pop(); path !== undefined; path = paths.pop()) {
    const world = new World(scenario);
    try {
      await world.settle();
      for (const choice of path) await world.take(choice, false);
      for (;;) {
        const state = world.state();
        if (seen.has(state)) break;
        seen.add(state);
        const [first, ...others] = world.choices();
        if (first === undefined) {
          ends.add(state);
          await world.end();
          break;
        }
        for (const other of others) paths.push([...path, other]);
        path = [...path, first];
        await world.take(first);
      }
    } catch (cause) {
      throw new Error(`${cause instanceof Error ? cause.message : String(cause)}\nin this order:\n${world.told.join('\n')}`, { cause });
    }
  }
  return { states: seen.size, ends: ends.size };
}

const TIMERS = [
  'setTimeout',
  'clearTimeout',
  'setImmediate',
  'clearImmediate',
  'nextTick',
  'queueMicrotask',
  'performance',
  'hrtime',
] as const;

/**
 * Of a suite: all records have one time, or the same order would give other bytes when it is gone through again; and nothing happens by
 * the clock, such as the renewal of a lease.
 */
export function stopClocks(): void {
  beforeEach(() => void jest.useFakeTimers({ now: 0, doNotFake: [...TIMERS] }));
  afterEach(() => void jest.useRealTimers());
}

/** How long a process may compute, or wait for time to pass, between two requests. */
const IDLE_MS = 10_000;

class World {
  readonly objects: Map<string, Buffer>;
  readonly told: string[] = [];
  readonly #requests: Request[] = [];
  readonly #endings: Record<string, Ending> = {};
  /** What each process was answered, which is all that its state can depend on. */
  readonly #heard: Record<string, string[]> = {};
  /** Processes that run to their end now, or have. */
  readonly #begun = new Set<string>();
  #crashes: number;
  #lostAnswers: number;

  constructor(private readonly scenario: Scenario) {
    this.objects = new Map(scenario.objects);
    this.#crashes = scenario.crashes ?? 0;
    this.#lostAnswers = scenario.lostAnswers ?? 0;
    for (const [name, process] of Object.entries(scenario.processes)) {
      this.#heard[name] = [];
      this.#run(name, process);
    }
  }

  #run(name: string, process: Process): void {
    const end = (ending: Ending) => {
      if (this.#endings[name] !== undefined) return;
      this.#endings[name] = ending;
    };
    const ask = (request: Request) => {
      if (this.#begun.has(name)) request.answer(request.apply(this.objects));
      else this.#requests.push(request);
    };
    void process(steppedStore(name, ask)).then(
      (returned) => end({ returned }),
      (error: unknown) => end({ failed: isShowtellError(error) ? error.code : String(error instanceof Error ? error.stack : error) }),
    );
  }

  /** Until every process has ended or waits for the store. */
  async settle(): Promise<void> {
    const deadline = performance.now() + IDLE_MS;
    const idle = (name: string) => this.#endings[name] !== undefined || this.#requests.some(({ process }) => process === name);
    // One turn lets everything happen that waits for no timer.
    do {
      await turn();
      if (performance.now() > deadline) throw new Error('A process neither ends nor asks the store for anything');
    } while (!Object.keys(this.scenario.processes).every(idle));
    // Those of one process in one order, whichever of its branches was quicker.
    this.#requests.sort((a, b) => (a.text < b.text ? -1 : 1));
  }

  choices(): Choice[] {
    const found: Choice[] = [];
    const going = (name: string) => this.#endings[name] === undefined;
    for (const [request, { process }] of this.#requests.entries()) if (going(process)) found.push({ kind: 'step', request });
    if (this.#lostAnswers > 0)
      for (const [request, { process, writes }] of this.#requests.entries())
        if (writes && going(process)) found.push({ kind: 'lost', request });
    for (const [request, { process, writes }] of this.#requests.entries())
      if (writes && this.#endings[process] === 'crashed') found.push({ kind: 'late', request });
    if (this.#crashes > 0)
      for (const process of Object.keys(this.scenario.processes)) if (going(process)) found.push({ kind: 'crash', process });
    return found;
  }

  /** @param isNew false where the rules were checked before, on the way to another state. */
  async take(choice: Choice, isNew = true): Promise<void> {
    const before = new Map(this.objects);
    if (choice.kind === 'crash') {
      this.#crashes -= 1;
      this.#endings[choice.process] = 'crashed';
      this.told.push(`  ${choice.process} dies`);
    } else {
      const request = this.#requests[choice.request]!;
      this.told.push(`  ${request.text}${{ step: '', lost: ' (the answer is lost)', late: ' (after its death)' }[choice.kind]}`);
      const result = request.apply(this.objects);
      if (choice.kind === 'lost') this.#lostAnswers -= 1;
      else this.#requests.splice(choice.request, 1);
      if (choice.kind === 'step') {
        this.#heard[request.process]!.push(request.text, digest(result));
        if (this.scenario.whole?.includes(request.process)) this.#begun.add(request.process);
        request.answer(result);
      }
    }
    if (isNew) this.scenario.always(this.objects, before);
    await this.settle();
    if (this.#begun.size > 0 && isNew) this.scenario.always(this.objects, before);
  }

  state(): string {
    return digest({
      objects: [...this.objects].map(([key, body]) => `${key} ${etagOf(body)}`).sort(),
      heard: this.#heard,
      waiting: this.#requests.map(({ text }) => text),
      crashed: Object.keys(this.#endings).filter((name) => this.#endings[name] === 'crashed'),
      left: [this.#crashes, this.#lostAnswers],
    });
  }

  async end(): Promise<void> {
    const end: End = { objects: this.objects, endings: this.#endings };
    for (const [name, ending] of Object.entries(this.#endings))
      if (typeof ending === 'object' && 'failed' in ending && !/^[A-Z_]+$/.test(ending.failed))
        throw new Error(`${name} failed: ${ending.failed}`);
    this.scenario.atEnd?.(end);
    if (!this.scenario.afterwards) return;
    this.told.push('  afterwards');
    const store = steppedStore('afterwards', (request) => {
      this.told.push(`  ${request.text}`);
      request.answer(request.apply(this.objects));
    });
    await this.scenario.afterwards(store, end);
  }
}

/** Of an object that was read its etag is enough. */
const digest = (value: unknown): string =>
  sha256(Buffer.from(JSON.stringify(value, (key, item: unknown) => (key === 'body' ? null : item)) ?? ''));
