import type { z } from 'zod'
import { ERROR_CODES } from '../../task/errors.ts'
import { problemBody, PROBLEM_STATUS, type ProblemCode } from '../problem/problem.ts'
import { problemReply } from '../schemas/responses.ts'
import type { Examples } from './examples.ts'

type Tag = 'submit' | 'tasks' | 'session' | 'streams' | 'queue' | 'health' | 'description'

/** What a route says of itself, in `config.openapi`; its parameters, its query and its body are those of its schema. */
export interface RouteDescription {
  /** `operationId`. */
  readonly id: string
  readonly tag: Tag
  readonly summary: string
  readonly description?: string
  /** Headers that it reads. */
  readonly headers?: z.ZodObject
  /** Parameters and query where it reads them itself. */
  readonly params?: z.ZodObject
  readonly query?: z.ZodObject
  /** An example of its body. */
  readonly bodyExample?: unknown
  /** The body where it reads it itself: by media type. */
  readonly body?: Readonly<Record<string, object>>
  /** Replies by status; problems aside. */
  readonly replies: (examples: Examples) => Readonly<Record<string, object>>
  /** Beside those that every route may answer. */
  readonly problems?: readonly ProblemCode[]
}

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly openapi?: RouteDescription
  }
}

/** What the gate may answer before a route is reached. */
const AT_THE_GATE: readonly ProblemCode[] = [
  'bad-request',
  'unauthorized',
  'forbidden',
  'cross-site',
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

/** What every action on a task may answer. */
export const ACTION_PROBLEMS = [
  'validation',
  'task-not-found',
  'task-gone',
  'malformed-json',
  'payload-too-large',
] as const

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

/** Operations that answer the same refer to one description: without that, most of the document is repetition. */
const described = new Map<string, ReturnType<typeof createDescription>>()

function describeProblems(codes: readonly ProblemCode[]) {
  const id = codes.map(toName).join('Or')
  const known = described.get(id) ?? createDescription(id, codes)
  described.set(id, known)
  return known
}

function toName(code: ProblemCode): string {
  return code.replace(/(^|-)([a-z])/g, (_all, _dash, letter: string) => letter.toUpperCase())
}

function createDescription(id: string, codes: readonly ProblemCode[]) {
  const examples = Object.fromEntries(codes.map((code) => [code, { value: createExample(code) }]))
  const isWaiting = codes.some((code) => [429, 503].includes(PROBLEM_STATUS[code]))
  return {
    id,
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
