import type { DuplicateJournal, TaskJournal } from '../journal/journal.ts'
import { computeFingerprint } from './digests.ts'
import type { NewKey, PendingSubmit } from './new-task.ts'
import type { SubmitReply } from './submission.ts'

export interface IdempotencyKeysDeps {
  readonly duplicates: DuplicateJournal
  readonly journal: TaskJournal
  readonly now: () => number
  /** Takes a submit whose key was not used before, or that has none. */
  readonly next: (pending: PendingSubmit, key: NewKey | null) => Promise<SubmitReply>
}

export interface KeyUse {
  readonly caller: string
  readonly key: string
  readonly fingerprint: string
}

/** How long a key is remembered. */
export const KEY_LIFETIME_MS = 24 * 3600 * 1000

/**
 * Idempotency keys (draft-ietf-httpapi-idempotency-key-header): the same request under the same key makes
 * one task, however often it is sent, also after a restart. What was refused may be tried again.
 */
export class IdempotencyKeys {
  readonly #deps: IdempotencyKeysDeps
  readonly #underway = new Map<
    string,
    { readonly fingerprint: string; readonly reply: Promise<SubmitReply> }
  >()
  readonly #receiving = new Set<string>()

  constructor(deps: IdempotencyKeysDeps) {
    this.#deps = deps
  }

  /**
   * Marks a key whose request is still being received, until the reply. Undefined: another request with
   * this key is.
   */
  receive(caller: string, key: string): (() => void) | undefined {
    const name = toCallerName(caller, key)
    if (this.#receiving.has(name)) return undefined
    this.#receiving.add(name)
    return () => this.#receiving.delete(name)
  }

  /** Passes a submit on unless its key was used before: those that come meanwhile get the same reply. */
  async submit(pending: PendingSubmit): Promise<SubmitReply> {
    const { submission } = pending
    const { caller, key } = submission
    if (key === null) return this.#deps.next(pending, null)
    const use = { caller, key, fingerprint: computeFingerprint(submission) }
    const name = toCallerName(use.caller, use.key)
    const other = this.#underway.get(name)
    if (other !== undefined) {
      if (other.fingerprint !== use.fingerprint) return { kind: 'idempotency-mismatch' }
      return toReplay(await other.reply)
    }
    const reply = this.#find(use).then((known) => known ?? this.#passOn(pending, use))
    this.#underway.set(name, { fingerprint: use.fingerprint, reply })
    try {
      return await reply
    } finally {
      this.#underway.delete(name)
    }
  }

  /** A new task is written with its key; for one that was known by its content the key is written now. */
  async #passOn(pending: PendingSubmit, use: KeyUse): Promise<SubmitReply> {
    const record = { ...use, waiter: 1, expiresAt: this.#deps.now() + KEY_LIFETIME_MS }
    const reply = await this.#deps.next(pending, record)
    if (reply.kind === 'duplicate') {
      const { task, waiter } = reply
      await this.#deps.duplicates.saveKey({ ...record, waiter, taskId: task.id })
    }
    return reply
  }

  async #find({ caller, key, fingerprint }: KeyUse): Promise<SubmitReply | undefined> {
    const { duplicates, journal, now } = this.#deps
    const record = await duplicates.keyed(caller, key)
    if (record === undefined || record.expiresAt <= now()) return undefined
    if (record.fingerprint !== fingerprint) return { kind: 'idempotency-mismatch' }
    const task = await journal.find(record.taskId)
    return task === undefined
      ? { kind: 'task-gone' }
      : { kind: 'duplicate', how: 'replayed', task, waiter: record.waiter, ignored: [] }
  }
}

/** A reply for who sends the same request again. */
export function toReplay(reply: SubmitReply): SubmitReply {
  if (reply.kind === 'duplicate') return { ...reply, how: 'replayed' }
  if (reply.kind !== 'accepted') return reply
  return { kind: 'duplicate', how: 'replayed', task: reply.task, waiter: 1, ignored: [] }
}

/** One name for a caller and a text of its own: either may have spaces. */
export function toCallerName(caller: string, key: string): string {
  return JSON.stringify([caller, key])
}
