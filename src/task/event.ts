import type { Failure } from './failure.ts'
import type { Headline } from './outcome.ts'
import type { TaskStatus } from './status.ts'
import type { ProgressDetail, Task, WaitEstimate, WaitReason } from './task.ts'

/**
 * The numbered events of a task. Exactly two are terminal, `result` and `error`; a failure that will be
 * tried again is `retrying`.
 */
export const EVENT_TYPES = [
  'queued',
  'started',
  'log',
  'progress',
  'output',
  'retrying',
  'cancelling',
  'result',
  'error',
] as const

export type EventType = (typeof EVENT_TYPES)[number]

/** Frames of a connection that carry no number and are not kept. */
export const FRAME_TYPES = [
  'snapshot',
  'position',
  'gap',
  'heartbeat',
  'shutdown',
  'reply',
  'problem',
  'board',
  'tick',
] as const

export type LogLevel = 'info' | 'warn' | 'error'

export interface QueuePlace {
  /** 1 is the next to start. */
  readonly queuePosition: number
  readonly tasksAhead: number
  /** Null: not known. */
  readonly wait: WaitEstimate | null
  /** The position was not counted: far back, where callers take turns. */
  readonly isEstimate?: true
}

/** The place behind this many tasks. */
export function placeAfter(
  tasksAhead: number,
  wait: WaitEstimate | null = null,
  isEstimate = false,
): QueuePlace {
  return { queuePosition: tasksAhead + 1, tasksAhead, wait, ...(isEstimate ? { isEstimate } : {}) }
}

export type EventBody =
  | ({ readonly type: 'queued' } & QueuePlace)
  | { readonly type: 'started'; readonly attempt: number }
  | { readonly type: 'log'; readonly message: string; readonly level: LogLevel }
  | {
      readonly type: 'progress'
      readonly progress: number
      readonly message: string | null
      readonly detail: ProgressDetail | null
    }
  | {
      readonly type: 'output'
      readonly index: number
      readonly chunk: string
      /** What was sent before is replaced: this run writes anew. Absent: the chunk follows it. */
      readonly reset?: true
    }
  | {
      readonly type: 'retrying'
      readonly attempt: number
      /** Null: nothing went wrong, there was no room. */
      readonly failure: Failure | null
      /** Epoch ms; null: as soon as there is room. */
      readonly retryAt: number | null
      readonly waitReason: WaitReason
    }
  | { readonly type: 'cancelling' }
  | ({ readonly type: 'result' } & Headline)
  | { readonly type: 'error'; readonly failure: Failure }

/** `seq` rises by one from 1 within a task; `at` is epoch ms; `status` is the task's after the event. */
export type TaskEvent = EventBody & {
  readonly seq: number
  readonly taskId: string
  readonly status: TaskStatus
  readonly at: number
}

/** The event that a new version of a task comes with: its number is that of the version. @param at epoch ms */
export function toTaskEvent(task: Task, body: EventBody, at: number): TaskEvent {
  return { ...body, seq: task.lastSeq, taskId: task.id, status: task.status, at }
}

export function isTerminalEvent(event: { readonly type: EventType }): boolean {
  return event.type === 'result' || event.type === 'error'
}

/** The current position of a waiting task; never numbered, never stored. */
type PositionUpdate = { readonly type: 'position'; readonly taskId: string } & QueuePlace

export type FeedEvent = TaskEvent | PositionUpdate
