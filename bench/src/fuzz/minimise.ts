/** Most tries, and most time for them, ms: of a hang each takes as long as is waited for it. */
const MOST = { tries: 400, milliseconds: 20_000 };

/** The input less what is not needed: pieces left out, from halves down to single bytes, then bytes made 0. */
export async function minimise(input: Buffer, isStillWrong: (smaller: Buffer) => Promise<boolean>): Promise<Buffer> {
  let smallest = input;
  let tries = 0;
  const begun = performance.now();
  const goesOn = () => tries < MOST.tries && performance.now() - begun < MOST.milliseconds;
  const attempt = async (candidate: Buffer) => {
    if (!goesOn() || candidate.equals(smallest)) return false;
    tries++;
    const smaller = await isStillWrong(candidate);
    if (smaller) smallest = candidate;
    return smaller;
  };
  for (let length = Math.ceil(input.length / 2); length >= 1 && goesOn(); length = length > 1 ? Math.ceil(length / 2) : 0)
    for (let at = 0; at < smallest.length && goesOn(); )
      // What follows moves to where it was.
      if (!(await attempt(Buffer.concat([smallest.subarray(0, at), smallest.subarray(at + length)])))) at += length;
  for (let at = 0; at < smallest.length && goesOn(); at++) {
    const zeroed = Buffer.from(smallest);
    zeroed[at] = 0;
    await attempt(zeroed);
  }
  return smallest;
}
