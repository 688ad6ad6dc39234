import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { sendProblem } from './problem.ts'

export const NO_SUCH_ROUTE = 'There is no such route; /openapi.json lists those that there are.'

/** Answers what no route handles: 405 with the methods of that path, or 404 where there is no such path. */
export type AnswerUnknown = (request: FastifyRequest, reply: FastifyReply) => FastifyReply

/** Makes the answer to unknown routes; it learns of every route that is made after it. */
export function answerUnknownRoutes(app: FastifyInstance): AnswerUnknown {
  const routes: { readonly pattern: RegExp; readonly methods: readonly string[] }[] = []
  app.addHook('onRoute', ({ url, method }) => {
    const pattern = new RegExp(`^${url.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/:\w+/g, '[^/]+')}$`)
    routes.push({ pattern, methods: [method].flat() })
  })
  const answer: AnswerUnknown = (request, reply) => {
    const path = request.url.split('?', 1)[0] ?? ''
    const methods = new Set(
      routes.filter(({ pattern }) => pattern.test(path)).flatMap((route) => route.methods),
    )
    if (methods.size === 0) return sendProblem(reply, 'not-found', { detail: NO_SUCH_ROUTE })
    const allowed = [...methods].sort().join(', ')
    reply.header('allow', allowed)
    return sendProblem(reply, 'method-not-allowed', { detail: `This route takes ${allowed}.` })
  }
  app.setNotFoundHandler(answer)
  return answer
}
