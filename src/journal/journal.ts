import type { TaskEvent } from '../task/event.ts'
import type { TaskStatus } from '../task/status.ts'
import type { Priority } from '../task/priority.ts'
import type { Task } from '../task/task.ts'
import type { FailureGroup, FailureQuery } from './failure-groups.ts'

/** One numbered event together with the version of the task that it led to: written as one. */
export interface JournalEntry {
  readonly task: Task
  readonly event: TaskEvent
  /** A webhook that this event adds to the task, sent when the task ends. */
  readonly delivery?: NewDelivery
  /** Id of a delivery that this event takes away again. */
  readonly dropped?: string
}

/** A client's name for one submit (Idempotency-Key), kept with the task that it made. */
export interface KeyRecord {
  readonly caller: string
  readonly key: string
  /** Digest of the request; another request with the same key is a mistake of the client. */
  readonly fingerprint: string
  readonly taskId: string
  /** Number of the submit among those of its task; null: the task had ended when it was found. */
  readonly waiter: number | null
  /** Epoch ms. */
  readonly expiresAt: number
}

/** Which tasks are listed; what is absent is not asked for. */
export interface TaskQuery {
  /** Any of these. */
  readonly statuses?: readonly TaskStatus[]
  readonly type?: string
  readonly caller?: string
  readonly priority?: Priority
  /** Why they failed. */
  readonly errorType?: string
  /** Admitted at this instant or later, epoch ms. */
  readonly createdFrom?: number
  /** Admitted before this instant, epoch ms. */
  readonly createdBefore?: number
  /** Part of their id, title, file name or metadata, in letters of either case. */
  readonly text?: string
  /** Only tasks older than this id. */
  readonly before?: string
  readonly limit: number
}

/** A page looks at this many tasks at the most, so that a rare kind among a million costs no more than another. */
export const MAX_LOOKED_AT = 5000
/** Text of events in one page, characters: a reader takes them at its own pace. */
export const MAX_PAGE_CHARS = 128 * 1024

export interface TaskPage {
  /** Newest first, without input and result. */
  readonly tasks: readonly Task[]
  /** Pass as `before` to get the next page; null on the last one. A page may hold fewer than `limit` before it. */
  readonly next: string | null
}

/**
 * Memory of tasks and their events. What is written is committed in the order of the calls; what is read
 * was committed. Every write settles when it is durable.
 */
export interface TaskJournal {
  /**
   * Writes a new task with its first event and the key that it was sent under, and, of a task that starts at once, the
   * start of its first run: everything or nothing.
   *
   * @throws HeadgateError `disk-full` or `journal-unavailable`; the task then does not exist.
   */
  admit(entry: JournalEntry, key: KeyRecord | null, start?: JournalEntry): Promise<void>
  /**
   * Writes the next event of a task. An end is written once, by the run that it ends.
   * @throws HeadgateError `stale-run` for an event that does not follow the newest one, or of another run.
   */
  append(entry: JournalEntry): Promise<void>
  /** Whole, with input and result. */
  task(id: string): Promise<Task | undefined>
  /** Without its result, and without its input once it has ended: both may be large. */
  find(id: string): Promise<Task | undefined>
  /** JSON text of the result as UTF-8; null: there is none. */
  result(id: string): Promise<Uint8Array | null>
  /** Bytes of the result as UTF-8, without reading it; 0: there is none. */
  resultBytes(id: string): Promise<number>
  list(query: TaskQuery): Promise<TaskPage>
  /** The newest failures, grouped by their kind. */
  failures(query: FailureQuery): Promise<readonly FailureGroup[]>
  /** The next events of a task with a higher number, in order, `limit` at the most; none for an unknown task. */
  eventsAfter(taskId: string, seq: number, limit: number): Promise<readonly TaskEvent[]>
}

/** What finds the task of a submit that was sent before. */
export interface DuplicateJournal {
  /** Writes down a key whose request found a known task. */
  saveKey(record: KeyRecord): Promise<void>
  /** The newest use of a key, expired or not. */
  keyed(caller: string, key: string): Promise<KeyRecord | undefined>
  /** Id of the newest completed task of this content. */
  completedWith(caller: string, content: string): Promise<string | undefined>
}

/** One run of a task. */
export type RunRef = Pick<Task, 'id' | 'run'>

export interface NewStep {
  readonly name: string
  /** JSON text. */
  readonly value: string
  /** Epoch ms. */
  readonly savedAt: number
}

/** A step that is kept. */
export interface SavedStep {
  readonly name: string
  /** Epoch ms; null: saved by an earlier version, which did not write it down. */
  readonly savedAt: number | null
}

/** Memory of the results of named steps, as JSON text; they go when their task ends. */
export interface StepJournal {
  loadStep(taskId: string, name: string): Promise<string | undefined>
  /** Names of the steps that are kept of a task, the first saved first. */
  listSteps(taskId: string): Promise<readonly SavedStep[]>
  /** @throws HeadgateError `stale-run` when another run of the task has begun since, or the task has ended. */
  saveStep(run: RunRef, step: NewStep): Promise<void>
}

/** Times of a completed task, for the estimates of its type. */
export interface PastTask extends Pick<Task, 'type' | 'priority' | 'createdAt' | 'toldWait'> {
  readonly waitMs: number
  readonly runMs: number
}

