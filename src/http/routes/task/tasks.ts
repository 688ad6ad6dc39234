import { isTerminal } from '../../../task/status.ts'
import type { App, StorageServices } from '../../deps.ts'
import { noQuery, taskParams, listQuery, taskQuery, ticketQuery } from '../../schemas/requests.ts'
import { ownTask, sendMissing } from '../../problem/missing-task.ts'
import type { z } from 'zod'
import type { Task } from '../../../task/task.ts'
import { turn } from '../../server/fair-turns.ts'
import type { FastifyRequest } from 'fastify'
import { accessOf, viewOptions } from '../../gate/access.ts'
import { TICKET_READS } from '../../gate/gate.ts'
import { sendText } from '../../schemas/long-text.ts'
import { JSON_TYPE, sendTask, type SendTaskDeps } from './send-task.ts'
import { readTask, type WaitDeps } from './wait.ts'
import { json, type RouteDescription } from '../../openapi/operation.ts'
import { statusReply, taskList, taskWithResult } from '../../schemas/responses.ts'
import { iso, taskView } from '../../schemas/views.ts'
import { toTaskQuery } from './filter.ts'

/** What is needed of the server. */
type Deps = SendTaskDeps & WaitDeps & Pick<StorageServices, 'steps'>

/** Log lines that `/status` repeats (legacy shape). */
const STATUS_LOGS = 10
/** Tasks of a list whose views are one piece of work. */
const TASKS_PER_TURN = 5
/** Tasks of a list that are one piece of its text. */
const TASKS_PER_PIECE = 50
/** They are searched among this many events. */
const NEWEST_EVENTS = 200

const LIST: RouteDescription = {
  id: 'listTasks',
  tag: 'tasks',
  summary: 'The tasks of the caller, newest first',
  replies: (examples) => ({ 200: json('One page.', taskList, examples.list) }),
  problems: ['validation'],
}
const TASK: RouteDescription = {
  id: 'getTask',
  tag: 'tasks',
  summary: 'One task; with wait, when it has ended',
  replies: (examples) => ({ 200: json('The task.', taskWithResult, examples.taskWithResult) }),
  problems: ['validation', 'task-not-found', 'task-gone'],
}
const STATUS: RouteDescription = {
  id: 'getStatus',
  tag: 'tasks',
  summary: 'One task in the legacy shape, kept for compatibility',
  replies: (examples) => ({ 200: json('The task.', statusReply, examples.status) }),
  problems: ['validation', 'task-not-found', 'task-gone'],
}
/** Reading tasks under `/api/tasks`. */
export function readTaskRoutes(app: App, deps: Deps): void {
  const schema = { params: taskParams, querystring: noQuery }

  const listing = { schema: { querystring: listQuery }, config: { openapi: LIST } }
  app.get('/api/tasks', listing, async (request, reply) => {
    const page = await list(deps, request, request.query)
    return sendText(reply.type(JSON_TYPE), page, deps.replyMemory)
  })

  const config = { ...TICKET_READS, openapi: TASK }
  const reading = { schema: { ...schema, querystring: taskQuery }, config }
  app.get('/api/tasks/:id', reading, async (request, reply) => {
    const task = await readTask(deps, request, request.query)
    if (task === undefined) return sendMissing(deps, request, reply)
    return sendTask(reply, task, deps, await included(deps, task, request.query.include))
  })

  const statusConfig = { ...TICKET_READS, openapi: STATUS }
  const statusRoute = { schema: { ...schema, querystring: ticketQuery }, config: statusConfig }
  app.get('/api/tasks/:id/status', statusRoute, async (request, reply) => {
    const task = await ownTask(deps, request)
    return task === undefined
      ? sendMissing(deps, request, reply)
      : reply.send(await statusView(deps, request, task))
  })
}

/** A page as JSON text, in pieces: one long text would be kept until the whole heap is collected. */
async function list(
  deps: Deps,
  request: FastifyRequest,
  { cursor, limit, ...filter }: z.output<typeof listQuery>,
): Promise<readonly string[]> {
  const page = await deps.journal.list({
    limit,
    ...toTaskQuery(accessOf(request), filter),
    ...(cursor === undefined ? {} : { before: cursor }),
  })
  await turn(Math.ceil(page.tasks.length / TASKS_PER_TURN))
  const options = viewOptions(request)
  const views = page.tasks.map((task) =>
    JSON.stringify(taskView(task, deps.admission.placeOf(task), options)),
  )
  const pieces: string[] = []
  for (let start = 0; start < views.length; start += TASKS_PER_PIECE) {
    pieces.push(`${start === 0 ? '' : ','}${views.slice(start, start + TASKS_PER_PIECE).join(',')}`)
  }
  return ['{"tasks":[', ...pieces, `],"next_cursor":${JSON.stringify(page.next)}}`]
}

/** What a request asks for beside the view. */
async function included(
  { journal, steps }: Deps,
  { id }: Task,
  include: z.output<typeof taskQuery>['include'] = [],
) {
  const input = include.includes('input') ? { input: (await journal.task(id))?.input ?? null } : {}
  if (!include.includes('steps')) return input
  const saved = await steps.listSteps(id)
  const views = saved.map(({ name, savedAt }) => ({ name, saved_at: savedAt === null ? null : iso(savedAt) }))
  return { ...input, steps: views }
}

/** The legacy shape, its fields first. */
async function statusView(deps: Deps, request: FastifyRequest, task: Task) {
  const from = Math.max(0, task.lastSeq - NEWEST_EVENTS)
  const events = await deps.journal.eventsAfter(task.id, from, NEWEST_EVENTS)
  const logs = events.flatMap((event) => (event.type === 'log' ? [event.message] : []))
  const { error, message, urls } = taskView(task, null, { ...viewOptions(request), showsCaller: false })
  const place = deps.admission.placeOf(task)
  return {
    task_id: task.id,
    status: task.status,
    progress: task.progress ?? 0,
    logs: logs.slice(-STATUS_LOGS),
    completed: task.status === 'completed',
    failed: isTerminal(task.status) && task.status !== 'completed',
    done: isTerminal(task.status),
    queue_position: place?.queuePosition ?? null,
    message,
    error,
    last_seq: task.lastSeq,
    urls,
  }
}
