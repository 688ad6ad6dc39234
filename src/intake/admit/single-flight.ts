import type { DuplicateJournal, TaskJournal } from '../../journal/journal.ts'
import type { Priority } from '../../task/priority.ts'
import type { Task } from '../../task/task.ts'
import type { SubmitReply } from './submission.ts'

export interface SingleFlightParts {
  readonly duplicates: DuplicateJournal
  readonly journal: TaskJournal
  /** The newest version of a task that has not ended. */
  readonly live: (id: string) => Task | undefined
  /** Lets one more submit wait for a live task. */
  readonly join: (task: Task, priority: Priority) => Promise<Task | undefined>
}

interface Asked {
  readonly caller: string
  readonly content: string
  readonly priority: Priority
}

/**
 * Equal work of one caller is done once: a submit whose content is known finds the task that waits or runs,
 * or the result of one that completed.
 */
export class SingleFlight {
  readonly #parts: SingleFlightParts
  /** Ids of live tasks by caller and content. */
  readonly #live = new Map<string, string>()
  /** Who waits until the end of a task is committed, by its id. */
  readonly #ending = new Map<string, (() => void)[]>()
  /** Submits that are being looked up or admitted. */
  readonly #underway = new Map<string, Promise<SubmitReply>>()

  constructor(parts: SingleFlightParts) {
    this.#parts = parts
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

  /** The known task of this content, or what `admit` says. */
  async once(asked: Asked, admit: () => Promise<SubmitReply>): Promise<SubmitReply> {
    const name = nameOf(asked.caller, asked.content)
    for (;;) {
      const other = this.#underway.get(name)
      if (other === undefined) break
      // Whatever became of it, what is known now decides.
      await other
    }
    const reply = this.#find(asked).then((known) => known ?? admit())
    this.#underway.set(name, reply)
    try {
      return await reply
    } finally {
      this.#underway.delete(name)
    }
  }

  async #find({ caller, content, priority }: Asked): Promise<SubmitReply | undefined> {
    const { duplicates, journal, live, join } = this.#parts
    const known = this.#live.get(nameOf(caller, content))
    const task = known === undefined ? undefined : live(known)
    if (known !== undefined && task === undefined) await this.#whenEnded(known)
    // One that is being cancelled will bring no result.
    if (task !== undefined && task.status !== 'cancelling') {
      const joined = await join(task, priority)
      if (joined !== undefined) return { kind: 'duplicate', how: 'in_progress', task: joined }
    }
    const id = await duplicates.completedWith(caller, content)
    const completed = id === undefined ? undefined : await journal.task(id)
    return completed && { kind: 'duplicate', how: 'exists', task: completed }
  }

  #whenEnded(id: string): Promise<void> {
    return new Promise((resolve) => this.#ending.set(id, [...(this.#ending.get(id) ?? []), resolve]))
  }
}

function nameOf(caller: string, content: string): string {
  return `${content} ${caller}`
}
