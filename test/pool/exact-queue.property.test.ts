import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { defineTask } from '../../src/handler/define-task.ts'
import type { Priority } from '../../src/task/priority.ts'
import { isInGroup, type TaskGroup } from '../../src/task/task-group.ts'
import { TASK_STATUSES } from '../../src/task/status.ts'
import { createCore } from '../support/core.ts'
import { seededRandom } from '../support/random.ts'
import { settled } from '../support/settle.ts'

const OPERATIONS = Number(process.env['OPERATIONS'] ?? 100_000)
const CAPACITY = 10
const MAX_SLOTS = 5
const MAX_STUCK = 2
const CALLERS = ['ann', 'ben', 'caller,paused [null,"ann"]']
/** What an operator pauses by itself. */
const GROUPS: readonly TaskGroup[] = [
  { type: 'type-0', caller: null },
  { type: 'type-2', caller: null },
  { type: null, caller: 'ann' },
  { type: 'type-1', caller: 'ben' },
]
/** Turns of the microtask queue in which every effect of one operation has happened. */
const TURNS = 16

interface Arrival {
  readonly level: Priority
  readonly arrival: number
  readonly type: string
  readonly caller: string
}

/**
 * The queue under a random history: submit, cancel, pause, resume, resize, finish and time, with handlers that
 * end when they are aborted and unresponsive ones that end when they like. Every invariant of docs/architecture.md is checked after
 * every operation.
 */
