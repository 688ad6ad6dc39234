import type { Task } from '../task/task.ts'
import { Counters } from './counters.ts'
import { Recorder, type RecorderOptions } from './recorder.ts'
import { Transitions, type TransitionsDeps } from './transitions.ts'

export interface LifecycleDeps
  extends Omit<RecorderOptions, 'counters' | 'now'>, Omit<TransitionsDeps, 'recorder' | 'counters'> {}

/** The tasks that have not ended, what becomes of them, and how many are in each status. */
export class Lifecycle {
  readonly counters = new Counters()
  readonly recorder: Recorder
  readonly transitions: Transitions

  constructor(deps: LifecycleDeps) {
    const { counters } = this
    this.recorder = new Recorder({ ...deps, counters, now: deps.clock.now })
    this.transitions = new Transitions({ ...deps, counters, recorder: this.recorder })
  }

  /** The newest version of a task that has not ended. */
  live(id: string): Task | undefined {
    return this.recorder.live(id)
  }
}
