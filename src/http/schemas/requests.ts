import { z } from 'zod'
import { parsePriority, PRIORITY_NAMES, type Priority } from '../../task/priority.ts'
import { isWebhookSecret } from '../../webhook/signature.ts'
import { TASK_STATUSES } from '../../task/status.ts'
import { MAX_ATTEMPTS } from '../../task/task.ts'

/** Accepted priorities as JSON Schema, which a transform would hide. */
const PRIORITY_SCHEMA = {
  anyOf: [
    { type: 'integer' as const, minimum: 0, maximum: 3 },
    { type: 'string' as const, enum: [...PRIORITY_NAMES] },
  ],
}

/** 0–3 or a name; anything else is refused as `invalid-priority`, never changed. */
const priority = z
  .unknown()
  .optional()
  .transform((value, context): Priority | undefined => {
    if (value === undefined) return undefined
    const parsed = parsePriority(value)
    if (parsed !== undefined) return parsed
    context.issues.push({
      code: 'custom',
      input: value,
      message: `expected 0 to 3 or one of ${PRIORITY_NAMES.join(', ')}`,
      params: { code: 'invalid-priority' },
    })
    return z.NEVER
  })
  .meta({
    description: 'Default: NORMAL, or the highest that the caller may ask for.',
    override: PRIORITY_SCHEMA,
  })

const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/, `expected a whole number from ${min} to ${max}`)
    .transform(Number)
    .pipe(z.number().min(min).max(max))
    .meta({
      override: ({ jsonSchema }) => {
        delete jsonSchema.pattern
        Object.assign(jsonSchema, { type: 'integer', minimum: min, maximum: max })
      },
    })

const MAX_URL_CHARS = 2048
const MAX_SECONDS = 2_147_483
const MAX_BATCH = 100
const MAX_METADATA_CHARS = 4096
const MAX_EVENT_NUMBER = Number.MAX_SAFE_INTEGER

const waitSeconds = wholeNumber(0, 60)
  .optional()
  .meta({ description: 'Seconds: answers when the task has ended, or when they are over.' })

export const resultQuery = z.strictObject({
  format: z
    .string()
    .max(20)
    .optional()
    .meta({ description: 'json, or a format of the task type: md and html for reports.' }),
  wait: waitSeconds,
  ticket: z.string().optional(),
})
export const taskParams = z.object({ id: z.string().min(1).max(100) })

/** Asks for a new task where an equal one is known. */
const force = z
  .enum(['true', 'false', '1', '0'])
  .optional()
  .transform((value) => value === 'true' || value === '1')
  .meta({ override: { type: 'string', enum: ['true', 'false', '1', '0'] } })
/** Fields of the input may be in the query, as `is_ultra` (legacy shape) and the `title` of an upload. */
export const submitQuery = z.object({ priority, force }).catchall(z.string())
/** Described, and read by hand: Fastify's own headers come with every request. */
export const submitHeaders = z.object({
  'idempotency-key': z
    .string()
    .min(1)
    .max(255)
    .optional()
    .meta({ description: 'Names this request for 24 hours: sent again, it makes no second task.' }),
  prefer: z
    .string()
    .optional()
    .meta({ description: '`wait=30`: 200 with the task and its result when it ends in time, else 202.' }),
})

const webhook = z.strictObject({
  url: z.url({ protocol: /^https?$/, error: 'expected an http or https address' }).max(MAX_URL_CHARS),
  secret: z.string().refine(isWebhookSecret, 'expected whsec_ and base64 of 24 to 64 bytes').optional(),
})

const wholeSeconds = (min: number, meaning: string) =>
  z.int().min(min).max(MAX_SECONDS).optional().meta({ description: meaning })

