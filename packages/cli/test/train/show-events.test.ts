import { ShowtellError } from '@showtell/shared/errors';
import type { TrainEvent } from '@showtell/trainer/train/events';
import { showEvents } from '../../src/train/show-events';

function told(event: TrainEvent, json: boolean): string {
  let text = '';
  const { onEvent, end } = showEvents({ json, write: (piece) => (text += piece) });
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

test('what is trained, one of a thing and many', () => {
  const start: TrainEvent = {
    event: 'start',
    training: 'pets',
    objective: 'cross-entropy',
    leaseEpoch: 1,
    samples: 2_000,
    validationSamples: 0,
    vocabulary: 40,
    dropped: { tooLong: 0, withoutWords: 0, withoutFeature: 0 },
    epochs: 1,
    stepsPerEpoch: 16,
    images: 400,
    featureBytes: 1,
    featureMemory: 1,
    shuffleBytes: 1,
    step: 0,
  };
  expect(told(start, false)).toBe('Training pets: 2,000 captions, 0 to validate on, 40 words, 1 epoch of 16 steps\n');
  expect(told({ ...start, objective: 'self-critical', epochs: 2, stepsPerEpoch: 1 }, false)).toContain('2,000 images,');
});
