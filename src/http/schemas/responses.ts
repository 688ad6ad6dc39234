import { z } from 'zod'
import { PRIORITY_NAMES } from '../../task/priority.ts'
import { TASK_STATUSES } from '../../task/status.ts'

/** What the routes answer: the serializers of the hot ones, and the schemas of the API's description. */

export const instant = z.string().meta({ format: 'date-time' })
export const seconds = z.number()
export const count = z.number()
export const priorityNames = z.enum(PRIORITY_NAMES)
export const taskStatus = z.enum(TASK_STATUSES)

/** One value of a kind for each level. */
export const byPriority = <Value extends z.ZodType>(value: Value) =>
  z.object({ LOW: value, NORMAL: value, HIGH: value, URGENT: value })

export const quantiles = z
  .object({ p50: seconds, p90: seconds })
  .nullable()
  .meta({ description: 'Of the newest 512 tasks; null below five.' })

export const waitEstimate = z
  .object({ p50: seconds, p90: seconds, samples: count })
  .nullable()
  .meta({ id: 'WaitEstimate', description: 'Seconds until the start; null: not known.' })

export const positionIsEstimate = z
  .literal(true)
  .optional()
  .meta({ description: 'The position was not counted exactly: far back, where callers take turns.' })

const taskUrls = z
  .object({
    self: z.string(),
    status: z.string(),
    result: z.string(),
    events: z.string(),
    ws: z.string(),
    cancel: z.string(),
  })
  .meta({ id: 'TaskUrls', description: 'Addresses of the task; a client never builds one.' })

export const submitReply = z
  .object({
    task_id: z.string(),
    status: z.enum(['created', 'reconnected', 'exists', 'in_progress']),
    message: z.string(),
    task_status: z.string(),
    type: z.string(),
    priority: z.number(),
    priority_name: z.string(),
    queue_position: count.nullable(),
    tasks_ahead: count.nullable(),
    position_is_estimate: positionIsEstimate,
    estimated_wait_seconds: waitEstimate,
    created_at: instant,
    deduplicated: z.boolean(),
    exists: z.boolean().optional().meta({ description: 'The result of before is ready.' }),
    waiter: z.string().nullable().meta({
      description: 'Names this submit among those of the task, for its cancel; null: it had ended.',
    }),
    ignored: z
      .array(z.string())
      .optional()
      .meta({ description: 'Fields that do not apply, since the task was known.' }),
    urls: taskUrls,
  })
  .meta({ id: 'Submitted' })

const failureType = z.string().meta({ id: 'FailureType', description: 'Of any task, or of one task type.' })

export const failureView = z
  .object({
    error_type: failureType,
    message: z.string(),
    retryable: z.boolean(),
    retry_after: seconds.nullable(),
    suggestions: z.array(z.string()),
    technical_details: z.string().optional(),
  })
  .meta({ id: 'Failure', description: 'Why the work failed, and what can be done.' })

export const progressDetail = z
  .object({ stage: z.string(), step: count, total_steps: count })
  .nullable()
  .meta({ description: 'Which stage the work has reached.' })

const pastRun = z.object({
  run: count,
  attempt: count,
  started_at: instant,
  ended_at: instant,
  outcome: z.string().meta({ description: 'A final status, interrupted, or why it had to wait.' }),
  error_type: z.string().nullable(),
})

