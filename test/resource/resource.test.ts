import { expect, test } from 'vitest'
import { z } from 'zod'
import { defineTask } from '../../src/handler/define-task.ts'
import { RateWindow } from '../../src/resource/rate-window.ts'
import { Resource } from '../../src/resource/resource.ts'
import type { ErrorClass } from '../../src/task/error-class.ts'
import { failure } from '../../src/task/failure.ts'
import type { ResourceLimits } from '../../src/task/resource.ts'
import { createCore } from '../support/core.ts'
import { drive } from '../support/drive.ts'
import { settled } from '../support/settle.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

function setup(limits: ResourceLimits, clock = new VirtualClock()) {
  const woken: string[] = []
  const resource = new Resource({
    name: 'llm',
    limits,
    keys: [],
    clock,
    random: () => 0.5,
    wake: (id) => woken.push(id),
    opened: () => undefined,
  })
  const { signal } = new AbortController()
  const acquire = (taskId: string, ask: { weight?: number; tokens?: number } = {}) =>
    resource.acquire({ taskId, priority: 1, ask: { weight: 1, tokens: 0, ...ask }, signal })
  return { clock, resource, woken, acquire }
}

test('a call that is left over from a parked run takes its wake-up from no task', async () => {
  const clock = new VirtualClock()
  let calls = 0
  const type = defineTask({
    type: 'many',
    input: z.object({}),
    run: async (_input, ctx) => {
      const call = () =>
        ctx.resource('llm', {}, async () => {
          calls += 1
          const isFirst = calls === 1
          await clock.sleep(isFirst ? 10 : 500)
          if (isFirst) throw Object.assign(new Error('slow down'), { status: 429 })
        })
      await Promise.all([call(), call(), call()])
    },
  })
  const core = createCore({ clock, types: [type], limits: { llm: { concurrency: 2 } } })
  await core.submitId('many')
  await drive(clock, () => core.lifecycle.counters.of('completed') === 1)
  expect(core.lifecycle.counters.of('completed')).toBe(1)
})

test('a heavy call waits until it may go alone, and one that never fits is refused', async () => {
  const { acquire, resource } = setup({ concurrency: { floor: 1, ceiling: 8 } })
  const heavy = await acquire('heavy', { weight: 2 })
  expect(heavy.kind).toBe('lease')
  expect(await acquire('giant', { weight: 9 })).toEqual({ kind: 'refused', why: 'too-large' })
  expect(resource.inFlight).toBe(2)
})

test('a parked task that no limit allows any more ends, and blocks no other', async () => {
  const { acquire, resource, woken, clock } = setup({ tokensPerMinute: 100 })
  await acquire('first', { tokens: 100 })
  expect((await acquire('large', { tokens: 50 })).kind).toBe('busy')
  resource.sleep('large', 1)
  resource.resize({ tokensPerMinute: 40 })
  expect(woken).toEqual(['large'])
  clock.advance(1)
})

test('room that is kept for a task that does not come is given to the next', async () => {
  const { acquire, resource, woken, clock } = setup({ concurrency: 1 })
  const lease = await acquire('a')
  for (const id of ['b', 'c']) resource.sleep(id, 1)
  if (lease.kind === 'lease') lease.end(null)
  expect(woken).toEqual(['b'])
  clock.advance(6000)
  expect(woken).toEqual(['b', 'c'])
})

test('a window never grants more than its limit in any such time, and steady calls age out', () => {
  const window = new RateWindow(600, 60_000)
  const granted: number[] = []
  for (let now = 0; now < 600_000; now += 250) {
    if (window.waitFor(1, now) > 0) continue
    window.spend(1, now)
    granted.push(now)
  }
  // Four a second are well below ten.
  expect(granted).toHaveLength(2400)
  for (let now = 600_000; now < 900_000; now += 10) {
    if (window.waitFor(1, now) > 0) continue
    window.spend(1, now)
    granted.push(now)
  }
  for (const [index, at] of granted.entries()) {
    const later = granted[index + 600]
    if (later !== undefined) expect(later - at).toBeGreaterThanOrEqual(60_000)
  }
})

test('tokens that were not used come back, and a provider that reports none changes nothing', async () => {
  const { acquire } = setup({ tokensPerMinute: 100 })
  const lease = await acquire('a', { tokens: 90 })
  expect((await acquire('b', { tokens: 90 })).kind).toBe('busy')
  if (lease.kind === 'lease') for (const used of [NaN, 40, 10]) lease.used(used)
  expect((await acquire('b', { tokens: 90 })).kind).toBe('lease')
  expect((await acquire('c', { tokens: 1 })).kind).toBe('busy')
})

