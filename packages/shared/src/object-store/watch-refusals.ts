import { type ErrorCode, isShowtellError, type ShowtellError } from '../errors';
import type { ObjectStore } from './object-store';

/** What asking again cannot mend, and any other job of this process would meet as well. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['STORE_DENIED', 'NO_SUCH_BUCKET', 'UNSAFE_STORE', 'CLOCK_SKEW']);

/** The same store, which tells of refusals before whoever called it hears of them. A stream that was opened tells of none. */
export function watchRefusals(store: ObjectStore, tell: (error: ShowtellError) => void): ObjectStore {
  const told = (error: unknown): never => {
    if (isShowtellError(error) && REFUSALS.has(error.code)) tell(error);
    throw error;
  };
  return new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]) => {
        const answer = member.apply(target, args) as Promise<unknown> | AsyncIterable<unknown>;
        return 'then' in answer ? answer.catch(told) : watched(answer, told);
      };
    },
  });
}

async function* watched<T>(items: AsyncIterable<T>, told: (error: unknown) => never): AsyncGenerator<T> {
  try {
    yield* items;
  } catch (error) {
    told(error);
  }
}
