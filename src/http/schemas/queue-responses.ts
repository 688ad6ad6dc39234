import { PRIORITIES, PRIORITY_NAMES, type Priority, type PriorityName } from '../../task/priority.ts'
import { z } from 'zod'
import {
  byPriority,
  count,
  instant,
  priorityNames,
  quantiles,
  seconds,
  taskReply,
  taskStatus,
  waitEstimate,
} from './responses.ts'

/** What the routes of the queue answer: its numbers, its operator controls, and what would be. */

const listed = z.object({
  task_id: z.string().nullable(),
  task_type: z.string(),
  priority: priorityNames,
  status: taskStatus,
  created_at: instant,
  url: z.string().nullable(),
  video_id: z.null(),
  doc_hash: z.string().nullable(),
})
export const queueTasksReply = z.object({
  processing: z.array(listed.extend({ progress: z.number() })),
  queued: z.array(listed.extend({ queue_position: count })),
  total_processing: count,
  total_queued: count,
})

const coverage = z
  .object({ samples: count, p50: z.number().nullable(), p90: z.number().nullable() })
  .meta({ description: 'Share of waits that were not longer than estimated.' })

const resourceView = z.object({
  name: z.string(),
  limit: count.nullable().meta({ description: 'Units at once, as found by now; null: no limit.' }),
  in_use: count,
  waiting: count.meta({ description: 'Tasks that sleep until there is room.' }),
  open_at: instant
    .nullable()
    .meta({ description: 'When the provider takes calls again, where that is known.' }),
})

export const statsReply = z.object({
  total_processed: count,
  total_success: count,
  total_failed: count,
  total_timeout: count,
  current_processing: count,
  queue_size: count,
  max_workers: count,
  max_queue_size: count,
  is_running: z.boolean(),
  total_cancelled: count,
  total_expired: count,
  total_rejected: count,
  total_retried: count,
  waiting: count,
  scheduled: count,
  stuck_workers: count,
  by_priority: byPriority(count),
  oldest_queued_seconds: seconds,
  utilization: z.number(),
  wait_seconds: quantiles,
  run_seconds: quantiles,
  estimated_wait_seconds: byPriority(waitEstimate),
  estimate_coverage: coverage,
  resources: z.array(resourceView),
  holds: z
    .array(z.enum(['intake', 'processing', 'memory', 'event-loop', 'lifecycle']))
    .meta({ description: 'What is paused, by an operator or by a shortage.' }),
  accepting: z.boolean(),
  paused: z.boolean(),
  draining: z.boolean(),
  engine: z.enum(['local', 'postgres']),
  uptime_seconds: seconds,
})

export const workersReply = z.object({
  workers: z.array(
    z.object({
      name: z.string(),
      role: z.enum(['serve', 'web', 'worker']),
      host: z.string(),
      version: z.string(),
      slots: count,
      busy: count,
      stuck: count,
      silent_seconds: seconds.meta({ description: 'Since its last report, which comes every second.' }),
    }),
  ),
})

/** Of others' tasks only the first five are there. */
export const boardRow = taskReply
  .pick({
    title: true,
    caller: true,
    priority: true,
    progress: true,
    progress_detail: true,
    timeout_seconds: true,
    message: true,
    attempt: true,
    max_attempts: true,
    waiters: true,
    wait_reason: true,
    wait_until: true,
    wait_resource: true,
    started_at: true,
    finished_at: true,
    wait_ms: true,
    run_ms: true,
  })
  .partial()
  .extend({
    row: count.meta({ description: 'Names the row as long as it is shown.' }),
    type: z.string(),
    status: taskStatus,
    priority_name: priorityNames,
    created_at: instant,
    task_id: z.string().optional().meta({ description: 'Of the caller’s own tasks, and for operators.' }),
    error_type: z.string().optional(),
    error_message: z.string().optional(),
  })
  .meta({ id: 'BoardRow' })

export const historyReply = z.object({
  minutes_per_point: count,
  points: z.array(
    z.object({
      at: instant.meta({ description: 'Its beginning.' }),
      submitted: count,
      refused: count,
      started: count.meta({ description: 'First starts.' }),
      ended: z.object({ completed: count, error: count, timeout: count, cancelled: count, expired: count }),
      wait_seconds: z
        .object({ p50: seconds, p90: seconds })
        .nullable()
        .meta({ description: 'Of the tasks that started; of points of several minutes the mean of theirs.' }),
      estimated_wait_p90_seconds: seconds.nullable().meta({
        description:
          'Within which nine of ten would start, as estimated at their admission; the median of it.',
      }),
      run_seconds: z
        .object({ p50: seconds, p90: seconds })
        .nullable()
        .meta({ description: 'Of the tasks that completed.' }),
      deepest_queue: count,
      mean_running: z.number(),
    }),
  ),
})

