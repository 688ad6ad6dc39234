import type { ProvenClock } from '../time/clock.ts'
import type { EventBody } from '../task/event.ts'
import type { AcquireRequest, AcquireReply } from '../task/resource.ts'
import type { Task, Upload } from '../task/task.ts'

/** Events that a running handler can cause itself. */
export type Report = Extract<EventBody, { type: 'log' | 'progress' | 'output' }>

/** Results of named steps, kept for later runs of the same task. Values are JSON text. */
export interface StepStore {
  load(task: Task, name: string): Promise<string | undefined>
  /** @throws HeadgateError `stale-run` when the run is over. */
  save(task: Task, name: string, value: string): Promise<void>
}

/** Dependencies of the runner. */
export interface RunnerPorts {
  /** Commits the start of a run and returns the task as it then is; null: it must not begin. */
  readonly started: (id: string) => Promise<Task | null>
  /** Records an event of a run; one of a run that is over is dropped. */
  readonly report: (task: Task, report: Report) => void
  readonly steps: StepStore
  /** Output that earlier runs of the task have reported, since the last reset. */
  readonly outputOf: (task: Task) => Promise<string>
  /**
   * Where the uploaded file lies.
   * @throws TaskError `input_missing` when it is not there as it came.
   */
  readonly fileOf: (upload: Upload) => Promise<string>
  /**
   * Acquires a named resource.
   * @throws HeadgateError `unknown-resource` for an undeclared name.
   */
  readonly acquire: (name: string, acquire: AcquireRequest) => Promise<AcquireReply>
  readonly clock: ProvenClock
  /** 0 to 1; spreads what would come back together. */
  readonly random: () => number
}
