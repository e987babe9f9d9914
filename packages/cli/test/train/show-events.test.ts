import { ShowtellError } from '@showtell/shared/errors';
import type { TrainEvent } from '@showtell/trainer/train/events';
import { showEvents } from '../../src/train/show-events';

function told(event: TrainEvent, json: boolean): string {
  let text = '';
  const stream = { write: (piece: string) => (text += piece) } as unknown as NodeJS.WriteStream;
  const { onEvent, end } = showEvents({ json, stream });
  onEvent(event);
  end();
  return text;
}

describe('trouble that a training gets over by itself', () => {
  const error = new ShowtellError('STORE_UNREACHABLE', 'the store does not answer');
  const trouble: TrainEvent = { event: 'trouble', what: 'could not renew or release the lease', error };

  it('is told with its reason', () => {
    expect(told(trouble, false)).toContain('could not renew or release the lease: the store does not answer\n');
  });

  it('and as JSON too', () => {
    expect(JSON.parse(told(trouble, true))).toEqual({ ...trouble, error: 'the store does not answer' });
  });
});
