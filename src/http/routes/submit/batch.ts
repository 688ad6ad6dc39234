import { accessOf } from '../../gate/access.ts'
import { readRequestTrace } from '../../gate/trace.ts'
import { depsFor, type App, type HttpDeps } from '../../deps.ts'
import { problemBody, sendProblem } from '../../problem/problem.ts'
import { batchReply } from '../../schemas/queue-responses.ts'
import { batchBody, noQuery } from '../../schemas/requests.ts'
import { json, type RouteDescription } from '../../openapi/operation.ts'
import { REFUSALS } from './describe-submit.ts'
import { readSubmission, type ParsedSubmit, type ReadSubmissionDeps } from './read-submission.ts'
import { answerTo, type SubmitResponse, type SubmitReplyDeps } from './submit-reply.ts'

/** What is needed of the server. */
type Deps = SubmitReplyDeps & ReadSubmissionDeps & Pick<HttpDeps, 'prefixOf' | 'maxBodyBytes'>

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
export function batchRoute(app: App, shared: Deps): void {
  const schema = { body: batchBody, querystring: noQuery, response: { 200: batchReply, 202: batchReply } }
  const route = { schema, config: { openapi: BATCH }, bodyLimit: shared.maxBodyBytes }
  app.post('/api/tasks/batch', route, async (request, reply) => {
    const deps = depsFor(shared, request)
    const { tasks, admission } = request.body
    const { caller } = accessOf(request)
    const trace = readRequestTrace(request)
    const reads = tasks.map((body) => readSubmission(deps, { caller, key: null, trace }, body))
    const answers = await (admission === 'all' ? submitAll(deps, reads) : submitEach(deps, reads))
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

function submitEach(deps: Deps, reads: readonly ParsedSubmit[]): Promise<SubmitResponse[]> {
  return Promise.all(reads.map((read) => submitOne(deps, read)))
}

async function submitOne(deps: Deps, read: ParsedSubmit): Promise<SubmitResponse> {
  if ('problem' in read) {
    const { code, options } = read.problem
    const body = problemBody(code, options)
    return { kind: 'problem', status: body.status, body, code, options }
  }
  return answerTo(deps, await deps.admission.submit(read.submission))
}

/** Every place is taken before the first task is admitted; the first objection refuses them all. */
async function submitAll(deps: Deps, reads: readonly ParsedSubmit[]): Promise<SubmitResponse[] | Refused> {
  const { admission } = deps
  for (const [index, read] of reads.entries()) {
    const wrong = 'problem' in read ? await submitOne(deps, read) : findProblem(deps, read.submission)
    if (wrong?.kind === 'problem') return at(index, wrong)
  }
  const submissions = reads.flatMap((read) => ('submission' in read ? [read.submission] : []))
  const replies = await admission.submitAll(submissions)
  return 'kind' in replies
    ? (answerTo(deps, replies) as Refused)
    : replies.map((reply) => answerTo(deps, reply))
}

function findProblem(
  deps: Deps,
  submission: Parameters<HttpDeps['admission']['check']>[0],
): SubmitResponse | undefined {
  const wrong = deps.admission.check(submission)
  return wrong && answerTo(deps, wrong)
}

/** The same problem, with the place of the task in the request. */
function at(index: number, { code, options, ...rest }: Refused): Refused {
  const named = { ...options, detail: `tasks.${index}: ${options.detail}` }
  return { ...rest, code, options: named, body: problemBody(code, named) }
}
