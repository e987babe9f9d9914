import type { EngineDescription } from '../src/encoder/engines/engine';

/** What an engine that computes nothing says of itself. */
export function fakeDescription(engine: string): EngineDescription {
  return { engine, provider: 'none', device: 'cpu', deviceName: 'none', precision: 'float32', threads: 1, versions: {} };
}
