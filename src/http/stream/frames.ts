import type { Subscription } from '../../events/subscription.ts'
import type { TaskJournal } from '../../journal/journal.ts'
import { isTerminalEvent, type QueuePlace, type TaskEvent } from '../../task/event.ts'
import { isTerminal } from '../../task/status.ts'
import type { Task } from '../../task/task.ts'
import { turn } from '../server/fair-turns.ts'
import { eventView, taskView, type ViewOptions } from '../schemas/views.ts'

/** One message of a stream: its text, and its number when it has one. */
export interface Frame {
  readonly seq: number | null
  readonly text: string
}

/** Whether the task's end was reached, the bus was closed before it, or there was no memory to read from the journal. */
export type FramesEnd = 'finished' | 'going-away' | 'busy'

export interface FramesOptions {
  readonly journal: TaskJournal
  readonly subscription: Subscription
  readonly taskId: string
  /** The reader has seen events up to this number. */
  readonly after: number
  readonly view: ViewOptions
  readonly placeOf: (task: Task) => QueuePlace | null
  /** Reserves memory for what is read from the journal; null: there is not enough. */
  readonly take: (bytes: number) => (() => void) | null
}

/** Events that are taken from the journal at a time. */
const PAGE = 500
/** Text of events that one reader is sent in one turn of the event loop. */
const CHARS_PER_TURN = 16 * 1024
/** What an event takes beside its text. */
const EVENT_BYTES = 300

/**
 * What one reader sees of one task: a snapshot, then every numbered event after `after` once and in order,
 * first from the journal, then from the bus. The subscription is made before the journal is read, so nothing
 * falls between. Ends after the terminal event, or when the subscription ends.
 */
export async function* splitFrames(options: FramesOptions): AsyncGenerator<Frame, FramesEnd, undefined> {
  const { journal, subscription, taskId, view } = options
  const { prefix } = view
  const task = await journal.find(taskId)
  if (task !== undefined) yield unnumbered(toSnapshot(task, options))

  let seen = options.after
  let end = yield* readNew(seen, options)
  if (typeof end !== 'number') return end
  seen = end
  // The reader has seen the end already, or the task was erased while it read.
  if (task === undefined || isTerminal(task.status)) return 'finished'
  for await (const feedEvent of subscription) {
    if (feedEvent.type === 'position') {
      yield unnumbered(eventView(feedEvent, prefix))
    } else if (feedEvent.seq > seen + 1) {
      // Another process wrote the events between: the journal has them.
      end = yield* readNew(seen, options)
      if (typeof end !== 'number') return end
      seen = end
    } else if (feedEvent.seq > seen) {
      seen = feedEvent.seq
      yield { seq: seen, text: toFrameText(feedEvent, prefix) }
      if (isTerminalEvent(feedEvent)) return 'finished'
    }
  }
  return 'going-away'
}

/** The frames of the events after `seen` that the journal has; the reply is the newest number, or why nothing follows. */
async function* readNew(
  seen: number,
  options: FramesOptions,
): AsyncGenerator<Frame, FramesEnd | number, undefined> {
  const { journal, taskId } = options
  for (;;) {
    await turn()
    const page = await journal.eventsAfter(taskId, seen, PAGE)
    const first = page[0]
    if (first === undefined) return seen
    if (first.seq > seen + 1) {
      // What lies between was kept long enough, and forgotten.
      yield unnumbered({ task_id: taskId, type: 'gap', missed_from: seen + 1, missed_to: first.seq - 1 })
      const now = await journal.find(taskId)
      if (now !== undefined) yield unnumbered(toSnapshot(now, options))
    }
    const end = yield* readPage(page, options)
    if (end !== null) return end
    seen = page.at(-1)?.seq ?? seen
  }
}

/** The frames of a page of events, in pieces; the reply is why nothing follows, null: more may. */
async function* readPage(
  page: readonly TaskEvent[],
  { take, view: { prefix } }: FramesOptions,
): AsyncGenerator<Frame, FramesEnd | null, undefined> {
  const release = take(countBytes(page))
  if (release === null) return 'busy'
  try {
    let written = 0
    for (const event of page) {
      const text = toFrameText(event, prefix)
      yield { seq: event.seq, text }
      if (isTerminalEvent(event)) return 'finished'
      // Many readers of long logs take turns.
      written += text.length
      if (written < CHARS_PER_TURN) continue
      written = 0
      await turn()
    }
    return null
  } finally {
    release()
  }
}

/** Memory that a page of events holds, roughly. */
function countBytes(page: readonly TaskEvent[]): number {
  let sum = page.length * EVENT_BYTES
  for (const event of page) {
    if (event.type === 'output') sum += event.chunk.length * 2
    else if ('message' in event) sum += (event.message?.length ?? 0) * 2
  }
  return sum
}

/** The text of an event is the same for every reader, so it is written once. */
const texts = new WeakMap<TaskEvent, { readonly prefix: string; readonly text: string }>()

function toFrameText(event: TaskEvent, prefix: string): string {
  const known = texts.get(event)
  if (known?.prefix === prefix) return known.text
  const text = JSON.stringify(eventView(event, prefix))
  texts.set(event, { prefix, text })
  return text
}

export function unnumbered(body: Record<string, unknown>): Frame {
  return { seq: null, text: JSON.stringify(body) }
}

function toSnapshot(task: Task, { placeOf, view }: FramesOptions): Record<string, unknown> {
  const { id, status } = task
  // Nested, because a task has a `type` of its own.
  return { task_id: id, type: 'snapshot', status, task: taskView(task, placeOf(task), view) }
}
