import { maySee, type Caller } from '../../../auth/caller.ts'
import { priorityName } from '../../../task/priority.ts'
import type { Task } from '../../../task/task.ts'
import { accessOf, type Access } from '../../gate/access.ts'
import type { App, QueueServices, StorageServices, StreamServices } from '../../deps.ts'
import { sendText } from '../../schemas/long-text.ts'
import { json, type RouteDescription } from '../../openapi/operation.ts'
import { queueTasksReply, statsReply } from '../../schemas/queue-responses.ts'
import { noQuery } from '../../schemas/requests.ts'
import { iso } from '../../schemas/views.ts'
import type { Stats } from './stats.ts'

/** What is needed of the server. */
type Deps = Pick<QueueServices, 'lifecycle' | 'pool' | 'freshen'> &
  Pick<StorageServices, 'journal'> &
  Pick<StreamServices, 'replyMemory'> & {
    readonly stats: () => Stats
  }

const STATS: RouteDescription = {
  id: 'getStats',
  tag: 'queue',
  summary: 'Public numbers of the queue',
  replies: ({ stats }) => ({ 200: json('Numbers only.', statsReply, stats) }),
  problems: ['validation'],
}
const TASKS: RouteDescription = {
  id: 'listQueue',
  tag: 'queue',
  summary: 'What runs and what waits; ids and inputs only of the caller’s own',
  replies: ({ queueTasks }) => ({ 200: json('In the order of their turns.', queueTasksReply, queueTasks) }),
  problems: ['validation'],
}

/** Public numbers of the queue: no ids, addresses or names in the stats. */
export function readQueueRoutes(app: App, deps: Deps): void {
  const schema = { querystring: noQuery, response: { 200: statsReply } }
  const config = { gate: { isPublic: true }, openapi: STATS }
  const { stats, freshen } = deps
  const read = freshen === null ? stats : () => freshen().then(stats)
  app.get('/api/queue/stats', { schema, config }, () => read())

  const tasks = { schema: { querystring: noQuery }, config: { openapi: TASKS } }
  app.get('/api/queue/tasks', tasks, async (request, reply) => {
    const view = await queueTasks(deps, accessOf(request))
    return sendText(reply.type('application/json; charset=utf-8'), JSON.stringify(view), deps.replyMemory)
  })
}

/** The legacy shape. The id of a task and its input are shown to its owner only. */
async function queueTasks({ lifecycle, journal, pool }: Deps, { caller }: Access) {
  const running = await journal.list({ statuses: ['running'], limit: Math.max(1, pool.slots + pool.stuck) })
  const processing = running.tasks.map((task) => ({
    ...listedView(task, caller),
    progress: task.progress ?? 0,
  }))
  const queued = [...pool.waitingInOrder()].flatMap(({ id }, index) => {
    const task = lifecycle.live(id)
    return task === undefined ? [] : [{ ...listedView(task, caller), queue_position: index + 1 }]
  })
  return { processing, queued, total_processing: processing.length, total_queued: queued.length }
}

function listedView(task: Task, caller: Caller) {
  const isOwn = maySee(caller, task.caller)
  const { url = null } = ((isOwn ? task.input : null) ?? {}) as { url?: unknown }
  return {
    task_id: isOwn ? task.id : null,
    task_type: task.type,
    priority: priorityName(task.priority),
    status: task.status,
    created_at: iso(task.createdAt),
    url: typeof url === 'string' ? url : null,
    video_id: null,
    doc_hash: isOwn ? (task.upload?.sha256.slice(0, 16) ?? null) : null,
  }
}
