import type { TaskType } from '../../../handler/define-task.ts'
import { accessOf, visibleTask } from '../../gate/access.ts'
import { readRequestTrace } from '../../gate/trace.ts'
import type { App, SubmitRules } from '../../deps.ts'
import { sendIssues, sendProblem, type Issue } from '../../problem/problem.ts'
import { submitReply } from '../../schemas/responses.ts'
import type { RouteDescription } from '../../openapi/operation.ts'
import { genericBody, noQuery, submitHeaders, submitQuery } from '../../schemas/requests.ts'
import { describeSubmit, REFUSALS, submitReplies } from './describe-submit.ts'
import { readIdempotencyKey } from './idempotency.ts'
import { PLAIN, priorityFor, readSubmission, tooUrgent } from './read-submission.ts'
import { sendReconnected, sendSubmitReply, type SubmitReplyDeps } from './submit-reply.ts'

/** What is needed of the server. */
type Deps = SubmitReplyDeps & Pick<SubmitRules, 'maxBodyBytes'>

const SUBMIT: RouteDescription = {
  id: 'submitTask',
  tag: 'submit',
  summary: 'Submit a task of any type that takes JSON',
  headers: submitHeaders,
  bodyExample: { type: 'summarize', input: { text: 'A gate holds the water back.' }, priority: 'HIGH' },
  replies: submitReplies,
  problems: [...REFUSALS, 'malformed-json', 'unsafe-url', 'unknown-task-type'],
}
const replies = { 200: submitReply, 202: submitReply }

/** `POST /<type>` of one task type that takes JSON. */
export function submitRoute(app: App, deps: Deps, type: TaskType): void {
  const schema = { querystring: submitQuery, response: replies }
  const config = { openapi: describeSubmit(type) }
  app.post(`/${type.type}`, { schema, config, bodyLimit: deps.maxBodyBytes }, async (request, reply) => {
    const { priority: asked, force: isForced, ...queryFields } = request.query
    const { knownId, input: sent } = splitBody(request.body)
    const access = accessOf(request)
    const known = knownId === undefined ? undefined : await visibleTask(deps, access, knownId)
    if (known?.type === type.type) return sendReconnected(deps, reply, known)

    const merged = withQuery(sent, queryFields)
    if ('issue' in merged) return sendIssues(reply, 'validation', [merged.issue])
    const { caller } = access
    const priority = priorityFor(caller, asked)
    if (priority === undefined) return sendProblem(reply, 'forbidden', tooUrgent(caller).options)
    const key = readIdempotencyKey(request, reply)
    if (key === undefined) return reply
    const { input } = merged
    const own = { type: type.type, input, priority, caller: caller.name, key, isForced }
    const submission = { ...PLAIN, ...own, trace: readRequestTrace(request) }
    return sendSubmitReply(deps, reply, await deps.admission.submit(submission))
  })
}

/** `POST /api/tasks`: any type that takes JSON. */
export function genericSubmitRoute(app: App, deps: SubmitReplyDeps & { readonly rules: SubmitRules }): void {
  const { rules } = deps
  const schema = { body: genericBody, querystring: noQuery, response: replies }
  const route = { schema, config: { openapi: SUBMIT }, bodyLimit: rules.maxBodyBytes }
  app.post('/api/tasks', route, async (request, reply) => {
    const key = readIdempotencyKey(request, reply)
    if (key === undefined) return reply
    const read = readSubmission(rules, request, { key, body: request.body })
    if ('problem' in read) return sendProblem(reply, read.problem.code, read.problem.options)
    return sendSubmitReply(deps, reply, await deps.admission.submit(read.submission))
  })
}

/** `POST /<type>` of a task type whose packages are not installed. */
export function unavailableRoute(app: App, type: string, detail: string): void {
  app.post(
    `/${type}`,
    { onRequest: (_request, reply) => void sendProblem(reply, 'packages-missing', { detail }) },
    () => null,
  )
}

/** Legacy shape: a client may name one of its tasks in the body, to connect to it again. */
function splitBody(body: unknown): { readonly knownId?: string; readonly input: unknown } {
  if (typeof body !== 'object' || body === null || !('task_id' in body)) return { input: body }
  const { task_id: knownId, ...input } = body
  return typeof knownId === 'string' ? { knownId, input } : { input: body }
}

/** The input with the fields of the query; a field in both is refused, since it is unclear which one is meant. */
function withQuery(
  body: unknown,
  query: Readonly<Record<string, string>>,
): { readonly input: unknown } | { readonly issue: Issue } {
  const [first, ...names] = Object.keys(query)
  if (first === undefined) return { input: body }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return { issue: { path: first, message: 'there is no such parameter' } }
  }
  const twice = [first, ...names].find((name) => Object.hasOwn(body, name))
  if (twice !== undefined) return { issue: { path: twice, message: 'given in the query and in the body' } }
  return { input: { ...query, ...body } }
}
