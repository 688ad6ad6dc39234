import type { FastifyReply } from 'fastify'
import type { ResultFormat } from '../../../handler/define-task.ts'
import { isTerminal } from '../../../task/status.ts'
import type { Task } from '../../../task/task.ts'
import { accessOf, visibleTask } from '../../gate/access.ts'
import type { App, EdgeParts } from '../../parts.ts'
import { sendIssues, sendProblem } from '../../problem/problem.ts'
import { sendText } from '../../wire/long-text.ts'
import { resultQuery, taskParams } from '../../wire/schema.ts'
import { taskJson } from '../../wire/wire.ts'
import { attachment } from './attachment.ts'
import { sendMissing } from './missing.ts'

const JSON_TYPE = 'application/json; charset=utf-8'
const JSON_FORMAT = 'json'
/** A file that somebody opens in a browser runs nothing and loads nothing. */
const SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; sandbox"

/** `GET /api/tasks/{id}/result`: what the handler returned, as JSON or as a file that its type makes of it. */
export function resultRoute(app: App, parts: EdgeParts): void {
  const schema = { params: taskParams, querystring: resultQuery }
  app.get('/api/tasks/:id/result', { schema }, async (request, reply) => {
    const task = await visibleTask(parts, accessOf(request), request.params.id)
    if (task === undefined) return sendMissing(parts, request, reply)
    const { format = JSON_FORMAT } = request.query
    const formats = parts.registry.find(task.type)?.formats ?? {}
    const known = [JSON_FORMAT, ...Object.keys(formats)]
    if (!known.includes(format)) {
      return sendIssues(reply, 'validation', [
        { path: 'format', message: `expected one of ${known.join(', ')}` },
      ])
    }
    if (!isTerminal(task.status)) {
      const detail = `Task ${task.id} is ${task.status}; its result comes with its end.`
      return sendProblem(reply, 'task-not-finished', { detail, retryAfter: 1 })
    }
    const writer = Object.hasOwn(formats, format) ? formats[format] : undefined
    if (writer === undefined || task.status !== 'completed') return sendJson(reply, task, parts.prefix)
    return sendFile(reply, writer, task)
  })
}

/** Failure of the work is data: a task without a result says itself why, in JSON, whatever was asked for. */
function sendJson(reply: FastifyReply, task: Task, prefix: string): FastifyReply {
  const text = task.status === 'completed' ? (task.result ?? 'null') : taskJson(task, null, prefix)
  reply.type(JSON_TYPE).header('content-disposition', attachment(`${task.id}.json`))
  return sendText(reply, text)
}

async function sendFile(
  reply: FastifyReply,
  { mediaType, write }: ResultFormat,
  task: Task,
): Promise<FastifyReply> {
  const { filename, text } = await write(JSON.parse(task.result ?? 'null'), task.finishedAt ?? 0)
  reply
    .type(mediaType)
    .header('content-disposition', attachment(filename))
    .header('content-security-policy', SANDBOX)
  return sendText(reply, text)
}
