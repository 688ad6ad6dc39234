import { NO_LIMITS, NOTHING_WIRED } from './core.ts'
import { WorkerPool } from '../src/pool/worker-pool.ts'
import { toTicket } from '../src/task/ticket.ts'
import type { Task } from '../src/task/task.ts'
import { mixedPriorities, sampleTask } from './support.ts'

/** Bytes of heap per waiting task, its record, input, ticket and place in the queue included. Needs --expose-gc. */
export function bytesPerWaitingTask(count: number): number {
  const pool = new WorkerPool(
    { ...NO_LIMITS, slots: 0, capacity: count, maxStuck: 0 },
    {
      ...NOTHING_WIRED,
      work: () => new Promise(() => {}),
      ended: () => undefined,
    },
  )
  const priorities = mixedPriorities(count)
  const kept: Task[] = []
  const before = heapAfterCollection()
  for (const [index, priority] of priorities.entries()) {
    const place = pool.reserve(priority, 'local')
    if (place === undefined) throw new Error('no place')
    const task = sampleTask(index, priority)
    kept.push(task)
    pool.enqueue(toTicket(task), place)
  }
  const bytes = (heapAfterCollection() - before) / count
  if (pool.waiting !== count || kept.length !== count) throw new Error('tasks were lost')
  return bytes
}

function heapAfterCollection(): number {
  if (globalThis.gc === undefined) throw new Error('start with --expose-gc')
  globalThis.gc()
  globalThis.gc()
  return process.memoryUsage().heapUsed
}
