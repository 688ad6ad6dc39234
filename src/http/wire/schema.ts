import { z } from 'zod'
import { parsePriority, PRIORITY_NAMES, type Priority } from '../../task/priority.ts'
import { TASK_STATUSES } from '../../task/status.ts'

/** What a client may say for a priority, as JSON Schema: a transform tells none of it. */
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

const MAX_METADATA_CHARS = 4096
const MAX_EVENT_NUMBER = Number.MAX_SAFE_INTEGER

export const taskParams = z.object({ id: z.string().min(1).max(100) })

/** `force` asks for a new task where an old result would do; today every submit makes a new task. */
const force = z.enum(['true', 'false', '1', '0']).optional()
export const submitQuery = z.strictObject({ priority, force })
/** An upload's input fields may stand in the query too, as the original's `title` did. */
export const uploadQuery = z.object({ priority, force }).catchall(z.string())

export const genericBody = z.strictObject({
  type: z.string(),
  input: z.unknown(),
  priority,
  metadata: z
    .record(z.string(), z.unknown())
    .refine((value) => JSON.stringify(value).length <= MAX_METADATA_CHARS, 'more than 4 KB of JSON')
    .optional(),
})

/** Routes without a query refuse one. */
export const noQuery = z.strictObject({})
export const taskQuery = z.strictObject({ wait: wholeNumber(0, 60).optional() })
export const streamQuery = z.strictObject({
  after: wholeNumber(0, MAX_EVENT_NUMBER).optional(),
  ticket: z.string().optional(),
})
export const listQuery = z.strictObject({
  status: z.enum(TASK_STATUSES).optional(),
  type: z.string().optional(),
  cursor: z.uuid().optional(),
  limit: wholeNumber(1, 100).default(20),
})
