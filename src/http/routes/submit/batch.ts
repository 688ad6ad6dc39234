import type { FastifyRequest } from 'fastify'
import type { App, QueueServices, SubmitRules } from '../../deps.ts'
import { problemBody, sendProblem } from '../../problem/problem.ts'
import { batchReply } from '../../schemas/queue-responses.ts'
import { batchBody, noQuery } from '../../schemas/requests.ts'
import { json, type RouteDescription } from '../../openapi/operation.ts'
import { REFUSALS } from './describe-submit.ts'
import { readSubmission, type ParsedSubmit } from './read-submission.ts'
import { answerTo, type SubmitResponse } from './submit-reply.ts'

/** What is needed of the server. */
type Deps = Pick<QueueServices, 'admission'> & { readonly rules: SubmitRules }

const ONE = { type: 'summarize', input: { text: 'A gate holds the water back.' } }
const BATCH: RouteDescription = {
  id: 'submitBatch',
  tag: 'submit',
  summary: 'Submit up to 100 tasks at once: all of them, or as many as there is room for',
  bodyExample: { admission: 'all', tasks: [ONE] },
  replies: () => {
    const none = { admission: 'partial', accepted: 0, refused: 0, tasks: [] }
    return {
      200: json('None was accepted.', batchReply, none),
      202: json('Some were accepted.', batchReply, { ...none, admission: 'all', accepted: 1 }),
    }
  },
  problems: [...REFUSALS, 'malformed-json', 'unsafe-url', 'unknown-task-type'],
}

/** `POST /api/tasks/batch`: several tasks at once, all of them or as many as there is room for. */
export function batchRoute(app: App, deps: Deps): void {
  const schema = { body: batchBody, querystring: noQuery, response: { 200: batchReply, 202: batchReply } }
  const route = { schema, config: { openapi: BATCH }, bodyLimit: deps.rules.maxBodyBytes }
  app.post('/api/tasks/batch', route, async (request, reply) => {
    const { tasks, admission } = request.body
    const reads = tasks.map((body) => readSubmission(deps.rules, request, { key: null, body }))
    const submit = admission === 'all' ? submitAll : submitEach
    const answers = await submit(deps, request, reads)
    if (!Array.isArray(answers)) {
      const { code, options } = answers
      return sendProblem(reply, code, options)
    }
    const accepted = answers.filter(({ status }) => status < 300).length
    const views = answers.map(({ status, body }) => ({ status_code: status, reply: body }))
    const body = { admission, accepted, refused: answers.length - accepted, tasks: views }
    return reply.code(accepted > 0 ? 202 : 200).send(body)
  })
}

type Refused = Extract<SubmitResponse, { kind: 'problem' }>

function submitEach(
  deps: Deps,
  request: FastifyRequest,
  reads: readonly ParsedSubmit[],
): Promise<SubmitResponse[]> {
  return Promise.all(reads.map((read) => submitOne(deps, request, read)))
}

async function submitOne(deps: Deps, request: FastifyRequest, read: ParsedSubmit): Promise<SubmitResponse> {
  if ('problem' in read) {
    const { code, options } = read.problem
    const body = problemBody(code, options)
    return { kind: 'problem', status: body.status, body, code, options }
  }
  return answerTo(deps, request, await deps.admission.submit(read.submission))
}

/** Every place is taken before the first task is admitted; the first objection refuses them all. */
async function submitAll(
  deps: Deps,
  request: FastifyRequest,
  reads: readonly ParsedSubmit[],
): Promise<SubmitResponse[] | Refused> {
  const { admission } = deps
  for (const [index, read] of reads.entries()) {
    const known = 'problem' in read ? undefined : admission.check(read.submission)
    const wrong =
      'problem' in read ? await submitOne(deps, request, read) : known && answerTo(deps, request, known)
    if (wrong?.kind === 'problem') return at(index, wrong)
  }
  const submissions = reads.flatMap((read) => ('submission' in read ? [read.submission] : []))
  const replies = await admission.submitAll(submissions)
  return 'kind' in replies
    ? (answerTo(deps, request, replies) as Refused)
    : replies.map((reply) => answerTo(deps, request, reply))
}

/** The same problem, with the place of the task in the request. */
function at(index: number, { code, options, ...rest }: Refused): Refused {
  const named = { ...options, detail: `tasks.${index}: ${options.detail}` }
  return { ...rest, code, options: named, body: problemBody(code, named) }
}
