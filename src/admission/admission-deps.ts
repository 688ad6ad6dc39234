import type { DeliveryJournal, DuplicateJournal, TaskJournal } from '../journal/journal.ts'
import type { Registry } from '../handler/registry.ts'
import type { Resources } from '../resource/resources.ts'
import type { PlacementDeps } from './placement.ts'

/** Dependencies of the admission. */
export interface AdmissionDeps extends PlacementDeps {
  readonly registry: Registry
  readonly journal: TaskJournal
  readonly duplicates: DuplicateJournal
  readonly deliveries: Pick<DeliveryJournal, 'add'>
  readonly resources: Pick<Resources, 'reprioritise'>
  /** Epoch ms, not moved by a jump of the wall clock: for decisions that cannot be undone. */
  readonly provenNow: () => number
  /** A webhook is due. */
  readonly deliver: () => void
}
