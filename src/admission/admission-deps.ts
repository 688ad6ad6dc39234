import type { Logger } from 'pino'
import type { WaitEstimator } from '../forecast/wait-estimator.ts'
import type { Registry } from '../handler/registry.ts'
import type { Lifecycle } from '../lifecycle/lifecycle.ts'
import type { WorkerPool } from '../pool/worker-pool.ts'
import type { Resources } from '../resource/resources.ts'
import type { Clock } from '../time/clock.ts'
import type { DeliveryJournal, DuplicateJournal, JournalHealth, TaskJournal } from '../journal/journal.ts'

/** Dependencies of the admission. */
export interface AdmissionDeps {
  readonly lifecycle: Lifecycle
  readonly registry: Registry
  readonly pool: WorkerPool
  readonly journal: TaskJournal
  readonly duplicates: DuplicateJournal
  readonly deliveries: Pick<DeliveryJournal, 'add'>
  readonly health: JournalHealth
  readonly resources: Pick<Resources, 'reprioritise'>
  readonly estimator: WaitEstimator
  readonly clock: Clock
  /** Epoch ms, not moved by a jump of the wall clock: for decisions that cannot be undone. */
  readonly provenNow: () => number
  readonly random: () => number
  readonly log: Logger
  /** Time limit of a run whose type names none, ms. */
  readonly defaultTimeoutMs: number
  /** Attempts of a task whose type names none. */
  readonly defaultAttempts: number
  /** A webhook is due. */
  readonly deliver: () => void
}
