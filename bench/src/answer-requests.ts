import { createInterface } from 'node:readline';
import type { BenchReply, BenchRequest } from './protocol';

/** Answers what the bench asks, a line for a line, until it asks no more. */
export async function answerRequests(answer: (request: BenchRequest) => Promise<BenchReply>): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const reply = await answer(JSON.parse(line) as BenchRequest).catch((error: Error): BenchReply => {
      return { type: 'error', message: error.message };
    });
    process.stdout.write(`${JSON.stringify(reply)}\n`);
  }
}
