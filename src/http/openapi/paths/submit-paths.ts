import { sample } from 'openapi-sampler'
import { z } from 'zod'
import type { ZodOpenApiPathsObject } from 'zod-openapi'
import type { TaskType } from '../../../handler/define-task.ts'
import type { ProblemCode } from '../../problem/problem.ts'
import { batchReply } from '../../schemas/queue-responses.ts'
import { submitReply } from '../../schemas/responses.ts'
import { batchBody, genericBody, submitHeaders, submitQuery, taskParams } from '../../schemas/requests.ts'
import type { Examples } from '../examples.ts'
import { gatedProblems, json } from '../operation.ts'

const REFUSALS: readonly ProblemCode[] = [
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

/** `POST /<type>` for every task type, and `POST /api/tasks` for all. */
export function submitPaths(types: readonly TaskType[], examples: Examples): ZodOpenApiPathsObject {
  const accepted = { ...json('Accepted.', submitReply, examples.submitted), headers: ACCEPTED_HEADERS }
  const known = json(
    'The task is known: the body names it, or the same input was sent before. With `Prefer: wait`, the whole task when it ended in time.',
    submitReply,
    {
      ...examples.submitted,
      status: 'in_progress',
      deduplicated: true,
    },
  )
  const own = types.map((type) => [
    `/${type.type}`,
    {
      post:
        type.upload === undefined
          ? jsonRoute(type, { accepted, known })
          : uploadRoute(type, { accepted, known }),
    },
  ])
  return {
    ...(Object.fromEntries(own) as ZodOpenApiPathsObject),
    '/api/tasks': { post: genericRoute({ accepted, known }) },
    '/api/tasks/batch': { post: BATCH },
    '/api/tasks/{id}/retry': { post: retryOf(accepted) },
  }
}

const BATCH = {
  operationId: 'submitBatch',
  tags: ['submit'],
  summary: 'Submit up to 100 tasks at once: all of them, or as many as there is room for',
  requestBody: {
    required: true,
    content: {
      'application/json': {
        schema: batchBody,
        example: {
          admission: 'all',
          tasks: [{ type: 'summarize', input: { text: 'A gate holds the water back.' } }],
        },
      },
    },
  },
  responses: {
    200: json('None was accepted.', batchReply, { admission: 'partial', accepted: 0, refused: 0, tasks: [] }),
    202: json('Some were accepted.', batchReply, { admission: 'all', accepted: 1, refused: 0, tasks: [] }),
    ...gatedProblems(...REFUSALS, 'malformed-json', 'unsafe-url', 'unknown-task-type'),
  },
}

const retryOf = (accepted: object) => ({
  operationId: 'retryTask',
  tags: ['submit'],
  summary: 'Do the work of a task that has ended once more, as a new task',
  requestParams: { path: taskParams, header: submitHeaders },
  responses: {
    202: accepted as ReturnType<typeof json>,
    ...gatedProblems(
      ...REFUSALS,
      'task-not-found',
      'task-not-finished',
      'malformed-json',
      'unknown-task-type',
    ),
  },
})

interface Replies {
  readonly accepted: object
  readonly known: object
}

function jsonRoute(type: TaskType, replies: Replies) {
  return {
    operationId: `submit-${type.type}`,
    tags: ['submit'],
    summary: `Submit a task of the type ${type.type}`,
    ...describeType(type),
    requestParams: { query: submitQuery, header: submitHeaders },
    requestBody: {
      required: true,
      content: {
        'application/json': { schema: withKnownId(inputSchema(type)), examples: named(exampleBodies(type)) },
      },
    },
    responses: {
      200: replies.known as ReturnType<typeof json>,
      202: replies.accepted as ReturnType<typeof json>,
      ...gatedProblems(...REFUSALS, 'malformed-json', 'unsafe-url'),
    },
  }
}

function genericRoute(replies: Replies) {
  return {
    operationId: 'submitTask',
    tags: ['submit'],
    summary: 'Submit a task of any type that takes JSON',
    requestParams: { header: submitHeaders },
    requestBody: {
      required: true,
      content: {
        'application/json': {
          schema: genericBody,
          example: { type: 'summarize', input: { text: 'A gate holds the water back.' }, priority: 'HIGH' },
        },
      },
    },
    responses: {
      200: replies.known as ReturnType<typeof json>,
      202: replies.accepted as ReturnType<typeof json>,
      ...gatedProblems(...REFUSALS, 'malformed-json', 'unsafe-url', 'unknown-task-type'),
    },
  }
}

function uploadRoute(type: TaskType, replies: Replies) {
  const file = {
    type: 'string',
    contentMediaType: 'application/octet-stream',
    description: `One of ${type.upload?.accept.join(', ')}, as recognised by its content.`,
  }
  const input = inputSchema(type) as { properties?: Record<string, object>; required?: string[] }
  const priority = { type: 'string', description: 'As in the query.', examples: ['NORMAL'] }
  const schema = {
    type: 'object' as const,
    properties: { ...filledIn(type, { ...input.properties, priority }), file },
    required: [...(input.required ?? []), 'file'],
  }
  return {
    operationId: `submit-${type.type}`,
    tags: ['submit'],
    summary: `Submit a file as a task of the type ${type.type}`,
    ...describeType(type),
    requestParams: { query: submitQuery, header: submitHeaders },
    requestBody: {
      required: true,
      content: { 'multipart/form-data': { schema: schema as object } },
    },
    responses: {
      200: replies.known as ReturnType<typeof json>,
      202: replies.accepted as ReturnType<typeof json>,
      ...gatedProblems(...REFUSALS, 'malformed-upload', 'idempotency-in-flight'),
    },
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

function describeType({ input }: TaskType): { readonly description?: string } {
  return input.description === undefined ? {} : { description: input.description }
}

/** A custom schema may have parts that JSON Schema cannot express; they are left open. */
function inputSchema({ input }: TaskType): object {
  const { $schema: _, ...schema } = z.toJSONSchema(input, { io: 'input', unrepresentable: 'any' })
  return schema
}
