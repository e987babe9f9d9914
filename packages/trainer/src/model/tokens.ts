/** Ids that every vocabulary begins with; words follow. `UNKNOWN` stands for every word below the threshold. */
export const PAD = 0;
export const START = 1;
export const END = 2;
export const UNKNOWN = 3;
