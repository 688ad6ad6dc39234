import type { FastifyReply, FastifyRequest } from 'fastify'
import { HeadgateError } from '../../../task/errors.ts'
import { accessOf } from '../../gate/access.ts'
import type { App, HttpDeps } from '../../deps.ts'
import { sendProblem } from '../../problem/problem.ts'
import { json, type RouteDescription } from '../../openapi/operation.ts'
import { controlReply } from '../../schemas/queue-responses.ts'
import { configBody, noQuery, scopeBody } from '../../schemas/requests.ts'

/** What is needed of the server. */
type Deps = Pick<HttpDeps, 'admission' | 'pool' | 'resources' | 'controls'>

const control = (id: string, summary: string, bodyExample?: unknown): RouteDescription => ({
  id,
  tag: 'queue',
  summary,
  bodyExample,
  replies: ({ controls }) => ({ 200: json('The resulting state.', controlReply, controls) }),
  problems: ['validation', 'malformed-json', 'payload-too-large', 'journal-unavailable'],
})
const PAUSE = control('pauseQueue', 'Take, or start, no more tasks', { scope: 'processing' })
const RESUME = control('resumeQueue', 'End a pause or a drain', { scope: 'processing' })
const DRAIN = control('drainQueue', 'Take no more, and work until nothing is left')
const CONFIGURE = control('configureQueue', 'New bounds, at once and for good', { max_workers: 5 })

/** Operator controls: pause, resume, drain, and live limits. Each answers with the resulting state. */
export function operateRoutes(app: App, deps: Deps): void {
  const { controls } = deps
  const schema = { querystring: noQuery, response: { 200: controlReply } }

  const scoped = { ...schema, body: scopeBody }
  const pause = { schema: scoped, config: { openapi: PAUSE } }
  app.post('/api/queue/pause', pause, async (request, reply) =>
    turn(deps, { request, reply }, (by) => controls.pause(request.body.scope, by)),
  )
  const resume = { schema: scoped, config: { openapi: RESUME } }
  app.post('/api/queue/resume', resume, async (request, reply) =>
    turn(deps, { request, reply }, (by) => controls.resume(request.body.scope, by)),
  )
  const drain = { schema, config: { gate: { hasOptionalBody: true }, openapi: DRAIN } }
  app.post('/api/queue/drain', drain, async (request, reply) =>
    turn(deps, { request, reply }, (by) => controls.drain(by)),
  )
  const configure = { schema: { ...schema, body: configBody }, config: { openapi: CONFIGURE } }
  app.patch('/api/queue/config', configure, async (request, reply) => {
    const { max_workers: maxWorkers, max_queue_size: maxQueueSize, resources } = request.body
    const bounds = {
      ...(maxWorkers === undefined ? {} : { maxWorkers }),
      ...(maxQueueSize === undefined ? {} : { maxQueueSize }),
      ...(resources === undefined ? {} : { resources }),
    }
    return turn(deps, { request, reply }, async (by) => controls.configure(bounds, by))
  })
}

async function turn(
  deps: Deps,
  { request, reply }: { readonly request: FastifyRequest; readonly reply: FastifyReply },
  change: (by: string) => Promise<void>,
): Promise<FastifyReply> {
  const { caller } = accessOf(request)
  if (caller.role !== 'operator') {
    return sendProblem(reply, 'forbidden', { detail: 'Only an operator may control the queue.' })
  }
  try {
    await change(caller.name)
  } catch (error) {
    if (error instanceof HeadgateError && error.code === 'validation') {
      return sendProblem(reply, 'validation', { detail: error.message })
    }
    request.log.error({ err: error }, 'operator control not saved')
    const isFull = error instanceof HeadgateError && error.code === 'disk-full'
    const detail = 'It could not be written down, and has not changed.'
    return sendProblem(reply, isFull ? 'disk-full' : 'journal-unavailable', { detail, retryAfter: 5 })
  }
  return reply.send(standing(deps))
}

function standing({ pool, admission, controls, resources }: Deps) {
  return {
    max_workers: pool.slots,
    max_queue_size: pool.capacity,
    resources: Object.fromEntries(resources.view().map(({ name, limits }) => [name, limits])),
    paused: [...controls.paused],
    draining: admission.isDraining,
  }
}
