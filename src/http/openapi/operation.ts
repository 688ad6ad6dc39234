import { ERROR_CODES } from '../../task/errors.ts'
import { problemBody, PROBLEM_STATUS, type ProblemCode } from '../problem/problem.ts'
import { problemReply } from '../schemas/responses.ts'

/** What the gate may answer before a route is reached. */
const AT_THE_GATE: readonly ProblemCode[] = [
  'bad-request',
  'unauthorized',
  'forbidden',
  'request-timeout',
  'unsupported-media-type',
  'headers-too-large',
  'rate-limited',
  'internal',
]
/** What even a public route may answer. */
const EVERYWHERE: readonly ProblemCode[] = [
  'bad-request',
  'unsupported-media-type',
  'headers-too-large',
  'internal',
]

const RETRY_AFTER = {
  'retry-after': { description: 'Seconds.', schema: { type: 'integer' as const, minimum: 1 } },
}

/** The problems of a route, by status, each code with an example. */
function describeProblemCodes(codes: readonly ProblemCode[]) {
  const byStatus = Map.groupBy(new Set(codes), (code) => PROBLEM_STATUS[code])
  const entries = [...byStatus]
    .sort(([a], [b]) => a - b)
    .map(([status, group]) => [`${status}`, describeProblems(group)])
  return Object.fromEntries(entries) as Record<`${number}`, ReturnType<typeof describeProblems>>
}

export const gatedProblems = (...codes: readonly ProblemCode[]) =>
  describeProblemCodes([...AT_THE_GATE, ...codes])
export const publicProblems = (...codes: readonly ProblemCode[]) =>
  describeProblemCodes([...EVERYWHERE, ...codes])

function describeProblems(codes: readonly ProblemCode[]) {
  const examples = Object.fromEntries(codes.map((code) => [code, { value: createExample(code) }]))
  const isWaiting = codes.some((code) => [429, 503].includes(PROBLEM_STATUS[code]))
  return {
    description: codes.map((code) => `\`${code}\`: ${ERROR_CODES[code]}.`).join(' '),
    ...(isWaiting ? { headers: RETRY_AFTER } : {}),
    content: { 'application/problem+json': { schema: problemReply, examples } },
  }
}

function createExample(code: ProblemCode) {
  const retryAfter = [429, 503].includes(PROBLEM_STATUS[code]) ? { retryAfter: 85 } : {}
  return problemBody(code, { detail: `${ERROR_CODES[code]}.`, ...retryAfter }, '/summarize')
}

/** A JSON reply with its example. */
export function json<Schema>(description: string, schema: Schema, example: unknown) {
  return { description, content: { 'application/json': { schema, example } } }
}
