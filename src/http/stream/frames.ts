import type { Subscription } from '../../feed/subscription.ts'
import type { TaskJournal } from '../../journal/journal.ts'
import { isTerminalEvent, type QueuePlace, type TaskEvent } from '../../task/event.ts'
import { isTerminal } from '../../task/status.ts'
import type { Task } from '../../task/task.ts'
import { newsView, taskView } from '../wire/wire.ts'

/** One message of a stream: its text, and its number when it has one. */
export interface Frame {
  readonly seq: number | null
  readonly text: string
}

/** Whether the task's end was reached, or the feed was closed before it. */
export type FramesEnd = 'finished' | 'going-away'

export interface FramesOptions {
  readonly journal: TaskJournal
  readonly subscription: Subscription
  readonly taskId: string
  /** The reader has seen events up to this number. */
  readonly after: number
  readonly prefix: string
  readonly placeOf: (task: Task) => QueuePlace | null
}

/** Events that are taken from the journal at a time. */
const PAGE = 500

/**
 * What one reader sees of one task: a snapshot, then every numbered event after `after` once and in order,
 * first from the journal, then from the feed. It was subscribed before the journal is read, so nothing
 * falls between. Ends after the terminal event, or when the subscription ends.
 */
export async function* framesOf(options: FramesOptions): AsyncGenerator<Frame, FramesEnd, undefined> {
  const { journal, subscription, taskId, prefix } = options
  const task = await journal.task(taskId)
  if (task !== undefined) yield unnumbered(snapshotOf(task, options))

  let seen = options.after
  for (;;) {
    const page = await journal.eventsAfter(taskId, seen, PAGE)
    const first = page[0]
    if (first === undefined) break
    if (first.seq > seen + 1) {
      // What lies between was kept long enough, and forgotten.
      yield unnumbered({ task_id: taskId, type: 'gap', missed_from: seen + 1, missed_to: first.seq - 1 })
      const now = await journal.task(taskId)
      if (now !== undefined) yield unnumbered(snapshotOf(now, options))
    }
    for (const event of page) {
      seen = event.seq
      yield { seq: seen, text: textOf(event, prefix) }
      if (isTerminalEvent(event)) return 'finished'
    }
  }
  // The reader has seen the end already, or the task was erased while it read.
  if (task === undefined || isTerminal(task.status)) return 'finished'
  for await (const news of subscription) {
    if (news.type === 'position') {
      yield unnumbered(newsView(news, prefix))
    } else if (news.seq > seen) {
      seen = news.seq
      yield { seq: seen, text: textOf(news, prefix) }
      if (isTerminalEvent(news)) return 'finished'
    }
  }
  return 'going-away'
}

/** The text of an event is the same for every reader, so it is written once. */
const texts = new WeakMap<TaskEvent, string>()

function textOf(event: TaskEvent, prefix: string): string {
  const known = texts.get(event)
  if (known !== undefined) return known
  const text = JSON.stringify(newsView(event, prefix))
  texts.set(event, text)
  return text
}

export function unnumbered(body: Record<string, unknown>): Frame {
  return { seq: null, text: JSON.stringify(body) }
}

function snapshotOf(task: Task, { placeOf, prefix }: FramesOptions): Record<string, unknown> {
  const { id, status } = task
  // Nested, because a task has a `type` of its own.
  return { task_id: id, type: 'snapshot', status, task: taskView(task, placeOf(task), prefix) }
}
