import { toTicket, type Ticket } from '../../src/task/ticket.ts'
import type { Outcome } from '../../src/task/outcome.ts'
import { createTask, type NewTask, type Task } from '../../src/task/task.ts'

let count = 0

export function sampleTask(given: Partial<NewTask> = {}): Task {
  count += 1
  return createTask({
    id: `task-${count}`,
    type: 'sample',
    priority: 1,
    caller: 'local',
    input: {},
    upload: null,
    title: null,
    metadata: null,
    timeoutMs: 60_000,
    webhook: null,
    content: null,
    maxAttempts: 1,
    startDeadlineAt: null,
    retryOf: null,
    toldWait: null,
    trace: null,
    notBefore: null,
    createdAt: 0,
    ...given,
  })
}

/** The ticket of such a task. */
export function sampleTicket(given: Partial<NewTask> = {}): Ticket {
  return toTicket(sampleTask(given))
}

export const NO_HEADLINE = { title: null, summary: null, filename: null, hash: null }
export const COMPLETED: Outcome = { kind: 'completed', result: 'null', headline: NO_HEADLINE }
