import type { DuplicateJournal, TaskJournal } from '../journal/journal.ts'
import type { Task } from '../task/task.ts'
import { toContent, type NewKey, type PendingSubmit } from './new-task.ts'
import type { Submission, SubmitReply } from './submission.ts'

export interface SingleFlightDeps {
  readonly duplicates: DuplicateJournal
  readonly journal: TaskJournal
  /** The newest version of a task that has not ended. */
  readonly live: (id: string) => Task | undefined
  /** Lets one more submit wait for a live task; undefined: it has ended meanwhile. */
  readonly join: (task: Task, submission: Submission) => Promise<Joined | undefined>
  /** Lets one more submit have a task that has completed. */
  readonly have: (task: Task, submission: Submission) => Promise<void>
  /** Takes new work; `content` is the digest by which an equal submit finds it, null: it is not to be found. */
  readonly next: (pending: PendingSubmit, content: string | null, key: NewKey | null) => Promise<SubmitReply>
}

export interface Joined {
  readonly task: Task
  /** Number of the submit among those of the task. */
  readonly waiter: number
}

/**
 * Equal work of one caller is done once: a submit whose content is known finds the task that waits or runs,
 * or the result of one that completed.
 */
export class SingleFlight {
  readonly #deps: SingleFlightDeps
  /** Ids of live tasks by caller and content. */
  readonly #live = new Map<string, string>()
  /** Who waits until the end of a task is committed, by its id. */
  readonly #ending = new Map<string, (() => void)[]>()
  /** Submits that are being looked up or admitted. */
  readonly #underway = new Map<string, Promise<SubmitReply>>()

  constructor(deps: SingleFlightDeps) {
    this.#deps = deps
  }

  /** Remembers a task that can be found by its content. */
  add({ id, caller, content }: Task): void {
    if (content !== null) this.#live.set(nameOf(caller, content), id)
  }

  /** Its end is committed: from now on it is found by its result, if it has one. */
  remove({ id, caller, content }: Task): void {
    if (content === null) return
    const name = nameOf(caller, content)
    if (this.#live.get(name) === id) this.#live.delete(name)
    for (const resolve of this.#ending.get(id) ?? []) resolve()
    this.#ending.delete(id)
  }

  /** Passes a submit on unless equal work is known, where that is wanted. */
  async submit(pending: PendingSubmit, key: NewKey | null): Promise<SubmitReply> {
    const { submission } = pending
    const content = toContent(pending)
    const passOn = () => this.#passOn(pending, content, key)
    if (content === null || submission.isForced) return passOn()
    const name = nameOf(submission.caller, content)
    for (;;) {
      const other = this.#underway.get(name)
      if (other === undefined) break
      // Whatever became of it, what is known now decides.
      await other
    }
    const reply = this.#find(submission, content).then((known) => known ?? passOn())
    this.#underway.set(name, reply)
    try {
      return await reply
    } finally {
      this.#underway.delete(name)
    }
  }

  /** New work: equal submits find it from now on, unless it has ended already. */
  async #passOn(pending: PendingSubmit, content: string | null, key: NewKey | null): Promise<SubmitReply> {
    const { next, live } = this.#deps
    const reply = await next(pending, content, key)
    if (reply.kind === 'accepted' && live(reply.task.id) !== undefined) this.add(reply.task)
    return reply
  }

  async #find(submission: Submission, content: string): Promise<SubmitReply | undefined> {
    const { duplicates, journal, live, join, have } = this.#deps
    const { caller } = submission
    const ignored = listIgnored(submission)
    const known = this.#live.get(nameOf(caller, content))
    const task = known === undefined ? undefined : live(known)
    if (known !== undefined && task === undefined) await this.#whenEnded(known)
    // One that is being cancelled will bring no result.
    if (task !== undefined && task.status !== 'cancelling') {
      const joined = await join(task, submission)
      if (joined !== undefined) return { kind: 'duplicate', how: 'in_progress', ...joined, ignored }
    }
    const id = await duplicates.completedWith(caller, content)
    const completed = id === undefined ? undefined : await journal.find(id)
    if (completed === undefined) return undefined
    await have(completed, submission)
    return { kind: 'duplicate', how: 'exists', task: completed, waiter: null, ignored }
  }

  #whenEnded(id: string): Promise<void> {
    return new Promise((resolve) => this.#ending.set(id, [...(this.#ending.get(id) ?? []), resolve]))
  }
}

/** Fields of a submit that have no effect on a task that was admitted before. */
export function listIgnored(submission: Submission): string[] {
  const { metadata, delayMs, startDeadlineMs, timeoutMs, maxAttempts } = submission
  const given = {
    metadata: metadata !== null,
    delay_seconds: delayMs > 0,
    start_deadline_seconds: startDeadlineMs !== null,
    timeout_seconds: timeoutMs !== null,
    max_attempts: maxAttempts !== null,
  }
  return Object.entries(given).flatMap(([name, isGiven]) => (isGiven ? [name] : []))
}

function nameOf(caller: string, content: string): string {
  return `${content} ${caller}`
}
