import type { Logger } from 'pino'
import type { Journal } from '../journal/journal.ts'
import type { WaitEstimator } from '../forecast/wait-estimator.ts'
import { toTicket } from '../task/ticket.ts'
import type { WorkerPool } from '../pool/worker-pool.ts'
import type { Resources } from '../resource/resources.ts'
import type { Task } from '../task/task.ts'
import type { Admission } from '../admission/admission.ts'
import type { Lifecycle } from '../lifecycle/lifecycle.ts'
import type { CounterStore } from '../lifecycle/saved-counters.ts'
import { toInterruption } from '../lifecycle/crash-rule.ts'
import { SAMPLE_COUNT } from '../lifecycle/transitions.ts'

export interface RecoveryDeps {
  readonly journal: Journal
  readonly admission: Admission
  readonly lifecycle: Lifecycle
  readonly pool: WorkerPool
  readonly totals: CounterStore
  readonly estimator: WaitEstimator
  readonly resources: Pick<Resources, 'sleep'>
  readonly log: Logger
}

const PAGE = 5000
/**
 * Takes over from the process before: its waiting tasks in their order, those that it left running, its
 * totals and its samples. Nothing may start meanwhile: the pool is paused.
 *
 * @returns how many tasks were taken over
 */
export async function recover(deps: RecoveryDeps): Promise<number> {
  const { journal, admission, lifecycle, log } = deps
  const { recovery } = journal
  lifecycle.counters.restore(await recovery.totals(), await deps.totals.load())
  await learn(deps)
  const newest = await recovery.newestId()
  if (newest !== null) admission.followId(newest)

  const written: Promise<unknown>[] = []
  let count = 0
  for (let next = recovery.unfinished(null, PAGE); ;) {
    const page = await next
    const last = page.at(-1)
    if (last === undefined) break
    // The next page is read while this one is taken over.
    next = recovery.unfinished(last.id, PAGE)
    for (const task of page) {
      lifecycle.recorder.restore(task)
      admission.restore(task)
      if (isAtRest(task)) written.push(...restore(deps, task))
      else written.push(...(await requeue(deps, task)))
    }
    count += page.length
  }
  await Promise.all(written)
  if (count > 0) log.info({ tasks: count, interrupted: written.length }, 'tasks recovered')
  warnOfUnknownTypes(deps)
  return count
}

/** Run times, waits and arrivals of the newest tasks. */
async function learn({ journal, lifecycle, estimator }: RecoveryDeps): Promise<void> {
  for (const past of await journal.recovery.durations(SAMPLE_COUNT)) {
    lifecycle.transitions.waitSamples.add(past.waitMs)
    lifecycle.transitions.runSamples.add(past.runMs)
    estimator.learn(past)
    estimator.arrivals.add(past.priority, past.type, past.createdAt)
  }
}

function isAtRest({ status }: Task): boolean {
  return status === 'queued' || status === 'waiting' || status === 'scheduled'
}

/** Puts a task that waited or slept where it was. */
function restore({ lifecycle, pool, resources, log }: RecoveryDeps, task: Task): Promise<unknown>[] {
  const { id: taskId, waitResource, priority } = task
  pool.restore(toTicket(task))
  if (waitResource === null || resources.sleep(waitResource, taskId, priority)) return []
  log.warn({ taskId, resource: waitResource }, 'task waits for an undeclared resource')
  // It starts again, and finds out.
  return [lifecycle.transitions.requeue(taskId)]
}

/**
 * What was running when the process ended runs again first, unless it seems to be the cause. The reply is what
 * is being written of it.
 */
async function requeue(
  { journal, lifecycle, pool, log }: RecoveryDeps,
  task: Task,
): Promise<Promise<unknown>[]> {
  const { outcome, also } = toInterruption(task, await journal.recovery.stepCount(task.id))
  const { id: taskId, type } = task
  if (outcome.kind !== 'cancelled') {
    log.warn({ taskId, type, strikes: also.strikes }, 'task interrupted by the end of the process')
  }
  if (outcome.kind === 'interrupted') pool.restoreFirst(toTicket({ ...task, ...also }))
  return [lifecycle.transitions.end(task, outcome, also)]
}

/** Their tasks wait: the module that defines them may be back at the next start. */
function warnOfUnknownTypes({ admission, pool, log }: RecoveryDeps): void {
  const unknown = new Set<string>()
  for (const { type } of pool.waitingInOrder()) if (!admission.knows(type)) unknown.add(type)
  if (unknown.size > 0) log.warn({ types: [...unknown] }, 'task types missing: their tasks wait')
}
