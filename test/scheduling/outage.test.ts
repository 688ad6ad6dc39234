import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { defineTask } from '../../src/handler/define-task.ts'
import { createCore } from '../support/core.ts'
import { seededRandom } from '../support/random.ts'
import { settled } from '../support/settle.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const OUTAGE = { from: 60_000, to: 660_000 }
const CALL_MS = 2000
const SLOTS = 6
const CALLS_AT_ONCE = 3

interface Refused {
  readonly at: number
  readonly retryAt: number
}

/** A provider on loopback that answers 429 for ten minutes of the injected clock, its Retry-After in both forms. */
async function startProvider(clock: VirtualClock) {
  const random = seededRandom(7)
  const calls: number[] = []
  const refused: Refused[] = []
  const server = createServer((request, response) => {
    const at = clock.monotonic()
    calls.push(at)
    if (request.url === '/bad') return response.writeHead(400).end('{"error":{"message":"no"}}')
    if (at < OUTAGE.from || at >= OUTAGE.to) return response.end('{}')
    const seconds = Math.min(Math.ceil((OUTAGE.to - at) / 1000), 5 + Math.floor(random() * 20))
    const isDate = refused.length % 2 === 1
    refused.push({ at, retryAt: at + seconds * 1000 })
    const header = isDate ? new Date(clock.now() + seconds * 1000).toUTCString() : `${seconds}`
    return response.writeHead(429, { 'retry-after': header }).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, calls, refused }
}

function setup(clock: VirtualClock, url: string) {
  let underway = 0
  const started: { readonly type: string; readonly at: number; readonly waited: number }[] = []
  const call = async (path: string) => {
    underway += 1
    try {
      const response = await fetch(`${url}${path}`)
      await response.text()
      if (response.ok) return
      throw Object.assign(new Error(`status ${response.status}`), {
        status: response.status,
        headers: Object.fromEntries(response.headers),
      })
    } finally {
      underway -= 1
    }
  }
  const report = defineTask({
    type: 'report',
    input: z.object({ path: z.string() }),
    resources: { llm: {} },
    run: ({ path }, ctx) =>
      ctx.resource('llm', {}, async () => {
        await clock.sleep(CALL_MS)
        await call(path)
      }),
  })
  const extract = defineTask({
    type: 'extract',
    input: z.object({ at: z.number() }),
    run: async ({ at }) => {
      started.push({ type: 'extract', at, waited: clock.monotonic() - at })
      await clock.sleep(500)
    },
  })
  const isUnderway = () => underway > 0
  const core = createCore({
    clock,
    types: [report, extract],
    slots: SLOTS,
    capacity: 1000,
    random: seededRandom(3),
    limits: { llm: { concurrency: { floor: 1, ceiling: CALLS_AT_ONCE } } },
  })
  /** Everything that can happen now has happened. */
  const rest = async () => {
    await settled(40)
    while (isUnderway()) await turn()
    await settled(40)
  }
  return { ...core, rest, started }
}

test('ten minutes of 429: few calls, no failure, free slots, every Retry-After kept, back at once', async () => {
  const clock = new VirtualClock()
  const provider = await startProvider(clock)
  const { submitId, lifecycle, rest, started, journal, pool } = setup(clock, provider.url)
  const bad = await submitId('report', { path: '/bad' })
  for (let count = 0; count < 400; count += 1) await submitId('report', { path: '/ok' })
  const ends: number[] = []
  let nextExtract = 0
  while (lifecycle.counters.of('completed') < 400 + nextExtract / 10_000 || nextExtract < 900_000) {
    const before = lifecycle.counters.of('completed')
    await rest()
    for (let count = before; count < lifecycle.counters.of('completed'); count += 1)
      ends.push(clock.monotonic())
    if (clock.monotonic() >= nextExtract && nextExtract < 900_000) {
      await submitId('extract', { at: clock.monotonic() })
      nextExtract += 10_000
      continue
    }
    if (!clock.step()) break
  }
  await rest()

  const calls = provider.calls.length - 1
  expect(lifecycle.counters.of('completed')).toBe(400 + 90)
  expect(calls / 400).toBeLessThanOrEqual(1.2)
  expect(provider.refused.length).toBeGreaterThan(20)
  // The bad input cost one call, and failed.
  expect(lifecycle.counters.of('error')).toBe(1)
  expect((await journal.tasks.task(bad))?.run).toBe(1)

  // Tasks of the other type found a slot while the provider was out.
  expect(started.filter(({ at }) => at > OUTAGE.from + 10_000 && at < OUTAGE.to)).not.toHaveLength(0)
  const slow = started.filter(({ at, waited }) => at > OUTAGE.from + 10_000 && at < OUTAGE.to && waited > 0)
  expect(slow).toEqual([])

  // After a refusal the next call that was not on its way already came when it was asked for.
  for (const { at } of provider.refused) {
    const together = provider.refused.filter((other) => other.at <= at + CALL_MS && other.at >= at - CALL_MS)
    const due = Math.max(...together.map(({ retryAt }) => retryAt))
    const next = provider.calls.find((call) => call > at + CALL_MS)
    expect(Math.abs((next ?? Infinity) - CALL_MS - due)).toBeLessThanOrEqual(1000)
  }

  // Full rate: this many at once, one after the other.
  const from = OUTAGE.to + 30_000
  const inWindow = provider.calls.filter((call) => call >= from && call < from + 40_000).length
  expect(inWindow).toBeGreaterThanOrEqual((CALLS_AT_ONCE * 40_000) / CALL_MS - CALLS_AT_ONCE)
  expect(pool.running).toBe(0)
})