export const genericBody = z.strictObject({
  type: z.string(),
  input: z.unknown(),
  priority,
  delay_seconds: wholeSeconds(0, 'The first run does not start before.'),
  start_deadline_seconds: wholeSeconds(1, 'It expires when it has not started by then.'),
  timeout_seconds: wholeSeconds(1, 'Time limit of one run, at most that of the type.'),
  max_attempts: z
    .int()
    .min(1)
    .max(MAX_ATTEMPTS)
    .optional()
    .meta({ description: 'At most those of the type.' }),
  dedupe: z.boolean().optional().meta({ description: 'Default: as the type defines.' }),
  webhook: webhook.optional().meta({ description: 'Called when the task ends (Standard Webhooks).' }),
  metadata: z
    .record(z.string(), z.unknown())
    .refine((value) => JSON.stringify(value).length <= MAX_METADATA_CHARS, 'more than 4 KB of JSON')
    .optional(),
})

export const batchBody = z.strictObject({
  tasks: z.array(genericBody).min(1).max(MAX_BATCH),
  admission: z
    .enum(['all', 'partial'])
    .default('partial')
    .meta({ description: 'all: every one or none; partial: as many as there is room for.' }),
})
export const patchBody = z.strictObject({
  priority: priority.refine((value) => value !== undefined, 'expected a priority'),
})
/** The number of a submit among those of its task, as its reply names it: `w_2`. */
export const waiter = z
  .string()
  .regex(/^w_[1-9]\d{0,8}$/, 'expected the waiter of a reply to a submit, such as w_1')
  .transform((text) => Number(text.slice('w_'.length)))
  .meta({
    description: 'Which submit leaves, of several that wait for the task; default: the newest.',
    override: { type: 'string', pattern: '^w_[1-9][0-9]{0,8}$' },
  })
export const cancelBody = z.strictObject({ waiter: waiter.optional() }).nullish()
export const scopeBody = z.strictObject({
  scope: z
    .enum(['intake', 'processing'])
    .meta({ description: 'intake: taking new tasks; processing: starting them.' }),
  type: z.string().max(100).optional().meta({ description: 'Tasks of this type alone.' }),
  caller: z.string().min(1).max(200).optional().meta({ description: 'Tasks of this caller alone.' }),
})
export const configBody = z
  .strictObject({
    max_workers: z.int().min(0).max(1000).optional(),
    max_queue_size: z.int().min(0).max(1_000_000).optional(),
    resources: z
      .record(z.string(), z.string().max(200))
      .optional()
      .meta({ description: 'Limits by name, in the words of the setting RESOURCES.' }),
  })
  .refine((body) => Object.keys(body).length > 0, 'expected max_workers, max_queue_size or resources')
export const capacityQuery = z.strictObject({
  priority,
  type: z
    .string()
    .max(100)
    .optional()
    .meta({ description: 'Of this type: an operator may have paused it alone.' }),
})
const positive = (max: number) =>
  z
    .string()
    .regex(/^\d{1,9}(\.\d{1,6})?$/, `expected a number from 0 to ${max}`)
    .transform(Number)
    .pipe(z.number().gt(0, 'expected more than 0').max(max))
    .meta({
      override: ({ jsonSchema }) => {
        delete jsonSchema.pattern
        Object.assign(jsonSchema, { type: 'number', exclusiveMinimum: 0, maximum: max })
      },
    })
export const forecastQuery = z.strictObject({
  workers: wholeNumber(1, 1000).optional(),
  arrivals_per_minute: positive(100_000).optional(),
  burst: wholeNumber(1, 100_000).optional(),
  pattern: z.enum(['steady', 'random']).default('random'),
  minutes: positive(10_000).default(60),
  run_seconds: positive(1_000_000).optional(),
  target_p90_seconds: positive(1_000_000).optional(),
})

/** Routes without a query refuse one. */
export const noQuery = z.strictObject({})
export const sessionBody = z.strictObject({
  token: z.string().min(1).max(500).meta({ description: 'As Authorization: Bearer would send it.' }),
})
export const ticketQuery = z.strictObject({ ticket: z.string().optional() })
export const ticketBody = z
  .strictObject({
    cancel: z.boolean().default(false).meta({ description: 'Whether it lets its bearer cancel.' }),
  })
  .nullish()
