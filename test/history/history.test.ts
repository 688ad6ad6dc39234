import { pino } from 'pino'
import { expect, test } from 'vitest'
import { combine, EMPTY_MINUTE, type Minute } from '../../src/history/minute.ts'
import { readHistory } from '../../src/history/read-history.ts'
import { HistoryRecorder } from '../../src/history/recorder.ts'
import type { Clock } from '../../src/time/clock.ts'
import { createCore } from '../support/core.ts'
import { settled } from '../support/settle.ts'
import { heldType } from '../support/types.ts'

const MINUTE_MS = 60_000
const log = pino({ level: 'silent' })

function setup() {
  const { definition, held } = heldType()
  const core = createCore({ types: [definition], slots: 1, capacity: 3 })
  const { clock, journal, bus, pool, lifecycle } = core
  const { counters } = lifecycle
  const record = (by: Clock = clock) =>
    new HistoryRecorder({ journal: journal.history, bus, pool, counters, clock: by, log })
  const recorder = record()
  const advance = async (ms: number) => {
    clock.advance(ms)
    await settled()
  }
  const read = (minutes = 10) => readHistory(journal.history, minutes, clock.now())
  return { ...core, held, record, recorder, advance, read }
}

test('each minute has what was submitted, refused, started and ended in it', async () => {
  const { submit, held, advance, read, clock } = setup()
  await advance(MINUTE_MS - (clock.now() % MINUTE_MS))
  for (let count = 0; count < 5; count += 1) await submit('held')
  await settled()
  await advance(20_000)
  held[0]?.end()
  await settled()
  await advance(40_000)
  held[1]?.end()
  await settled()
  await advance(MINUTE_MS)
  const { points, minutesPerPoint } = await read()
  expect(minutesPerPoint).toBe(1)
  expect(points).toHaveLength(2)
  expect(points[0]).toMatchObject({
    submitted: 4,
    refused: 1,
    started: 2,
    ended: { completed: 1 },
    waits: { p50: 0, p90: 20_000 },
    runs: { p50: 20_000, p90: 20_000 },
    deepestQueue: 3,
    meanRunning: 1,
  })
  expect(points[1]).toMatchObject({
    submitted: 0,
    started: 1,
    ended: { completed: 1 },
    waits: { p90: 60_000 },
  })
})

test('a minute without work has no row, one in which a task only runs has', async () => {
  const { submit, held, advance, read } = setup()
  await submit('held')
  await advance(3 * MINUTE_MS)
  for (let minute = 0; minute < 3; minute += 1) await advance(MINUTE_MS)
  held[0]?.end()
  await settled()
  for (let minute = 0; minute < 5; minute += 1) await advance(MINUTE_MS)
  const { points } = await read(20)
  expect(points.length).toBeGreaterThanOrEqual(4)
  expect(points.length).toBeLessThan(9)
  expect(Math.max(...points.map(({ meanRunning }) => meanRunning))).toBeCloseTo(1, 1)
})

test('a stop saves the minute that it is in, and two processes of one minute are added', async () => {
  const { submit, held, record, recorder, read, clock } = setup()
  await submit('held')
  await settled()
  await recorder.stop()
  clock.advance(1)
  const next = record()
  held[0]?.end()
  await settled()
  await next.stop()
  clock.advance(MINUTE_MS)
  const { points } = await read()
  expect(points).toHaveLength(1)
  expect(points[0]).toMatchObject({ submitted: 1, ended: { completed: 1 } })
})

test('a long time has points of several minutes, whose numbers are added', async () => {
  const { journal, clock } = setup()
  const now = Math.floor(clock.now() / MINUTE_MS) + 2000
  for (let minute = now - 1000; minute < now; minute += 1) {
    const row = { ...EMPTY_MINUTE, submitted: 1, started: 1, waits: { p50: 1, p90: 2 }, meanRunning: 1 }
    await journal.history.saveMinute(minute, 1, JSON.stringify(row))
  }
  const { points, minutesPerPoint } = await readHistory(journal.history, 1440, now * MINUTE_MS)
  expect(minutesPerPoint).toBe(8)
  expect(points.length).toBeLessThanOrEqual(180)
  expect(points.reduce((sum, { submitted }) => sum + submitted, 0)).toBe(1000)
  expect(points[10]).toMatchObject({ submitted: 8, waits: { p50: 1, p90: 2 }, meanRunning: 1 })
})

test('quantiles of several minutes weigh as many tasks as they had', () => {
  const one = { ...EMPTY_MINUTE, started: 9, waits: { p50: 10, p90: 100 }, estimatedP90: 50 }
  const two = { ...EMPTY_MINUTE, started: 1, waits: { p50: 20, p90: 200 }, deepestQueue: 4, meanRunning: 2 }
  expect(combine([one, two], 2)).toMatchObject({
    started: 10,
    waits: { p50: 11, p90: 110 },
    estimatedP90: 50,
    deepestQueue: 4,
    meanRunning: 1,
  })
  expect(combine([], 1)).toEqual(EMPTY_MINUTE)
})

test('a clock that is set back erases nothing that was counted', async () => {
  const { submit, clock, journal, record, recorder: other } = setup()
  await other.stop()
  let offset = 0
  const { monotonic, after } = clock
  const recorder = record({ now: () => clock.now() + offset, monotonic, after })
  await submit('held')
  await submit('held')
  await settled()
  offset = -300
  clock.advance(MINUTE_MS)
  await settled()
  offset = 0
  clock.advance(MINUTE_MS)
  await settled()
  await recorder.stop()
  const rows = await journal.history.minutes(0, 1)
  expect(rows.reduce((sum, { row }) => sum + (JSON.parse(row) as Minute).submitted, 0)).toBe(2)
})
