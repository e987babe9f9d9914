import util from 'node:util';

/**
 * TensorFlow.js 4.22 calls two functions of `node:util` that Node has taken away (23) or warns of (22); they must be there before it loads.
 */
Object.assign(util, { isArray: Array.isArray, isNullOrUndefined: (value: unknown) => value === null || value === undefined });
