import type { TaskType } from '../handler/define-task.ts'
import type { Registry } from '../handler/registry.ts'
import type { KeyRecord } from '../journal/journal.ts'
import type { Reservation } from '../pool/capacity.ts'
import { createTask, type Task, type WaitEstimate } from '../task/task.ts'
import { toTitle } from '../task/title.ts'
import { toDedupeKey } from './digests.ts'
import type { Submission, SubmitReply } from './submission.ts'
import { validate, type Defaults } from './validate.ts'

/** A submission that was found to be in order. */
export interface CheckedSubmission {
  readonly type: TaskType
  readonly submission: Submission
}

/** A submit on its way to its place in the queue. */
export interface PendingSubmit extends CheckedSubmission {
  /** Reserved for it before; absent: it has to find one. */
  readonly place: Reservation | undefined
}

/** The key under which a new task is to be found. */
export type NewKey = Omit<KeyRecord, 'taskId'>

type Wrong = Extract<SubmitReply, { kind: 'unknown-type' | 'invalid' }>

/** The type of a submission, or what is wrong with it. */
export function checkSubmission(
  registry: Registry,
  defaults: Defaults,
  submission: Submission,
): CheckedSubmission | Wrong {
  const type = registry.find(submission.type)
  if (type === undefined) return { kind: 'unknown-type', type: submission.type }
  const problems = validate(type, submission, defaults)
  return problems === null ? { type, submission } : { kind: 'invalid', ...problems }
}

/** Digest by which an equal submit finds the task; null: it is not to be found. */
export function toContent({ type, submission }: CheckedSubmission): string | null {
  return (submission.dedupe ?? type.dedupe ?? false) ? toDedupeKey(submission, type.version) : null
}

interface Admitted {
  readonly id: string
  /** Epoch ms. */
  readonly createdAt: number
  readonly content: string | null
  /** The estimate of its wait. */
  readonly toldWait: WaitEstimate | null
}

/** The task of a submission. */
export function toNewTask(
  { type, submission }: CheckedSubmission,
  { id, createdAt, content, toldWait }: Admitted,
  defaults: Defaults,
): Task {
  const { input, upload, priority, metadata, webhook, caller, retryOf, trace } = submission
  const { delayMs, startDeadlineMs } = submission
  return createTask({
    id,
    type: type.type,
    priority,
    caller,
    input,
    upload,
    title: toTitle(submission),
    metadata,
    webhook,
    content,
    createdAt,
    retryOf,
    trace,
    timeoutMs: submission.timeoutMs ?? type.timeoutMs ?? defaults.timeoutMs,
    maxAttempts: submission.maxAttempts ?? type.retry?.maxAttempts ?? defaults.attempts,
    notBefore: delayMs === 0 ? null : createdAt + delayMs,
    startDeadlineAt: startDeadlineMs === null ? null : createdAt + startDeadlineMs,
    toldWait,
  })
}
