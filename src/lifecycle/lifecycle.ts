import type { Task } from '../task/task.ts'
import type { Counters } from './counters.ts'
import type { Recorder } from './recorder.ts'
import { Transitions, type TransitionsDeps } from './transitions.ts'

/** The tasks that have not ended, what becomes of them, and how many are in each status. */
export class Lifecycle {
  readonly counters: Counters
  readonly recorder: Recorder
  readonly transitions: Transitions

  constructor(deps: TransitionsDeps) {
    this.recorder = deps.recorder
    this.counters = deps.recorder.counters
    this.transitions = new Transitions(deps)
  }

  /** The newest version of a task that has not ended. */
  live(id: string): Task | undefined {
    return this.recorder.live(id)
  }
}