const taskFields = {
  task_id: z.string(),
  type: z.string(),
  title: z.string().nullable().meta({
    description: 'metadata.title, else the title of the input, the name of its file, or its address.',
  }),
  caller: z.string().optional().meta({ description: 'Who submitted it; for operators.' }),
  status: taskStatus,
  done: z.boolean(),
  priority: z.number(),
  priority_name: priorityNames,
  queue_position: count.nullable().meta({ description: 'From 1; null unless it waits.' }),
  tasks_ahead: count.nullable(),
  position_is_estimate: positionIsEstimate,
  estimated_wait_seconds: waitEstimate,
  progress: z.number().meta({ description: '0 to 100.' }),
  progress_detail: progressDetail,
  message: z.string().nullable(),
  attempt: count,
  max_attempts: count,
  interruptions: count.meta({ description: 'Runs that ended with the process.' }),
  waiters: count.meta({ description: 'Equal submits that wait for this task.' }),
  wait_reason: z.string().nullable(),
  wait_until: instant.nullable(),
  wait_resource: z.string().nullable().meta({ description: 'The resource that it waits for.' }),
  start_deadline_at: instant.nullable().meta({ description: 'It expires when it has not started by then.' }),
  timeout_seconds: seconds.meta({ description: 'Time limit of one run.' }),
  retry_of: z.string().nullable().meta({ description: 'The task whose work this one does again.' }),
  runs: z.array(pastRun).meta({ description: 'The newest 20 runs that are over, oldest first.' }),
  created_at: instant,
  started_at: instant.nullable(),
  finished_at: instant.nullable(),
  wait_ms: z.number().nullable(),
  run_ms: z.number().nullable(),
  error: failureView.nullable(),
  last_seq: count.meta({ description: 'Number of the newest event.' }),
  metadata: z.record(z.string(), z.unknown()).nullable(),
  upload: z
    .object({ name: z.string(), bytes: count, media_type: z.string() })
    .nullable()
    .meta({ description: 'The file that came with it.' }),
  urls: taskUrls,
}

export const taskReply = z.object(taskFields).meta({ id: 'Task', description: 'A task without its result.' })
export const cancelReply = taskReply
  .extend({
    detached: z.boolean().optional().meta({ description: 'Other submits wait for the task: it continues.' }),
  })
  .meta({ id: 'Cancelled', description: 'A task that was cancelled, or is being stopped.' })
export const taskWithResult = z
  .object({
    ...taskFields,
    input: z.unknown().optional().meta({ description: 'With include=input.' }),
    steps: z
      .array(z.object({ name: z.string(), saved_at: instant.nullable() }))
      .optional()
      .meta({ description: 'With include=steps: what a next run would not do again; none after the end.' }),
    result: z.unknown().meta({ description: 'What the handler returned.' }),
  })
  .meta({ id: 'TaskWithResult' })
export const taskList = z.object({ tasks: z.array(taskReply), next_cursor: z.string().nullable() })

export const statusReply = z.object({
  task_id: z.string(),
  status: taskStatus,
  progress: z.number(),
  logs: z.array(z.string()),
  completed: z.boolean(),
  failed: z.boolean(),
  done: z.boolean(),
  queue_position: count.nullable(),
  message: z.string().nullable(),
  error: failureView.nullable(),
  last_seq: count,
  urls: taskUrls,
})

export const ticketReply = z.object({
  ticket: z.string(),
  task_id: z.string(),
  urls: z.object({
    self: z.string(),
    status: z.string(),
    result: z.string(),
    events: z.string(),
    ws: z.string(),
    cancel: z.string().optional(),
  }),
})

export const liveReply = z.object({ status: z.literal('live') })
export const readyReply = z.object({
  status: z.enum(['ready', 'not-ready']),
  reasons: z.array(z.enum(['starting', 'draining', 'stuck-handlers', 'disk-full', 'journal-unavailable'])),
})
export const healthReply = z.object({
  status: z.enum(['healthy', 'degraded']),
  timestamp: instant,
  version: z.string(),
  components: z.object({
    api: z.object({ status: z.literal('healthy') }),
    queue: z.object({ status: z.enum(['healthy', 'degraded']), issues: z.array(z.string()) }),
  }),
})

export const problemReply = z
  .looseObject({
    type: z.string().meta({ examples: ['urn:headgate:problem:queue-full'] }),
    title: z.string(),
    status: z.number(),
    detail: z.string(),
    instance: z.string().optional(),
    error_type: z.string(),
    retry_after: seconds.optional(),
    request_id: z.string().optional(),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457.' })
