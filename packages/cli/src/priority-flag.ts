import { GREATEST_PRIORITY, LEAST_PRIORITY } from '@showtell/shared/schema/control';
import { wholeNumber } from './whole-number';

/** A run's share of the workers. */
export const priorityNumber = wholeNumber(LEAST_PRIORITY, GREATEST_PRIORITY);