test('quotas that were drawn are known after a restart, each to its own window', async () => {
  const first = setup({ requestsPerMinute: 10, tokensPerMinute: 1000 })
  await first.acquire('a', { tokens: 900 })
  const saved = first.resource.save()
  const second = setup({ requestsPerMinute: 10, requestsPerDay: 100, tokensPerMinute: 1000 })
  second.resource.load(saved, 1000)
  expect((await second.acquire('b', { tokens: 200 })).kind).toBe('busy')
  expect((await second.acquire('c', { tokens: 100 })).kind).toBe('lease')
  second.clock.advance(59_000)
  expect((await second.acquire('b', { tokens: 800 })).kind).toBe('lease')
})

test('a rule of a type that throws costs no unit and no other error its name', async () => {
  const clock = new VirtualClock()
  const type = defineTask({
    type: 'odd',
    input: z.object({}),
    retry: { classify: (thrown) => (thrown as { response: { status: 'retry' } }).response.status },
    run: (_input, ctx) => ctx.resource('llm', {}, () => Promise.reject(new Error('failed'))),
  })
  const core = createCore({ clock, types: [type], limits: { llm: { concurrency: 1 } } })
  const id = await core.submitId('odd')
  await settled(60)
  expect(await core.journal.tasks.task(id)).toMatchObject({ status: 'error', failure: { message: 'failed' } })
  expect(core.resources.view()).toMatchObject([{ inUse: 0 }])
})

test('a call without its cost is refused with a sentence', async () => {
  const type = defineTask({
    type: 'short',
    input: z.object({}),
    run: (_input, ctx) =>
      (ctx.resource as unknown as (name: string, work: () => number) => unknown)('llm', () => 1),
  })
  const core = createCore({ types: [type], limits: { llm: { concurrency: 1 } } })
  const id = await core.submitId('short')
  await settled(60)
  expect((await core.journal.tasks.task(id))?.failure?.message).toMatch(
    /^ctx\.resource: expected a name, a cost/,
  )
})

test('who comes anew does not go before those that sleep', async () => {
  const { acquire, resource, woken } = setup({ concurrency: 1 })
  const lease = await acquire('a')
  resource.sleep('sleeper', 1)
  const newcomer = acquire('newcomer')
  if (lease.kind === 'lease') lease.end(null)
  expect(woken).toEqual(['sleeper'])
  expect(await newcomer).toEqual({ kind: 'busy', until: null })
})

const OVERLOADED: ErrorClass = {
  kind: 'park',
  limit: 'overload',
  failure: failure('provider_overloaded', 'not now'),
  afterMs: null,
}

/** As time is in a process: a timer fires a part of a millisecond early, and each look at the clock is later than the one before. */
class ProcessClock extends VirtualClock {
  #passed = 0
  override readonly monotonic = () => this.time + (this.#passed += 0.3)
  override readonly after = (ms: number, fn: () => void) =>
    this.schedule(Math.max(0, ms - 0.5), () => {
      this.#passed = 0
      fn()
    })
}

test.each(['parked', 'in its slot'])(
  'a call that waits %s for the last part of a millisecond is made',
  async (where) => {
    const { clock, resource, woken, acquire } = setup({ concurrency: 1 }, new ProcessClock())
    const first = await acquire('a')
    if (first.kind !== 'lease') throw new Error('no lease')
    first.end(OVERLOADED)
    if (where === 'parked') {
      resource.sleep('a', 1)
      clock.advance(2000)
      expect(woken).toEqual(['a'])
    } else {
      resource.forget('a')
      const second = acquire('b')
      // Half a second of cooling down; after one second it would be parked.
      clock.advance(900)
      expect((await Promise.race([second, settled().then(() => ({ kind: 'waits' }))])).kind).toBe('lease')
    }
  },
)

test('the time after an overload doubles until a call goes well, and then begins anew', async () => {
  const { acquire, resource, clock } = setup({ concurrency: 4 })
  const waitAfter = async (verdict: ErrorClass | null) => {
    const lease = await acquire('a')
    if (lease.kind === 'lease') lease.end(verdict)
    const wait = resource.openAt === null ? 0 : resource.openAt - clock.now()
    clock.advance(wait)
    return wait
  }
  const waits = []
  for (const verdict of [OVERLOADED, OVERLOADED, OVERLOADED, null, OVERLOADED])
    waits.push(await waitAfter(verdict))
  expect(waits).toEqual([750, 1500, 3000, 0, 750])
})

test('after a restart in a time of waiting one call goes first, as it would have without', async () => {
  const first = setup({ concurrency: 4 })
  const lease = await first.acquire('a')
  if (lease.kind === 'lease') lease.end({ ...OVERLOADED, afterMs: 30_000 })
  const second = setup({ concurrency: 4 })
  second.resource.load(first.resource.save(), 0)
  expect(second.resource.openAt).toBe(second.clock.now() + 30_000)
  for (const { clock, resource, acquire } of [first, second]) {
    clock.advance(30_000)
    expect(resource.limit).toBe(1)
    const probe = await acquire('a')
    if (probe.kind === 'lease') probe.end(null)
    // Two at once were refused as far as is known: that is found out again later.
    expect(resource.limit).toBe(1)
  }
})