const INCLUDES = ['input', 'steps'] as const
/** Several words of a list, separated by commas. */
const listOf = <Word extends string>(words: readonly Word[], meaning: string) =>
  z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(z.enum(words)).max(words.length))
    .optional()
    .meta({
      description: `${meaning} Several, separated by commas.`,
      override: { type: 'string', examples: [words.slice(0, 2).join(',')] },
    })
export const taskQuery = z.strictObject({
  include: listOf(INCLUDES, 'input: what it was submitted with; steps: those that are kept.'),
  wait: waitSeconds,
  after: wholeNumber(0, MAX_EVENT_NUMBER)
    .optional()
    .meta({ description: 'With wait: answers at the next event after this number.' }),
  ticket: z.string().optional(),
})
export const streamQuery = z.strictObject({
  after: wholeNumber(0, MAX_EVENT_NUMBER).optional(),
  ticket: z.string().optional(),
})
export const eventStreamQuery = streamQuery.extend({
  lastEventId: z
    .string()
    .optional()
    .meta({ description: 'As Last-Event-ID, for clients that send no header.' }),
})
const MAX_FILTER_CHARS = 200
const filterText = z.string().min(1).max(MAX_FILTER_CHARS).optional()
const filterInstant = z.iso
  .datetime({ offset: true, error: 'expected an instant as ISO 8601, such as 2026-01-31T12:00:00Z' })
  .transform((text) => Date.parse(text))
  .optional()
  .meta({ override: { type: 'string', format: 'date-time' } })
/** Which tasks are meant, in a list and in a bulk operation. */
export const taskFilter = {
  status: listOf(TASK_STATUSES, 'Any of these.'),
  type: filterText,
  priority: priority.meta({ description: 'Of this level.', override: PRIORITY_SCHEMA }),
  caller: filterText.meta({ description: 'Who submitted them; for operators.' }),
  error_type: filterText.meta({ description: 'Why they failed.' }),
  since: filterInstant.meta({ description: 'Admitted at this instant or later.' }),
  until: filterInstant.meta({ description: 'Admitted before this instant.' }),
  q: filterText.meta({
    description: 'Part of the id, title, file name or metadata, in letters of either case.',
  }),
}
const MAX_MINUTES = 60 * 24 * 366
export const historyQuery = z.strictObject({
  minutes: wholeNumber(1, MAX_MINUTES).default(60).meta({ description: 'How far back.' }),
})
const MAX_HOURS = 24 * 366
export const MAX_BULK = 1000
export const failuresQuery = z.strictObject({
  hours: wholeNumber(1, MAX_HOURS).default(24).meta({ description: 'Ended in these last hours.' }),
  ids: wholeNumber(1, MAX_BULK).default(5).meta({ description: 'Newest ids of each group.' }),
})
export const bulkBody = z
  .strictObject({
    op: z.enum(['retry', 'cancel', 'delete', 'priority']),
    ids: z.array(z.string().min(1).max(100)).min(1).max(MAX_BULK).optional(),
    filter: z
      .strictObject({ ...taskFilter, status: z.array(z.enum(TASK_STATUSES)).min(1).optional() })
      .optional()
      .meta({ description: 'As in the list of tasks; the newest 1000 that it finds now are meant.' }),
    priority: priority.meta({ description: 'The level that op priority sets.' }),
    dry_run: z.boolean().default(false).meta({ description: 'Only says what would be done.' }),
  })
  .refine(({ ids, filter }) => (ids === undefined) !== (filter === undefined), 'expected ids or a filter')
  .refine(({ op, priority: level }) => (op === 'priority') === (level !== undefined), {
    path: ['priority'],
    message: 'expected with op priority, and with no other',
  })
export const listQuery = z.strictObject({
  ...taskFilter,
  cursor: z.uuid().optional(),
  limit: wholeNumber(1, 100).default(20),
})
