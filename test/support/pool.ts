import type { PoolBounds, PoolDeps } from '../../src/pool/pool-options.ts'
import { VirtualClock } from './virtual-clock.ts'

/** A pool without limits of its own: one slot, strict levels, callers alike. */
export function poolDefaults() {
  return {
    ...boundDefaults(),
    clock: new VirtualClock(),
    concurrencyOf: () => Infinity,
    resourcesOf: () => [],
    due: () => undefined,
    expired: () => undefined,
  } satisfies PoolBounds & Partial<PoolDeps>
}

export function boundDefaults() {
  return {
    slots: 1,
    capacity: 100,
    maxParked: null,
    maxStuck: 1,
    graceMs: 10_000,
    headStartMs: 0,
    weightOf: null,
    maxQueuedPerCaller: Infinity,
    maxRunningPerCaller: Infinity,
  } satisfies PoolBounds
}
