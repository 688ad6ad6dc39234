import { sample } from 'openapi-sampler'
import { z } from 'zod'
import type { TaskType, UploadPolicy } from '../../../handler/define-task.ts'
import type { Examples } from '../../openapi/examples.ts'
import { json, type RouteDescription } from '../../openapi/operation.ts'
import type { ProblemCode } from '../../problem/problem.ts'
import { submitHeaders } from '../../schemas/requests.ts'
import { submitReply, taskWithResult } from '../../schemas/responses.ts'

/** What every submit may be refused with. */
export const REFUSALS: readonly ProblemCode[] = [
  'validation',
  'invalid-priority',
  'payload-too-large',
  'queue-full',
  'user-queue-full',
  'intake-paused',
  'draining',
  'journal-unavailable',
  'disk-full',
  'idempotency-mismatch',
  'task-gone',
]
const ACCEPTED_HEADERS = {
  location: { description: 'The task.', schema: { type: 'string' as const } },
  'retry-after': {
    description: 'Seconds until a first look makes sense.',
    schema: { type: 'integer' as const },
  },
  'idempotency-replayed': {
    description: '`true`: this request was sent before, and its task is the one of then.',
    schema: { type: 'string' as const },
  },
}

const KNOWN =
  'The task is known: the body names it, or the same input was sent before. With `Prefer: wait`, the whole task when it ended in time.'

export function acceptedReply({ submitted }: Examples) {
  return { ...json('Accepted.', submitReply, submitted), headers: ACCEPTED_HEADERS }
}

export function submitReplies(examples: Examples) {
  const known = { ...examples.submitted, status: 'in_progress', deduplicated: true }
  return { 200: json(KNOWN, submitReply, known), 202: acceptedReply(examples) }
}

/** `POST /<type>` of a type that takes JSON. */
export function describeSubmit(type: TaskType): RouteDescription {
  return {
    ...describeType(type),
    summary: `Submit a task of the type ${type.type}`,
    body: {
      'application/json': { schema: withKnownId(inputSchema(type)), examples: named(exampleBodies(type)) },
    },
    problems: [...REFUSALS, 'malformed-json', 'unsafe-url'],
  }
}

/** `POST /<type>` of a type that takes a file. */
export function describeUpload(type: TaskType, { accept }: UploadPolicy): RouteDescription {
  const file = {
    type: 'string',
    contentMediaType: 'application/octet-stream',
    description: `One of ${accept.join(', ')}, as recognised by its content.`,
  }
  const input = inputSchema(type) as { properties?: Record<string, object>; required?: string[] }
  const priority = { type: 'string', description: 'As in the query.', examples: ['NORMAL'] }
  const force = { type: 'string', description: 'As in the query.', examples: ['false'] }
  const schema = {
    type: 'object',
    properties: { ...filledIn(type, { ...input.properties, priority, force }), file },
    required: [...(input.required ?? []), 'file'],
  }
  return {
    ...describeType(type),
    summary: `Submit a file as a task of the type ${type.type}`,
    body: { 'multipart/form-data': { schema } },
    problems: [...REFUSALS, 'malformed-upload', 'idempotency-in-flight'],
  }
}

/** The replies to a submit; a type that describes its result has it in the task that `Prefer: wait` waits for. */
function describeReplies(type: string, output: TaskType['output'], examples: Examples) {
  const replies = submitReplies(examples)
  if (output === undefined) return replies
  const result = z.unknown().meta({ override: outputSchema(output), description: `What ${type} returns.` })
  const known = { ...examples.submitted, status: 'in_progress', deduplicated: true }
  return { ...replies, 200: json(KNOWN, z.union([submitReply, taskWithResult.extend({ result })]), known) }
}

/** The JSON Schema of a result, as it is sent. */
export function outputSchema(output: z.ZodType): Record<string, unknown> {
  const { $schema: _, ...schema } = z.toJSONSchema(output, { io: 'output', unrepresentable: 'any' })
  return schema
}

function describeType({ type, input, output }: TaskType) {
  const { description } = input
  return {
    id: `submit-${type}`,
    tag: 'submit' as const,
    ...(description === undefined ? {} : { description }),
    headers: submitHeaders,
    replies: (examples: Examples) => describeReplies(type, output, examples),
  }
}

/** The fields of a form, each with the value that a page fills in, where the example of the type has one. */
function filledIn(type: TaskType, properties: Readonly<Record<string, object>>) {
  const example = (exampleBodies(type)[0] ?? {}) as Readonly<Record<string, unknown>>
  const fill = ([name, property]: [string, object]): [string, object] => [
    name,
    name in example ? { ...property, examples: [example[name]] } : property,
  ]
  return Object.fromEntries(Object.entries(properties).map(fill))
}

function named(examples: readonly unknown[]) {
  return Object.fromEntries(examples.map((value, index) => [`example ${index + 1}`, { value }]))
}

/** Bodies that the type's own schema accepts: the examples of the schema, or one with nothing but what is required. */
function exampleBodies(type: TaskType): readonly unknown[] {
  // The JSON Schema of an input that is transformed has lost its examples.
  const { examples } = type.input.meta() ?? {}
  if (Array.isArray(examples) && examples.length > 0) return examples
  return [sample(inputSchema(type), { skipNonRequired: true, quiet: true })]
}

/** A body may name a task of before, to connect to it again. */
function withKnownId(schema: { readonly properties?: object }): object {
  if (schema.properties === undefined) return schema
  const known = { type: 'string', description: 'A task of before: if it is known, nothing new is made.' }
  return { ...schema, properties: { ...schema.properties, task_id: known } }
}

/** A custom schema may have parts that JSON Schema cannot express; they are left open. */
export function inputSchema({ input }: Pick<TaskType, 'input'>): Record<string, unknown> {
  const { $schema: _, ...schema } = z.toJSONSchema(input, { io: 'input', unrepresentable: 'any' })
  return schema
}
