import { accessOf } from '../../gate/access.ts'
import { traceOf } from '../../gate/trace.ts'
import { partsFor, type App, type EdgeParts } from '../../deps.ts'
import { problemBody, sendProblem } from '../../problem/problem.ts'
import { batchReply } from '../../schemas/queue-responses.ts'
import { batchBody, noQuery } from '../../schemas/requests.ts'
import { readSubmission, type Read } from './read-submission.ts'
import { answerTo, type Answer } from './submit-reply.ts'

/** `POST /api/tasks/batch`: several tasks at once, all of them or as many as there is room for. */
export function batchRoute(app: App, shared: EdgeParts): void {
  const schema = { body: batchBody, querystring: noQuery, response: { 200: batchReply, 202: batchReply } }
  app.post('/api/tasks/batch', { schema, bodyLimit: shared.maxBodyBytes }, async (request, reply) => {
    const parts = partsFor(shared, request)
    const { tasks, admission } = request.body
    const { caller } = accessOf(request)
    const trace = traceOf(request)
    const reads = tasks.map((body) => readSubmission(parts, { caller, key: null, trace }, body))
    const answers = await (admission === 'all' ? submitAll(parts, reads) : submitEach(parts, reads))
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

type Refused = Extract<Answer, { kind: 'problem' }>

function submitEach(parts: EdgeParts, reads: readonly Read[]): Promise<Answer[]> {
  return Promise.all(reads.map((read) => submitOne(parts, read)))
}

async function submitOne(parts: EdgeParts, read: Read): Promise<Answer> {
  if ('objection' in read) {
    const { code, options } = read.objection
    const body = problemBody(code, options)
    return { kind: 'problem', status: body.status, body, code, options }
  }
  return answerTo(parts, await parts.intake.submit(read.submission))
}

/** Every place is taken before the first task is admitted; the first objection refuses them all. */
async function submitAll(parts: EdgeParts, reads: readonly Read[]): Promise<Answer[] | Refused> {
  const { intake } = parts
  for (const [index, read] of reads.entries()) {
    const wrong = 'objection' in read ? await submitOne(parts, read) : wrongOf(parts, read.submission)
    if (wrong?.kind === 'problem') return at(index, wrong)
  }
  const submissions = reads.flatMap((read) => ('submission' in read ? [read.submission] : []))
  const places = intake.reserveAll(submissions)
  if ('kind' in places) return answerTo(parts, places) as Refused
  const said = await Promise.all(
    submissions.map((submission, index) => intake.submit(submission, places[index])),
  )
  const refused = said.find(({ kind }) => kind === 'refused')
  if (refused === undefined) return said.map((each) => answerTo(parts, each))
  // The disk failed between two of them: what was admitted goes again.
  for (const each of said) {
    const isJoined = each.kind === 'duplicate' && each.how === 'in_progress'
    if (each.kind === 'accepted' || isJoined) await intake.cancel(each.task.id)
  }
  return answerTo(parts, refused) as Refused
}

function wrongOf(
  parts: EdgeParts,
  submission: Parameters<EdgeParts['intake']['check']>[0],
): Answer | undefined {
  const wrong = parts.intake.check(submission)
  return wrong && answerTo(parts, wrong)
}

/** The same problem, with the place of the task in the request. */
function at(index: number, { code, options, ...rest }: Refused): Refused {
  const named = { ...options, detail: `tasks.${index}: ${options.detail}` }
  return { ...rest, code, options: named, body: problemBody(code, named) }
}
