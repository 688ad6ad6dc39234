import type { Failure, FailureType } from './failure.ts'
import type { Priority } from './priority.ts'
import { assertMove, type TaskStatus } from './status.ts'

/** Most attempts of a task. */
export const MAX_ATTEMPTS = 20

/** A file that came with a task, stored in the upload store. */
export interface Upload {
  readonly spoolId: string
  /** The client's file name, cleaned; only for show. */
  readonly name: string
  /** Recognised from the content. */
  readonly mediaType: string
  readonly bytes: number
  readonly sha256: string
}

export interface ProgressDetail {
  readonly stage: string
  readonly step: number
  readonly totalSteps: number
}

/** Where the webhook of a task is sent (Standard Webhooks). */
export interface Webhook {
  readonly url: string
  /** `whsec_` and base64: signs each delivery. Null: the server's own secret. */
  readonly secret: string | null
}

export type WaitReason = 'retry_backoff' | 'rate_limit' | 'quota' | 'resource'

/** One run of a task that is over. Instants are epoch ms. */
export interface PastRun {
  readonly run: number
  readonly attempt: number
  readonly startedAt: number
  readonly endedAt: number
  /** What came of it: a final status, `waiting` with its reason, or `interrupted`. */
  readonly outcome: 'completed' | 'error' | 'timeout' | 'cancelled' | 'interrupted' | WaitReason
  readonly errorType: FailureType | null
}

/** Wait until the start as estimated at admission, s. */
export interface WaitEstimate {
  readonly p50: number
  readonly p90: number
  /** Run times that it rests on. */
  readonly samples: number
}

/** The request that created a task, for logs and webhooks. */
export interface Trace {
  /** As it was given back in X-Request-Id. */
  readonly requestId: string
  /** W3C Trace Context of the request; null: it had none. */
  readonly traceparent: string | null
}

/** One admitted request. Never changed in place: every change makes the next version. Instants are epoch ms. */
export interface Task {
  readonly id: string
  readonly type: string
  readonly priority: Priority
  readonly status: TaskStatus
  /** The name of who submitted it. */
  readonly caller: string
  readonly input: unknown
  readonly upload: Upload | null
  /** What people know it by: see {@link toTitle}; null: nothing names it. */
  readonly title: string | null
  readonly metadata: Readonly<Record<string, unknown>> | null
  readonly timeoutMs: number
  readonly webhook: Webhook | null
  /** Digest of type, input and file, by which an equal submit finds this task; null: it is not to be found. */
  readonly content: string | null
  /** It expires when it has not started by then. */
  readonly startDeadlineAt: number | null
  /** The task whose work this one does again. */
  readonly retryOf: string | null
  /** null: it was not made by a request. */
  readonly trace: Trace | null
  /** The estimate of its wait at admission. */
  readonly toldWait: WaitEstimate | null
  /** 0 before the first start. */
  readonly attempt: number
  readonly maxAttempts: number
  /** Runs that ended with the process. */
  readonly interruptions: number
  /** Interruptions in a row between which no step was saved: what a task that kills its process gathers. */
  readonly strikes: number
  /** Steps that were kept at the last interruption. */
  readonly stepsKept: number
  /** Submits that wait for this task: 1, and one more for each equal one that joined it, less those that left. */
  readonly waiters: number
  /** Submits that were ever answered with this task while it had not ended; each has its number, from 1. */
  readonly joins: number
  /** Numbers of those that have left by a cancel. */
  readonly left: readonly number[]
  /** Rises at every start of the handler; an outcome of an older run is refused. */
  readonly run: number
  readonly createdAt: number
  readonly startedAt: number | null
  readonly finishedAt: number | null
  /** Time until the first start, ms, by the monotonic clock where one process saw both ends. */
  readonly waitMs: number | null
  /** Time of the last run of a task that has ended, ms, likewise. */
  readonly runMs: number | null
  readonly progress: number | null
  readonly progressDetail: ProgressDetail | null
  readonly message: string | null
  /** Chunks of output that were ever reported. */
  readonly outputs: number
  readonly waitReason: WaitReason | null
  readonly waitUntil: number | null
  /** The resource that it waits for. */
  readonly waitResource: string | null
  /** When it was first parked since its last success at getting on; null: it was not. */
  readonly parkedSince: number | null
  /** The newest runs that are over, oldest first. */
  readonly history: readonly PastRun[]
  /** JSON text of the result. */
  readonly result: string | null
  readonly failure: Failure | null
  /** Number of the newest event; 0 before the first. */
  readonly lastSeq: number
}

/** What is decided at admission; the rest of a task has one beginning. */
export const DECIDED = [
  'id',
  'type',
  'priority',
  'caller',
  'input',
  'upload',
  'title',
  'metadata',
  'timeoutMs',
  'maxAttempts',
  'webhook',
  'content',
  'createdAt',
  'startDeadlineAt',
  'retryOf',
  'trace',
  'toldWait',
] as const satisfies readonly (keyof Task)[]

export type NewTask = Pick<Task, (typeof DECIDED)[number]> & {
  /** When its delay is over, epoch ms; null: it has none. */
  readonly notBefore: number | null
}

const NONE_LEFT: readonly number[] = []
const NO_RUNS: readonly PastRun[] = []

/** What every task begins with. */
export const BEGINNING = {
  attempt: 0,
  interruptions: 0,
  strikes: 0,
  stepsKept: 0,
  waiters: 1,
  joins: 1,
  left: NONE_LEFT,
  run: 0,
  startedAt: null,
  finishedAt: null,
  waitMs: null,
  runMs: null,
  progress: null,
  progressDetail: null,
  message: null,
  outputs: 0,
  waitReason: null,
  waitResource: null,
  parkedSince: null,
  history: NO_RUNS,
  result: null,
  failure: null,
  lastSeq: 0,
}

export function createTask({ notBefore, ...decided }: NewTask): Task {
  const status = notBefore === null ? 'queued' : 'scheduled'
  return { ...decided, ...BEGINNING, status, waitUntil: notBefore }
}

export type TaskChange = Partial<Omit<Task, Exclude<keyof NewTask, 'priority'> | 'lastSeq'>>

/** The next version of a task, one event on; a change of status must be one that the table of moves allows. */
export function changeTask(task: Task, change: TaskChange): Task {
  if (change.status !== undefined && change.status !== task.status) assertMove(task.status, change.status)
  return { ...task, ...change, lastSeq: task.lastSeq + 1 }
}
