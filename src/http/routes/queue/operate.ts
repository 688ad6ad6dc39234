import type { FastifyReply, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import { HeadgateError } from '../../../task/errors.ts'
import type { TaskGroup } from '../../../task/task-group.ts'
import { accessOf } from '../../gate/access.ts'
import type { App, QueueServices, SubmitRules } from '../../deps.ts'
import { sendIssues, sendProblem, type Issue } from '../../problem/problem.ts'
import { json, type RouteDescription } from '../../openapi/operation.ts'
import { controlReply } from '../../schemas/queue-responses.ts'
import { configBody, noQuery, scopeBody } from '../../schemas/requests.ts'
import { iso } from '../../schemas/views.ts'

/** What is needed of the server. */
type Deps = Pick<QueueServices, 'admission' | 'resources' | 'controls'> & Pick<SubmitRules, 'registry'>

const control = (id: string, summary: string, bodyExample?: unknown): RouteDescription => ({
  id,
  tag: 'queue',
  summary,
  bodyExample,
  replies: ({ controls }) => ({ 200: json('The resulting state.', controlReply, controls) }),
  problems: ['validation', 'malformed-json', 'payload-too-large', 'journal-unavailable'],
})
const PAUSE = control('pauseQueue', 'Take, or start, no more tasks: all, or of one type or caller', {
  scope: 'processing',
  type: 'summarize',
})
const RESUME = control('resumeQueue', 'End a pause or a drain', { scope: 'processing' })
const READ: RouteDescription = {
  id: 'getQueueConfig',
  tag: 'queue',
  summary: 'The controls as they are, and who changed them',
  replies: ({ controls }) => ({ 200: json('The state.', controlReply, controls) }),
  problems: ['validation'],
}
const DRAIN = control('drainQueue', 'Take no more, and work until nothing is left')
const CONFIGURE = control('configureQueue', 'New bounds, at once and for good', { max_workers: 5 })

/** Operator controls: pause, resume, drain, and live limits. Each answers with the resulting state. */
export function operateRoutes(app: App, deps: Deps): void {
  const { controls } = deps
  const schema = { querystring: noQuery, response: { 200: controlReply } }

  const scoped = { ...schema, body: scopeBody }
  const pause = { schema: scoped, config: { openapi: PAUSE } }
  app.post('/api/queue/pause', pause, async (request, reply) =>
    change(deps, { request, reply }, async (by) => {
      return controls.pause(request.body.scope, by, readGroup(deps, request.body))
    }),
  )
  const resume = { schema: scoped, config: { openapi: RESUME } }
  app.post('/api/queue/resume', resume, async (request, reply) =>
    change(deps, { request, reply }, async (by) => {
      return controls.resume(request.body.scope, by, readGroup(deps, request.body))
    }),
  )
  const drain = { schema, config: { gate: { hasOptionalBody: true }, openapi: DRAIN } }
  app.post('/api/queue/drain', drain, async (request, reply) =>
    change(deps, { request, reply }, (by) => controls.drain(by)),
  )
  const read = { schema, config: { openapi: READ } }
  app.get('/api/queue/config', read, async (request, reply) =>
    accessOf(request).caller.role === 'operator' ? reply.send(standing(deps)) : sendForbidden(reply),
  )
  const configure = { schema: { ...schema, body: configBody }, config: { openapi: CONFIGURE } }
  app.patch('/api/queue/config', configure, async (request, reply) => {
    const { max_workers: maxWorkers, max_queue_size: maxQueueSize, resources } = request.body
    const bounds = {
      ...(maxWorkers === undefined ? {} : { maxWorkers }),
      ...(maxQueueSize === undefined ? {} : { maxQueueSize }),
      ...(resources === undefined ? {} : { resources }),
    }
    return change(deps, { request, reply }, async (by) => controls.configure(bounds, by))
  })
}

async function change(
  deps: Deps,
  { request, reply }: { readonly request: FastifyRequest; readonly reply: FastifyReply },
  make: (by: string) => Promise<void>,
): Promise<FastifyReply> {
  const { caller } = accessOf(request)
  if (caller.role !== 'operator') return sendForbidden(reply)
  try {
    await make(caller.name)
  } catch (error) {
    if (error instanceof HeadgateError && error.code === 'validation') {
      return sendIssues(reply, 'validation', [toIssue(error.message)])
    }
    request.log.error({ err: error }, 'operator control not saved')
    const isFull = error instanceof HeadgateError && error.code === 'disk-full'
    const detail = 'It could not be written down, and has not changed.'
    return sendProblem(reply, isFull ? 'disk-full' : 'journal-unavailable', { detail, retryAfter: 5 })
  }
  return reply.send(standing(deps))
}

/** What was asked for and cannot be: `resources.llm: expected …`. */
function toIssue(text: string): Issue {
  const [path = '', ...rest] = text.split(': ')
  return { path, message: rest.join(': ') }
}

function sendForbidden(reply: FastifyReply): FastifyReply {
  return sendProblem(reply, 'forbidden', { detail: 'Only an operator may control the queue.' })
}

/** Null: all tasks are meant. */
function readGroup({ registry }: Deps, { type, caller }: z.output<typeof scopeBody>): TaskGroup | null {
  if (type !== undefined && registry.find(type) === undefined) {
    throw new HeadgateError('validation', 'type: there is no such task type')
  }
  return type === undefined && caller === undefined ? null : { type: type ?? null, caller: caller ?? null }
}

function standing({ admission, controls, resources }: Deps) {
  return {
    max_workers: controls.bounds.slots,
    max_queue_size: controls.bounds.capacity,
    resources: Object.fromEntries(resources.view().map(({ name, limits }) => [name, limits])),
    paused: [...controls.paused],
    paused_groups: controls.pausedGroups.map(({ scope, type, caller, by, at }) => {
      return { scope, type, caller, by, at: iso(at) }
    }),
    draining: admission.intake.isDraining,
    changed: controls.changed.map((each) => ({ ...each, at: each.at === 0 ? null : iso(each.at) })),
  }
}
