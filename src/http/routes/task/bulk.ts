import type { z } from 'zod'
import type { Caller } from '../../../auth/caller.ts'
import type { FastifyRequest } from 'fastify'
import { HeadgateError } from '../../../task/errors.ts'
import { isTerminal } from '../../../task/status.ts'
import type { Task } from '../../../task/task.ts'
import { accessOf, visibleTask, type Access } from '../../gate/access.ts'
import { readRequestTrace } from '../../gate/trace.ts'
import type { App, ProcessServices, QueueServices, StorageServices, SubmitRules } from '../../deps.ts'
import { json, type RouteDescription } from '../../openapi/operation.ts'
import { bulkReply } from '../../schemas/queue-responses.ts'
import { bulkBody, MAX_BULK, noQuery } from '../../schemas/requests.ts'
import { turn } from '../../server/fair-turns.ts'
import { retryTask } from '../submit/retry.ts'
import { eraseTask } from './erase.ts'
import { toTaskQuery } from './filter.ts'

/** What is needed of the server. */
type Deps = Pick<QueueServices, 'admission'> &
  Pick<StorageServices, 'journal' | 'erased' | 'uploadStore'> &
  Pick<SubmitRules, 'registry'> &
  Pick<ProcessServices, 'clock'>

const BULK: RouteDescription = {
  id: 'bulkTasks',
  tag: 'tasks',
  summary: 'Retry, cancel, erase or lift many tasks at once',
  bodyExample: { op: 'retry', filter: { status: ['error'], type: 'summarize' }, dry_run: true },
  replies: ({ bulk }) => ({ 200: json('For how many, and for which not.', bulkReply, bulk) }),
  problems: ['validation', 'malformed-json', 'payload-too-large', 'invalid-priority'],
}

/** Tasks that are worked on at once: their writes share commits. */
const AT_ONCE = 25

type Body = z.output<typeof bulkBody>

/** Why it is not done for one task, by the code of the problem that the single route answers. */
interface BulkRefusal {
  readonly code: string
  readonly message: string
}
type Done = { readonly created?: string } | BulkRefusal

/** `POST /api/tasks/bulk`: one thing for many tasks, each as by its own route. */
export function bulkRoute(app: App, deps: Deps): void {
  const route = { schema: { querystring: noQuery, body: bulkBody }, config: { openapi: BULK } }
  app.post('/api/tasks/bulk', route, async (request) => {
    const { body } = request
    const access = accessOf(request)
    const { ids, hasMore } = await freeze(deps, access, body)
    const operation = { ...body, access, trace: readRequestTrace(request) }
    const results: { readonly id: string; readonly done: Done }[] = []
    for (let from = 0; from < ids.length; from += AT_ONCE) {
      const part = ids.slice(from, from + AT_ONCE)
      const applyTo = (id: string) =>
        apply(deps, id, operation).catch((error: unknown) => toRefusal(request, error))
      const done = await Promise.all(part.map(applyTo))
      results.push(...part.map((id, index) => ({ id, done: done[index] as Done })))
      await turn()
    }
    const reply = toReply(body, results, hasMore)
    const { op, dry_run: isDryRun, matched, done, refused } = reply
    if (!isDryRun) request.log.warn({ by: access.caller.name, op, matched, done, refused }, 'bulk operation')
    return reply
  })
}

/** One task that fails takes nothing from the others. */
function toRefusal({ log }: FastifyRequest, error: unknown): BulkRefusal {
  log.error({ err: error }, 'bulk operation failed for a task')
  const code = error instanceof HeadgateError ? error.code : 'internal'
  return { code, message: `The server failed: ${code}.` }
}

/** The ids that are meant, as they are now: what comes later is not. */
async function freeze({ journal }: Deps, access: Access, { ids, filter }: Body) {
  if (ids !== undefined) return { ids: [...new Set(ids)], hasMore: false }
  const found: string[] = []
  let before: string | null = null
  do {
    const page = await journal.list({
      ...toTaskQuery(access, filter ?? {}),
      limit: Math.min(100, MAX_BULK - found.length),
      ...(before === null ? {} : { before }),
    })
    found.push(...page.tasks.map(({ id }) => id))
    before = page.next
  } while (before !== null && found.length < MAX_BULK)
  return { ids: found, hasMore: before !== null }
}

interface Operation extends Pick<Body, 'op' | 'priority' | 'dry_run'> {
  readonly access: Access
  readonly trace: ReturnType<typeof readRequestTrace>
}

async function apply(deps: Deps, id: string, operation: Operation): Promise<Done> {
  const task = await visibleTask(deps, operation.access, id)
  if (task === undefined) return { code: 'task-not-found', message: 'There is no such task.' }
  const refusal = findRefusal(task, operation, operation.access.caller)
  if (refusal !== null) return refusal
  return operation.dry_run ? {} : execute(deps, task, operation)
}

/** Why the task does not allow it now. */
function findRefusal(task: Task, { op, priority = 0 }: Operation, caller: Caller): BulkRefusal | null {
  const { id, status } = task
  const hasEnded = isTerminal(status)
  const needsEnd = op === 'retry' || op === 'delete'
  if (needsEnd && !hasEnded) return { code: 'task-not-finished', message: `Task ${id} is ${status}.` }
  if (!needsEnd && hasEnded)
    return { code: 'already-finished', message: `Task ${id} has ended as ${status}.` }
  if (op === 'priority' && (status === 'running' || status === 'cancelling')) {
    return { code: 'already-started', message: `Task ${id} is ${status}.` }
  }
  const isTooHigh = op === 'priority' && priority > caller.maxPriority
  return isTooHigh ? { code: 'forbidden', message: 'The level is above the highest of the caller.' } : null
}

async function execute(
  deps: Deps,
  task: Task,
  { op, priority = 0, access, trace }: Operation,
): Promise<Done> {
  switch (op) {
    case 'cancel': {
      const result = await deps.admission.cancel(task.id)
      if (result.kind === 'unwritten')
        return { code: result.code, message: 'It could not be written down yet.' }
      const isOver = result.kind === 'already-finished' || result.kind === 'unknown'
      return isOver ? { code: 'already-finished', message: `Task ${task.id} has ended.` } : {}
    }
    case 'delete':
      await eraseTask(deps, task.id)
      return {}
    case 'priority': {
      const changed = await deps.admission.reprioritise(task.id, priority)
      return changed === undefined ? { code: 'already-started', message: `Task ${task.id} has started.` } : {}
    }
    case 'retry': {
      const result = await retryTask(deps, access.caller, task, { key: null, trace })
      if (result.kind === 'accepted') return { created: result.task.id }
      if (result.kind === 'problem') return { code: result.code, message: result.detail }
      const code = result.kind === 'refused' ? result.code : 'validation'
      return { code, message: `Task ${task.id} was not taken again: ${code}.` }
    }
  }
}

function toReply(
  { op, dry_run }: Body,
  results: readonly { readonly id: string; readonly done: Done }[],
  hasMore: boolean,
): z.output<typeof bulkReply> {
  const refusals = results.flatMap(({ id, done }) =>
    'code' in done
      ? [{ task_id: id, error_type: done.code.replaceAll('-', '_'), message: done.message }]
      : [],
  )
  const created = results.flatMap(({ done }) =>
    'created' in done && done.created !== undefined ? [done.created] : [],
  )
  const task_ids = results.flatMap(({ id, done }) => ('code' in done ? [] : [id]))
  const counts = { matched: results.length, done: task_ids.length, refused: refusals.length }
  return { op, dry_run, ...counts, task_ids, refusals, created, has_more: hasMore }
}
