import type { StepStore } from '../handler/ports.ts'
import type { StepJournal } from '../journal/journal.ts'
import { HeadgateError } from '../task/errors.ts'
import type { Recorder } from './recorder.ts'

/** The steps of runs in the journal; a run that is over can no longer save one. */
export function createStepStore(recorder: Recorder, steps: StepJournal): StepStore {
  return {
    load: (task, name) => steps.loadStep(task.id, name),
    async save(task, name, value) {
      if (recorder.live(task.id)?.run !== task.run) {
        throw new HeadgateError(
          'stale-run',
          `Run ${task.run} of task ${task.id} is over; step "${name}" is not kept.`,
        )
      }
      await steps.saveStep(task.id, name, value)
    },
  }
}
