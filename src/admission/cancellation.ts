import type { JournalHealth, TaskJournal } from '../journal/journal.ts'
import type { WorkerPool } from '../pool/worker-pool.ts'
import type { Clock } from '../time/clock.ts'
import { isTerminal } from '../task/status.ts'
import { settledWithin } from '../time/within.ts'
import { findLeaver } from './joining.ts'
import type { CancelReply } from './submission.ts'
import type { Joiners } from './joiners.ts'
import type { Recorder } from '../lifecycle/recorder.ts'
import type { Transitions } from '../lifecycle/transitions.ts'

export interface CancellationDeps {
  readonly recorder: Recorder
  readonly transitions: Transitions
  readonly waiters: Joiners
  readonly pool: WorkerPool
  readonly journal: TaskJournal
  readonly health: JournalHealth
  readonly clock: Clock
}

/** A cancel is answered within this time, written down or not. */
const MAX_CANCEL_MS = 2000

/** The cancel of a task by one of those who wait for it. */
export class Cancellation {
  readonly #deps: CancellationDeps

  constructor(deps: CancellationDeps) {
    this.#deps = deps
  }

  /**
   * Cancels a task that has not ended, or, of several submits that wait for it, removes one. A running task is aborted
   * and ends when its handler settles. Does not wait for a disk that is full or does not respond.
   *
   * @param waiter number of the submit that leaves; null: the newest
   */
  async cancel(id: string, waiter: number | null): Promise<CancelReply> {
    const { clock, health } = this.#deps
    const reply = await settledWithin(this.#cancel(id, waiter), MAX_CANCEL_MS, clock)
    return reply ?? { kind: 'unwritten', code: health.refusal ?? 'journal-unavailable' }
  }

  async #cancel(id: string, waiter: number | null): Promise<CancelReply> {
    const { health, journal, recorder, waiters, transitions, pool } = this.#deps
    const task = recorder.live(id)
    if (task === undefined) {
      // The journal still has its previous version.
      if (recorder.isEnding(id)) await recorder.whenWritten()
      const finished = await journal.find(id)
      if (finished === undefined) return { kind: 'unknown' }
      if (isTerminal(finished.status)) return { kind: 'already-finished', task: finished }
      return { kind: 'unwritten', code: health.refusal ?? 'journal-unavailable' }
    }
    if (task.status === 'cancelling') return { kind: 'cancelling', task }
    const leaver = findLeaver(task, waiter)
    if (leaver.kind === 'unknown') return { kind: 'unknown-waiter' }
    if (leaver.kind === 'left') return { kind: 'detached', task }
    if (task.waiters > 1) {
      return { kind: 'detached', task: (await waiters.leave(task, leaver.waiter)) ?? task }
    }
    const result = pool.cancel(id)
    if (result === 'stopping') return { kind: 'cancelling', task }
    if (result === 'aborting') {
      // In the same turn as the abort, so that `cancelling` comes before the end.
      const cancelling = await recorder.record(id, { status: 'cancelling' }, { type: 'cancelling' })
      return { kind: 'cancelling', task: cancelling ?? task }
    }
    const ended = await transitions.end(task, { kind: 'cancelled' })
    return ended === undefined
      ? { kind: 'unwritten', code: 'journal-unavailable' }
      : { kind: 'cancelled', task: ended }
  }
}
