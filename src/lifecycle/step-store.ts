import type { StepStore } from '../handler/ports.ts'
import type { StepJournal } from '../journal/journal.ts'

/** The steps of runs in the journal, which refuses one of a run that is over. */
/** @param now epoch ms */
export function createStepStore(steps: StepJournal, now: () => number): StepStore {
  return {
    load: ({ id }, name) => steps.loadStep(id, name),
    save: ({ id, run }, name, value) => steps.saveStep({ id, run }, { name, value, savedAt: now() }),
  }
}
