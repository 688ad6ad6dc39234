import type { Journal } from '../journal/journal.ts'
import type { Registry } from '../handler/registry.ts'
import type { ProvenClock } from '../time/clock.ts'
import type { PlacementDeps } from './placement.ts'

/** Dependencies of the admission. */
export interface AdmissionDeps extends PlacementDeps {
  readonly registry: Registry
  readonly journal: Pick<Journal, 'tasks' | 'duplicates' | 'deliveries' | 'health'>
  readonly clock: ProvenClock
  /** A webhook is due. */
  readonly deliver: () => void
}
