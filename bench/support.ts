import { toTicket, type Ticket } from '../src/task/ticket.ts'
import { createTask, type Task } from '../src/task/task.ts'
import type { Priority } from '../src/task/priority.ts'

/** Middle of several runs, which a noisy machine moves least. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? NaN
}

export interface Run {
  readonly tasksPerSecond: number
}

/** Tasks per second of everything that `work` does. */
export async function timed(count: number, work: () => Promise<void>): Promise<Run> {
  const startedAt = performance.now()
  await work()
  return { tasksPerSecond: (count / (performance.now() - startedAt)) * 1000 }
}

/** Tasks that are sent before the first of them is waited for. */
const SENT_AT_ONCE = 500

/** Sends tasks as separate calls, many of them at once. */
export async function sendAll(count: number, send: (n: number) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < count; from += SENT_AT_ONCE) {
    const numbers = Array.from({ length: Math.min(SENT_AT_ONCE, count - from) }, (_, index) => from + index)
    await Promise.all(numbers.map((n) => send(n)))
  }
}

/** A full task record with a small input, as a POST makes it. */
export function sampleTicket(index: number, priority: Priority): Ticket {
  return toTicket(sampleTask(index, priority))
}

export function sampleTask(index: number, priority: Priority): Task {
  const id = `01999999-0000-7000-8000-${index.toString(16).padStart(12, '0')}`
  return createTask({
    id,
    type: 'empty',
    priority,
    caller: 'local',
    input: { n: index },
    upload: null,
    title: null,
    metadata: null,
    timeoutMs: 3_600_000,
    webhook: null,
    content: null,
    maxAttempts: 1,
    startDeadlineAt: null,
    retryOf: null,
    toldWait: null,
    trace: null,
    notBefore: null,
    createdAt: Date.now(),
  })
}

/** A fixed sequence of priorities, the same in every run. */
export function mixedPriorities(count: number): Priority[] {
  let seed = 1
  return Array.from({ length: count }, () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
    return (Math.floor(seed / 2 ** 16) % 4) as Priority
  })
}

export const thousands = (value: number) => Math.round(value).toLocaleString('en-US').replaceAll(',', ' ')
