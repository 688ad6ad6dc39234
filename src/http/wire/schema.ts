import { z } from 'zod'
import { DEFAULT_PRIORITY, parsePriority, PRIORITY_NAMES, type Priority } from '../../task/priority.ts'
import { TASK_STATUSES } from '../../task/status.ts'

/** 0–3 or a name; anything else is refused as `invalid-priority`, never changed. */
const priority = z
  .unknown()
  .default(DEFAULT_PRIORITY)
  .transform((value, context): Priority => {
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

const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/, `expected a whole number from ${min} to ${max}`)
    .transform(Number)
    .pipe(z.number().min(min).max(max))

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

const quantiles = z.object({ p50: z.number(), p90: z.number() }).nullable()

export const submitReply = z.object({
  task_id: z.string(),
  status: z.enum(['created', 'reconnected']),
  message: z.string(),
  task_status: z.string(),
  type: z.string(),
  priority: z.number(),
  priority_name: z.string(),
  queue_position: z.number().nullable(),
  tasks_ahead: z.number().nullable(),
  estimated_wait_seconds: z.null(),
  created_at: z.string(),
  deduplicated: z.boolean(),
  urls: z.object({
    self: z.string(),
    status: z.string(),
    result: z.string(),
    events: z.string(),
    ws: z.string(),
    cancel: z.string(),
  }),
})

export const statsReply = z.object({
  total_processed: z.number(),
  total_success: z.number(),
  total_failed: z.number(),
  total_timeout: z.number(),
  current_processing: z.number(),
  queue_size: z.number(),
  max_workers: z.number(),
  max_queue_size: z.number(),
  is_running: z.boolean(),
  total_cancelled: z.number(),
  total_expired: z.number(),
  total_rejected: z.number(),
  total_retried: z.number(),
  waiting: z.number(),
  scheduled: z.number(),
  stuck_workers: z.number(),
  by_priority: z.record(z.enum(PRIORITY_NAMES), z.number()),
  oldest_queued_seconds: z.number(),
  utilization: z.number(),
  wait_seconds: quantiles,
  run_seconds: quantiles,
  estimated_wait_seconds: z.record(z.enum(PRIORITY_NAMES), z.null()),
  accepting: z.boolean(),
  paused: z.boolean(),
  draining: z.boolean(),
  engine: z.literal('local'),
  uptime_seconds: z.number(),
})
