import type { FastifyReply } from 'fastify'
import type { ResultFormat } from '../../../handler/define-task.ts'
import { isTerminal } from '../../../task/status.ts'
import type { Task } from '../../../task/task.ts'
import { viewOptions } from '../../gate/access.ts'
import { TICKET_READS } from '../../gate/gate.ts'
import type { App, StreamServices, SubmitRules } from '../../deps.ts'
import { sendIssues, sendProblem } from '../../problem/problem.ts'
import { json, type RouteDescription } from '../../openapi/operation.ts'
import { sendBusy, sendBytes, sendText } from '../../schemas/long-text.ts'
import { JSON_TYPE, toResultSource } from './send-task.ts'
import { readTask, type WaitDeps } from './wait.ts'
import { resultQuery, taskParams } from '../../schemas/requests.ts'
import { taskJson } from '../../schemas/views.ts'
import { sendMissing } from '../../problem/missing-task.ts'

/** What is needed of the server. */
type Deps = WaitDeps & Pick<StreamServices, 'replyMemory'> & Pick<SubmitRules, 'registry'>

const JSON_FORMAT = 'json'
/** A file that somebody opens in a browser runs nothing and loads nothing. */
const SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; sandbox"

const TEXT = { schema: { type: 'string' } }
const RESULT: RouteDescription = {
  id: 'getResult',
  tag: 'tasks',
  summary: 'What the handler returned, or a file of it; of a task that failed, the task itself',
  replies: () => {
    const result = json('The result.', {}, { words: 3 })
    // Reports can be had as files too.
    return { 200: { ...result, content: { ...result.content, 'text/markdown': TEXT, 'text/html': TEXT } } }
  },
  problems: ['validation', 'task-not-found', 'task-gone', 'task-not-finished', 'responses-busy'],
}

/** `GET /api/tasks/{id}/result`: what the handler returned, as JSON or as a file that its type makes of it. */
export function resultRoute(app: App, deps: Deps): void {
  const schema = { params: taskParams, querystring: resultQuery }
  app.get(
    '/api/tasks/:id/result',
    { schema, config: { ...TICKET_READS, openapi: RESULT } },
    async (request, reply) => {
      const task = await readTask(deps, request, request.query)
      if (task === undefined) return sendMissing(deps, request, reply)
      const { format = JSON_FORMAT } = request.query
      const formats = deps.registry.find(task.type)?.formats ?? {}
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
      if (task.status !== 'completed') return sendFailure(reply, task, deps)
      return writer === undefined
        ? sendJson(reply, task, deps)
        : sendFile(reply, { ...writer, format }, { task, deps })
    },
  )
}

/** Failure of the work is data: a task without a result answers the reason in JSON, whatever format was requested. */
function sendFailure(reply: FastifyReply, task: Task, deps: Deps): FastifyReply {
  const options = viewOptions(reply.request)
  reply.type(JSON_TYPE).header('content-disposition', attachment(`${task.id}.json`))
  return sendText(reply, taskJson(task, null, options), deps.replyMemory)
}

async function sendJson(reply: FastifyReply, task: Task, deps: Deps): Promise<FastifyReply> {
  const shared = await deps.replyMemory.share(task.id, toResultSource(deps, task))
  if (shared === null) return sendBusy(reply)
  reply.type(JSON_TYPE).header('content-disposition', attachment(`${task.id}.json`))
  return sendBytes(reply, [shared.loaded.bytes], shared.release)
}

interface NamedFormat extends ResultFormat {
  readonly format: string
}

async function sendFile(
  reply: FastifyReply,
  { mediaType, write, format }: NamedFormat,
  { task, deps }: { readonly task: Task; readonly deps: Deps },
): Promise<FastifyReply> {
  const source = toResultSource(deps, task)
  const load = async () => {
    const { bytes } = await source.load()
    const result: unknown = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString())
    const { filename, text } = await write(result, task.finishedAt ?? 0)
    return { filename, bytes: Buffer.from(text) }
  }
  // A file is about as long as the result that it shows.
  const shared = await deps.replyMemory.share(`${task.id} ${format}`, { bytes: source.bytes, load })
  if (shared === null) return sendBusy(reply)
  reply
    .type(mediaType)
    .header('content-disposition', attachment(shared.loaded.filename))
    .header('content-security-policy', SANDBOX)
  return sendBytes(reply, [shared.loaded.bytes], shared.release)
}

/** Characters that may be between quotes in a header; everything else is encoded by RFC 8187. */
const NOT_PLAIN = /[^\w.\- ]+/g

/**
 * Content-Disposition of a file to be saved: a plain name for old clients, the whole one as RFC 8187 writes it.
 *
 * @example attachment('报告-1.md') // attachment; filename="_-1.md"; filename*=UTF-8''%E6%8A%A5%E5%91%8A-1.md
 */
function attachment(filename: string): string {
  const plain = filename.replace(NOT_PLAIN, '_')
  const whole = encodeURIComponent(filename.toWellFormed()).replace(/['()*]/g, (sign) => {
    return `%${sign.charCodeAt(0).toString(16).toUpperCase()}`
  })
  const extended = plain === filename ? '' : `; filename*=UTF-8''${whole}`
  return `attachment; filename="${plain}"${extended}`
}