function setup(random: () => number) {
  const pick = (count: number) => Math.floor(random() * count)
  const running = new Map<string, { readonly end: () => void; readonly isDeaf: boolean }>()
  /** Started in this order, with the number that each task got when it was admitted. */
  const started: Arrival[] = []
  const arrivals = new Map<string, Arrival>()
  let arrival = 0

  const types = [1, 2, Infinity].map((concurrency, index) =>
    defineTask({
      type: `type-${index}`,
      input: z.object({ isDeaf: z.boolean() }),
      timeoutMs: 60_000,
      ...(Number.isFinite(concurrency) ? { concurrency } : {}),
      run: ({ isDeaf }, ctx) =>
        new Promise<null>((resolve) => {
          const known = arrivals.get(ctx.taskId)
          if (known !== undefined) started.push(known)
          const end = () => {
            running.delete(ctx.taskId)
            resolve(null)
          }
          running.set(ctx.taskId, { end, isDeaf })
          if (!isDeaf) ctx.signal.addEventListener('abort', end)
        }),
    }),
  )
  const core = createCore({ types, slots: 2, capacity: CAPACITY, maxStuck: MAX_STUCK })
  const waiting = () => [...core.pool.waitingInOrder()]
  let slots = 2
  let groups: readonly TaskGroup[] = []
  const isPaused = (task: { readonly type: string; readonly caller: string }) =>
    groups.some((group) => isInGroup(task, group))
  let accepted = 0

  const operations: Record<string, () => Promise<unknown> | void> = {
    submit: async () => {
      const level = pick(4) as Priority
      const type = `type-${pick(3)}`
      const caller = CALLERS[pick(CALLERS.length)] ?? ''
      const mine = { level, arrival: (arrival += 1), type, caller }
      const isDeaf = pick(12) === 0
      const reply = await core.submit(type, { isDeaf }, level, { caller })
      if (reply.kind !== 'accepted') return
      accepted += 1
      arrivals.set(reply.task.id, mine)
    },
    cancelWaiting: async () => {
      const tasks = waiting()
      const task = tasks[pick(Math.max(1, tasks.length))]
      if (task !== undefined) await core.admission.cancel(task.id)
    },
    cancelRunning: async () => {
      const id = [...running.keys()][pick(Math.max(1, running.size))]
      if (id !== undefined) await core.admission.cancel(id)
    },
    finish: () => [...running.values()][pick(Math.max(1, running.size))]?.end(),
    finishDeaf: () => [...running.values()].find(({ isDeaf }) => isDeaf)?.end(),
    pause: () => core.pool.pause(),
    resume: () => core.pool.resume(),
    pauseGroups: () => core.pool.pauseGroups((groups = GROUPS.filter(() => pick(4) === 0))),
    resumeGroups: () => core.pool.pauseGroups((groups = [])),
    resize: () => core.pool.resize({ slots: (slots = pick(MAX_SLOTS + 1)) }),
    time: () => core.clock.advance(pick(3) === 0 ? 61_000 : 11_000),
  }
  const weights = ['submit', 'submit', 'submit', 'submit', 'finish', 'finish', 'finish', 'resume', 'resume']
  const names = [...weights, ...Object.keys(operations)]

  const step = async () => {
    const before = slots
    await operations[names[pick(names.length)] ?? 'finish']?.()
    await settled(TURNS)
    return Math.max(before, slots)
  }
  const checkStarts = () => {
    // Inside a level nothing that arrived later has started before something that was there.
    for (const { level, arrival: mine, ...task } of started.splice(0)) {
      if (isPaused(task)) throw new Error(`task ${mine} started while it was paused`)
      const earlier = waiting().find((task) => {
        const other = arrivals.get(task.id)
        return (
          other?.level === level &&
          other.arrival < mine &&
          !isPaused(other) &&
          core.registry.find(task.type)?.concurrency === undefined
        )
      })
      if (earlier !== undefined) throw new Error(`task ${mine} of level ${level} overtook ${earlier.id}`)
    }
  }
  const check = (bound: number) => {
    const { pool, lifecycle } = core
    // After a shrink what runs continues, but nothing starts over the bound.
    const isOver = pool.running > bound && (started.length > 0 || pool.running > runningBefore)
    if (isOver) throw new Error(`${pool.running} run in ${slots} slots`)
    runningBefore = pool.running
    checkStarts()
    if (pool.stuck > MAX_STUCK) throw new Error(`${pool.stuck} are stuck`)
    const sum = TASK_STATUSES.reduce((total, status) => total + lifecycle.counters.of(status), 0)
    if (sum !== accepted) throw new Error(`the statuses sum up to ${sum} of ${accepted}`)
    if (pool.waiting > CAPACITY) throw new Error(`${pool.waiting} wait in ${CAPACITY} places`)
    const isIdle = pool.holds.size === 0 && pool.running < slots
    if (isIdle && waiting().some((task) => isEligible(task.type) && !isPaused(task)))
      throw new Error('a slot idles beside an eligible task')
  }
  let runningBefore = 0
  /** A type may start when fewer of its tasks run than it allows; abandoned runs no longer count. */
  const isEligible = (type: string) => {
    const limit = core.registry.find(type)?.concurrency ?? Infinity
    return limit === Infinity || core.pool.runningOf(type) < limit
  }
  return { step, check, forgetArrivals: () => arrivals.clear(), core }
}

test(
  `no inversion, no overrun, no idle slot and no lost task in ${OPERATIONS} operations`,
  { timeout: 300_000 },
  async () => {
    const seed = 20_261_122
    const history = setup(seededRandom(seed))
    for (let operation = 0; operation < OPERATIONS; operation += 1) {
      const bound = await history.step()
      try {
        history.check(bound)
      } catch (error) {
        throw new Error(`seed ${seed}, operation ${operation}: ${(error as Error).message}`, { cause: error })
      }
    }
    expect(history.core.lifecycle.counters.accepted).toBeGreaterThan(OPERATIONS / 10)
  },
)

test('the same holds for short histories from any seed', { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), fc.integer({ min: 1, max: 200 }), async (seed, operations) => {
      const history = setup(seededRandom(seed))
      for (let operation = 0; operation < operations; operation += 1) history.check(await history.step())
    }),
    { numRuns: 300 },
  )
})
