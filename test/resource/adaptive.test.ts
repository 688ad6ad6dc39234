import { expect, test } from 'vitest'
import type { ProjectKey } from '../../src/resource/key-pool.ts'
import { Resource } from '../../src/resource/resource.ts'
import { failure } from '../../src/task/failure.ts'
import type { ErrorClass } from '../../src/task/error-class.ts'
import { seededRandom } from '../support/random.ts'
import { settled } from '../support/settle.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const CALL_MS = 1000
const REFUSAL_MS = 50
const CALLERS = 30

const TOO_MANY: ErrorClass = {
  kind: 'park',
  limit: 'concurrency',
  failure: failure('provider_rate_limited', 'too many at once'),
  afterMs: null,
}

/** A provider that takes this many calls of a project at once, and callers that never rest. */
function setup(keys: readonly ProjectKey[] = [], isRefused: (key: string | null) => boolean = () => false) {
  const clock = new VirtualClock()
  const random = seededRandom(11)
  const sleeping = new Map<string, () => void>()
  const resource = new Resource({
    name: 'llm',
    limits: { concurrency: { floor: 1, ceiling: 40 } },
    keys,
    clock,
    random,
    wake: (id) => sleeping.get(id)?.(),
    opened: () => undefined,
  })
  const projectOf = new Map(keys.map(({ key, project }) => [key, project]))
  const inFlight = new Map<string, number>()
  const provider = { limit: 7, calls: 0, refused: 0, done: 0 }
  const used = new Set<string | null>()

  const call = async (key: string | null): Promise<ErrorClass | null> => {
    provider.calls += 1
    used.add(key)
    if (isRefused(key)) return { kind: 'end', failure: failure('provider_auth', 'unknown key'), why: 'auth' }
    const project = projectOf.get(key ?? '') ?? ''
    const count = (inFlight.get(project) ?? 0) + 1
    if (count > provider.limit) {
      provider.refused += 1
      await clock.sleep(REFUSAL_MS)
      return TOO_MANY
    }
    inFlight.set(project, count)
    await clock.sleep(CALL_MS * (0.7 + 0.6 * random()))
    inFlight.set(project, (inFlight.get(project) ?? 1) - 1)
    provider.done += 1
    return null
  }
  const work = async (taskId: string) => {
    for (;;) {
      const { signal } = new AbortController()
      const reply = await resource.acquire({ taskId, priority: 1, ask: { weight: 1, tokens: 0 }, signal })
      if (reply.kind === 'refused') return
      const mustSleep = reply.kind === 'busy' || reply.end(await call(reply.key))
      if (!mustSleep) continue
      const woken = new Promise<void>((wake) => sleeping.set(taskId, wake))
      resource.sleep(taskId, 1)
      await woken
    }
  }
  for (let index = 0; index < CALLERS; index += 1) void work(`task ${index}`)
  const go = async (ms: number) => {
    const end = clock.monotonic() + ms
    const limits: number[] = []
    while (clock.monotonic() < end) {
      await settled(30)
      limits.push(resource.limit)
      if (!clock.step()) break
    }
    return limits
  }
  const count = async (ms: number) => {
    const before = { ...provider }
    const limits = await go(ms)
    const calls = provider.calls - before.calls
    return { share: (provider.refused - before.refused) / calls, done: provider.done - before.done, limits }
  }
  return { resource, provider, go, count, used }
}

const KEYS = (projects: readonly string[]) =>
  projects.map((project, index) => ({ project, key: `key ${index}` }))

test('the limit of a provider is found, within one, and is found again when it falls and when it rises', async () => {
  const { provider, go, count } = setup()
  await go(60_000)
  for (const limit of [7, 3, 9]) {
    provider.limit = limit
    // Upwards it has to be tried, which is done seldom.
    await go(limit === 9 ? 1_200_000 : 120_000)
    const settledIn = await count(600_000)
    expect(settledIn.share).toBeLessThan(0.02)
    expect(Math.min(...settledIn.limits)).toBeGreaterThanOrEqual(limit - 1)
    expect(Math.max(...settledIn.limits)).toBeLessThanOrEqual(limit + 1)
    expect(settledIn.done / 600).toBeGreaterThan((limit - 1) * 0.97)
  }
})

test('keys of two projects add up, keys of one project do not', async () => {
  const one = setup(KEYS(['a', 'a']))
  const two = setup(KEYS(['a', 'b']))
  await one.go(120_000)
  await two.go(120_000)
  const [ofOne, ofTwo] = [await one.count(300_000), await two.count(300_000)]
  expect(ofOne.done / 300).toBeLessThanOrEqual(7.2)
  expect(ofTwo.done / 300).toBeGreaterThan(12)
  expect([ofOne.share, ofTwo.share].every((share) => share < 0.02)).toBe(true)
  expect(one.used.size).toBe(2)
})

test('a key that the provider does not know is used once, and the others continue', async () => {
  const { resource, go, provider } = setup(KEYS(['a', 'a', 'b']), (key) => key === 'key 1')
  await go(60_000)
  expect(resource.keys).toEqual({ good: 2, projects: 2 })
  expect(provider.done).toBeGreaterThan(300)
})

test('without a good key nothing is granted any more', async () => {
  const { resource, go } = setup(KEYS(['a']), () => true)
  await go(1000)
  const { signal } = new AbortController()
  const reply = await resource.acquire({ taskId: 'x', priority: 1, ask: { weight: 1, tokens: 0 }, signal })
  expect(reply).toEqual({ kind: 'refused', why: 'no-key' })
})