export function toPastTask(task: Task): PastTask {
  const { type, priority, createdAt, startedAt, finishedAt, toldWait, history, waitMs, runMs } = task
  const started = startedAt ?? createdAt
  return {
    type,
    priority,
    createdAt,
    toldWait,
    waitMs: waitMs ?? Math.max(0, (history[0]?.startedAt ?? started) - createdAt),
    runMs: runMs ?? Math.max(0, (finishedAt ?? started) - started),
  }
}

/** What a process that starts finds of those before it. */
export interface RecoveryJournal {
  /** Tasks that have not ended, in the order of their admission; pass the last one's id for the next page. */
  unfinished(afterId: string | null, limit: number): Promise<readonly Task[]>
  /** Tasks in each status since the first start, those that ended and were erased included. */
  totals(): Promise<Readonly<Partial<Record<TaskStatus, number>>>>
  /** The newest completed tasks, oldest first. */
  durations(limit: number): Promise<readonly PastTask[]>
  /** Steps that are kept of a task. */
  stepCount(taskId: string): Promise<number>
  newestId(): Promise<string | null>
  /** Ids of uploads that a task references. */
  spoolIds(): Promise<readonly string[]>
}

/** Small texts by name, such as the secret for tickets. */
export interface NoteJournal {
  loadNote(name: string): Promise<string | undefined>
  saveNote(name: string, text: string): Promise<void>
  /** Saves a note that is never changed: the first writer's text stands, and is the reply to every writer. */
  keepNote(name: string, text: string): Promise<string>
}

/** One row of the history: a minute since the epoch, as one process saw it. */
export interface MinuteRow {
  readonly minute: number
  /** JSON of a `Minute`. */
  readonly row: string
}

/** Rows of what happened, one a minute and process. */
export interface HistoryJournal {
  saveMinute(minute: number, writer: number, row: string): Promise<void>
  /** From this minute on, each `size` of them combined into one row; those without work are left out. */
  minutes(from: number, size: number): Promise<readonly MinuteRow[]>
}

/** How the disk under the journal does. */
export interface JournalHealth {
  /** Why nothing new can be taken now; null: it can. */
  readonly refusal: 'disk-full' | 'journal-unavailable' | null
}

/** Everything that is remembered, behind small interfaces. */
export interface Journal extends AsyncDisposable {
  readonly tasks: TaskJournal
  readonly duplicates: DuplicateJournal
  readonly steps: StepJournal
  readonly recovery: RecoveryJournal
  readonly retention: RetentionJournal
  readonly deliveries: DeliveryJournal
  readonly notes: NoteJournal
  readonly history: HistoryJournal
  readonly health: JournalHealth
}

/** A webhook of one submit, to be sent when its task ends. */
export interface NewDelivery {
  /** The `webhook-id` of every try. */
  readonly id: string
  readonly caller: string
  readonly url: string
  /** Signs it; null: the server's own secret does. */
  readonly secret: string | null
}

/** When a delivery is due whose task has not ended. */
export const NOT_DUE = Number.MAX_SAFE_INTEGER

/** One pending webhook: written with the end of its task, or with the submit that joins a known one. */
export interface Delivery extends NewDelivery {
  readonly taskId: string
  /** Tries so far. */
  readonly attempt: number
  /** When to try next, epoch ms. */
  readonly nextAt: number
}

/** Memory of deliveries that are not done. */
export interface DeliveryJournal {
  /** Those that are due, the longest due first, without the first `offset`. */
  due(now: number, limit: number, offset?: number): Promise<readonly Delivery[]>
  /** Adds one for a task that has ended. */
  add(delivery: Delivery): Promise<void>
  /** When the next one is due after `now`, epoch ms; null: none is, or their tasks have not ended. */
  nextAt(now?: number): Promise<number | null>
  /** Writes down a try that did not succeed. */
  postpone(id: string, attempt: number, nextAt: number): Promise<void>
  /** Strikes it out: delivered, or given up. */
  settle(id: string): Promise<void>
  /** Removes all deliveries of a caller to an address that answered 410. */
  settleAll(caller: string, url: string): Promise<void>
}

/** The upload of a task that ended. */
export interface KeptUpload {
  readonly taskId: string
  readonly spoolId: string
}

/**
 * Retention. Every call handles at most `limit` rows, so that it can run beside the tasks;
 * instants are epoch ms and mean the end of the task.
 */
export interface RetentionJournal {
  /** Erases a task that has ended, with all that was kept of it; the reply is its upload's place in the upload store. */
  erase(taskId: string, erasedAt: number): Promise<string | null>
  /** Whose erased task this was; undefined when there was none, or too long ago. */
  ownerOfErased(taskId: string): Promise<string | undefined>
  /** Erases tasks that ended before; returns how many, and the ids of their uploads. */
  eraseEnded(before: number, erasedAt: number, limit: number): Promise<Pruned>
  /** Drops the events of tasks that ended before, all but the last one of each. */
  pruneEvents(before: number, limit: number): Promise<number>
  /** Uploads of tasks that ended before. */
  endedUploads(before: number, limit: number): Promise<readonly KeptUpload[]>
  /** Takes the uploads' names out of their tasks, when the files are gone. */
  forgetUploads(taskIds: readonly string[]): Promise<void>
  /** Drops rows of the history before this minute since the epoch. */
  pruneMinutes(before: number, limit: number): Promise<number>
  /** Drops keys that have expired, and what is known of tasks erased before. */
  pruneTraces(expiredAt: number, erasedBefore: number, limit: number): Promise<number>
}

export interface Pruned {
  readonly tasks: number
  readonly spoolIds: readonly string[]
}