export const failuresReply = z.object({
  groups: z.array(
    z.object({
      type: z.string(),
      error_type: z.string(),
      message: z.string().meta({ description: 'Without quoted parts, ids and numbers.' }),
      count,
      first_at: instant,
      last_at: instant,
      counts: z
        .array(count)
        .meta({ description: 'Of 24 equal parts of the time asked for, the oldest first.' }),
      newest: z.array(z.string()).meta({ description: 'Ids, the newest end first.' }),
    }),
  ),
})

export const bulkReply = z.object({
  op: z.string(),
  dry_run: z.boolean(),
  matched: count.meta({ description: 'Tasks that were meant.' }),
  done: count.meta({ description: 'For which it was done, or would be.' }),
  refused: count,
  task_ids: z.array(z.string()).meta({ description: 'For which it was done, or would be.' }),
  refusals: z.array(z.object({ task_id: z.string(), error_type: z.string(), message: z.string() })),
  created: z.array(z.string()).meta({ description: 'Ids of the new tasks of a retry.' }),
  has_more: z.boolean().meta({ description: 'The filter finds more than 1000: call again.' }),
})

export const capacityReply = z.object({
  accepting: z.boolean(),
  priority: z.number(),
  priority_name: priorityNames,
  reason: z.string().nullable().meta({ description: 'Why not, as the code of a problem.' }),
  free_places: count,
  max_queue_size: count,
  tasks_ahead: count,
  estimated_wait_seconds: waitEstimate,
  retry_after: seconds.nullable(),
})

const scope = z.enum(['intake', 'processing'])
const changedBy = {
  by: z.string(),
  at: z.string().nullable().meta({ description: 'ISO 8601; null: an older version did not write it down.' }),
}
export const controlReply = z.object({
  max_workers: count,
  max_queue_size: count,
  resources: z.record(z.string(), z.string()),
  paused: z.array(scope).meta({ description: 'What is paused of all tasks.' }),
  paused_groups: z
    .array(z.object({ scope, type: z.string().nullable(), caller: z.string().nullable(), ...changedBy }))
    .meta({
      description: 'Tasks of one type, of one caller, or both, that are paused while others are not.',
    }),
  draining: z.boolean(),
  changed: z
    .array(z.object({ name: z.string(), value: z.string(), setting: z.string(), ...changedBy }))
    .meta({ description: 'What is not as the settings say, and who changed it.' }),
})

export const batchReply = z.object({
  admission: z.enum(['all', 'partial']),
  accepted: count,
  refused: count,
  tasks: z
    .array(z.object({ status_code: z.number(), reply: z.unknown() }))
    .meta({ description: 'What each would have been answered alone, in the order of the request.' }),
})

const waits = z.object({
  tasks: count,
  mean: seconds,
  p50: seconds,
  p90: seconds,
  p99: seconds,
  longest: seconds,
})
export const forecastReply = z
  .object({
    workers: count,
    arrivals_per_minute: z.number(),
    pattern: z.enum(['burst', 'steady', 'random']),
    tasks: count,
    mean_run_seconds: seconds,
    load: z.number().nullable().meta({ description: 'Work that comes ÷ work that can be done.' }),
    verdict: z.enum(['stable', 'on the edge', 'unstable', 'ends']),
    wait_seconds: waits,
    wait_seconds_by_priority: z.record(z.string(), waits),
    queue: z.object({ mean: z.number(), longest: count, at_end: count }),
    refused_share: z.number(),
    last_done_seconds: seconds,
    last_wait_seconds: seconds.nullable(),
    smallest_workers: count
      .nullable()
      .meta({ description: 'With which nine of ten wait no longer than asked.' }),
    now: z.object({
      estimated_wait_seconds: byPriority(waitEstimate),
      estimate_coverage: byPriority(coverage),
      arrivals_per_minute: z.number(),
    }),
  })
  .meta({ id: 'Forecast' })

/** One value for each level, by its name. */
export function forEachPriority<Value>(value: (priority: Priority) => Value): Record<PriorityName, Value> {
  return Object.fromEntries(PRIORITIES.map((level) => [PRIORITY_NAMES[level], value(level)])) as Record<
    PriorityName,
    Value
  >
}
