import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { MINUTE_MS } from '../../time/minute.ts'
import type { RequestLimits } from '../deps.ts'

/** Seconds until another request is welcome; null: this one is. */
type Limit = (request: FastifyRequest, key: string) => Promise<number | null>

export interface Limits {
  /** By the name of the caller. */
  readonly ofCaller: Limit
  /** By the address that a request comes from. */
  readonly ofAddress: Limit
}

/** The limits of rate, each a window of a minute. A host that limits rates itself keeps its own beside them. */
export async function createLimits(
  app: FastifyInstance,
  { ratePerMinute, addressRatePerMinute }: Pick<RequestLimits, 'ratePerMinute' | 'addressRatePerMinute'>,
): Promise<Limits> {
  if (!app.hasDecorator('createRateLimit')) await app.register(rateLimit, { global: false })
  return {
    ofCaller: createLimit(app, ratePerMinute),
    ofAddress: createLimit(app, addressRatePerMinute),
  }
}

/** At most so many requests a minute of each key; 0: no limit. */
export function createLimit(app: Pick<FastifyInstance, 'createRateLimit'>, max: number): Limit {
  if (max === 0) return () => Promise.resolve(null)
  const keys = new WeakMap<FastifyRequest, string>()
  const check = app.createRateLimit({
    max,
    timeWindow: MINUTE_MS,
    keyGenerator: (request) => keys.get(request) ?? '',
  })
  return async (request, key) => {
    keys.set(request, key)
    const result = await check(request)
    return 'isExceeded' in result && result.isExceeded ? Math.max(1, result.ttlInSeconds) : null
  }
}
