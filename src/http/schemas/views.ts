import type { FeedEvent, QueuePlace } from '../../task/event.ts'
import type { Failure } from '../../task/failure.ts'
import { priorityName } from '../../task/priority.ts'
import { isTerminal } from '../../task/status.ts'
import type { PastRun, ProgressDetail, Task, Upload } from '../../task/task.ts'
import { toTitle } from '../../task/title.ts'

/** The one place where our words become the wire's: camelCase to snake_case, epoch ms to ISO 8601. */

export interface TaskUrls {
  readonly self: string
  readonly status: string
  readonly result: string
  readonly events: string
  readonly ws: string
  readonly cancel: string
}

export function createUrls(id: string, prefix: string): TaskUrls {
  const self = `${prefix}/api/tasks/${id}`
  return {
    self,
    status: `${self}/status`,
    result: `${self}/result`,
    events: `${self}/stream`,
    ws: `${prefix}/ws/${id}`,
    cancel: `${self}/cancel`,
  }
}

let newest = { at: NaN, text: '' }

/** ISO 8601 in UTC. Requests come many to the millisecond, so the newest text is kept. */
export function iso(at: number): string {
  if (newest.at !== at) newest = { at, text: new Date(withinDates(at)).toISOString() }
  return newest.text
}

/** Furthest instants that a Date can hold, ms from the epoch: a journal may hold odd ones from before. */
const MAX_INSTANT_MS = 8.64e15

function withinDates(at: number): number {
  return Number.isFinite(at) ? Math.min(MAX_INSTANT_MS, Math.max(-MAX_INSTANT_MS, at)) : 0
}

/** Who a view is for. */
export interface ViewOptions {
  /** Path that every URL begins with. */
  readonly prefix: string
  /** Whether it names who submitted the task: to operators. */
  readonly showsCaller: boolean
}

/** A task as every GET and the `snapshot` frame show it, its result left out. */
export function taskView(task: Task, place: QueuePlace | null, { prefix, showsCaller }: ViewOptions) {
  return {
    task_id: task.id,
    type: task.type,
    title: toShownTitle(task),
    ...(showsCaller ? { caller: task.caller } : {}),
    status: task.status,
    done: isTerminal(task.status),
    priority: task.priority,
    priority_name: priorityName(task.priority),
    queue_position: place?.queuePosition ?? null,
    tasks_ahead: place?.tasksAhead ?? null,
    ...estimateView(place),
    estimated_wait_seconds: place?.wait ?? null,
    progress: task.progress ?? 0,
    progress_detail: task.progressDetail === null ? null : progressDetailView(task.progressDetail),
    message: task.message,
    attempt: task.attempt,
    max_attempts: task.maxAttempts,
    interruptions: task.interruptions,
    waiters: task.waiters,
    wait_reason: task.waitReason,
    wait_until: isoOrNull(task.waitUntil),
    wait_resource: task.waitResource,
    start_deadline_at: isoOrNull(task.startDeadlineAt),
    timeout_seconds: task.timeoutMs / 1000,
    retry_of: task.retryOf,
    runs: task.history.map(runView),
    created_at: iso(task.createdAt),
    started_at: isoOrNull(task.startedAt),
    finished_at: isoOrNull(task.finishedAt),
    wait_ms: task.waitMs,
    run_ms: task.runMs,
    error: task.failure === null ? null : failureView(task.failure),
    last_seq: task.lastSeq,
    metadata: task.metadata,
    upload: task.upload === null ? null : uploadView(task.upload),
    urls: createUrls(task.id, prefix),
  }
}

/** Tasks of an earlier version have no title of their own. */
function toShownTitle({ title, metadata, upload }: Task): string | null {
  return title ?? toTitle({ metadata, upload, input: null })
}

function uploadView({ name, bytes, mediaType }: Upload) {
  return { name, bytes, media_type: mediaType }
}

/**
 * A task with its result, as JSON text: the result is text already and is not read again.
 *
 * @param also members beside those of the view
 */
export function taskJson(
  task: Task,
  place: QueuePlace | null,
  options: ViewOptions,
  also: object = {},
): string {
  const view = JSON.stringify({ ...taskView(task, place, options), ...also })
  return `${view.slice(0, -1)},"result":${task.result ?? 'null'}}`
}

function failureView(failure: Failure) {
  return {
    error_type: failure.errorType,
    message: failure.message,
    retryable: failure.retryable,
    retry_after: failure.retryAfterSeconds,
    suggestions: failure.suggestions,
    ...(failure.technicalDetails === null ? {} : { technical_details: failure.technicalDetails }),
  }
}

function runView({ run, attempt, startedAt, endedAt, outcome, errorType }: PastRun) {
  const times = { started_at: iso(startedAt), ended_at: iso(endedAt) }
  return { run, attempt, ...times, outcome, error_type: errorType }
}

function progressDetailView({ stage, step, totalSteps }: ProgressDetail) {
  return { stage, step, total_steps: totalSteps }
}

function placeView(place: QueuePlace) {
  const { queuePosition, tasksAhead, wait } = place
  const ahead = { queue_position: queuePosition, tasks_ahead: tasksAhead, ...estimateView(place) }
  return { ...ahead, estimated_wait_seconds: wait ?? null }
}

/** A position that was not counted exactly has a member that says so. */
export function estimateView(place: QueuePlace | null) {
  return place?.isEstimate === true ? { position_is_estimate: true as const } : {}
}

/** One frame of a stream: the envelope and the payload of its type. */
export function eventView(feedEvent: FeedEvent, prefix: string): Record<string, unknown> {
  if (feedEvent.type === 'position') {
    return { task_id: feedEvent.taskId, type: 'position', status: 'queued', ...placeView(feedEvent) }
  }
  const { seq, taskId, type, status, at } = feedEvent
  return { seq, task_id: taskId, type, status, ts: iso(at), ...toPayload(feedEvent, prefix) }
}

function toPayload(event: Exclude<FeedEvent, { type: 'position' }>, prefix: string): Record<string, unknown> {
  switch (event.type) {
    case 'queued':
      return placeView(event)
    case 'started':
      return { attempt: event.attempt }
    case 'log':
      return { message: event.message, level: event.level }
    case 'progress':
      return {
        progress: event.progress,
        message: event.message,
        progress_detail: event.detail === null ? null : progressDetailView(event.detail),
      }
    case 'output':
      return { index: event.index, chunk: event.chunk, ...(event.reset === true ? { reset: true } : {}) }
    case 'retrying':
      return {
        attempt: event.attempt,
        error: event.failure === null ? null : failureView(event.failure),
        retry_at: isoOrNull(event.retryAt),
        wait_reason: event.waitReason,
      }
    case 'cancelling':
      return {}
    case 'result':
      return {
        title: event.title,
        summary: event.summary,
        filename: event.filename,
        hash: event.hash,
        result_url: createUrls(event.taskId, prefix).result,
      }
    case 'error':
      return failureView(event.failure)
  }
}

function isoOrNull(at: number | null): string | null {
  return at === null ? null : iso(at)
}
