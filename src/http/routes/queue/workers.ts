import { accessOf } from '../../gate/access.ts'
import type { App, ProcessServices, ProcessView } from '../../deps.ts'
import { json, type RouteDescription } from '../../openapi/operation.ts'
import { sendProblem } from '../../problem/problem.ts'
import { workersReply } from '../../schemas/queue-responses.ts'
import { noQuery } from '../../schemas/requests.ts'

/** What is needed of the server. */
type Deps = Pick<ProcessServices, 'listProcesses'>

const WORKERS: RouteDescription = {
  id: 'listWorkers',
  tag: 'queue',
  summary: 'The processes that take requests and run tasks; for operators only',
  replies: ({ workers }) => ({ 200: json('By their names.', workersReply, workers) }),
  problems: ['validation'],
}

/** `GET /api/queue/workers`: hosts and versions are for operators only. */
export function workersRoute(app: App, { listProcesses }: Deps): void {
  const route = {
    schema: { querystring: noQuery, response: { 200: workersReply } },
    config: { openapi: WORKERS },
  }
  app.get('/api/queue/workers', route, async (request, reply) => {
    if (accessOf(request).caller.role !== 'operator') {
      return sendProblem(reply, 'forbidden', { detail: 'Only an operator sees the workers.' })
    }
    return reply.send({ workers: (await listProcesses()).map(processView) })
  })
}

function processView({ name, kind, host, version, slots, busy, stuck, silentMs }: ProcessView) {
  return { name, role: kind, host, version, slots, busy, stuck, silent_seconds: Math.round(silentMs / 1000) }
}
