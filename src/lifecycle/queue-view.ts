import type { WorkerPool } from '../pool/worker-pool.ts'
import type { Lifecycle } from './lifecycle.ts'
import type { Transitions } from './transitions.ts'

/** What is read of the queue: its numbers, and what waits. */
export type QueueView = Pick<
  WorkerPool,
  | 'slots'
  | 'capacity'
  | 'waiting'
  | 'running'
  | 'stuck'
  | 'isAtStuckLimit'
  | 'holds'
  | 'taken'
  | 'oldestCreatedAt'
  | 'waitingOf'
  | 'isWaiting'
  | 'aheadOfNewcomer'
  | 'waitingInOrder'
  | 'placeAfter'
  | 'tasksAhead'
>

/** What an operator sets, and what a shortage of the machine holds back. */
export type QueueControls = Pick<
  WorkerPool,
  'slots' | 'capacity' | 'pause' | 'resume' | 'pauseGroups' | 'resize'
>

/** What is read of the tasks that have not ended, and of what became of the others. */
export interface LifecycleView extends Pick<Lifecycle, 'counters' | 'live'> {
  readonly transitions: Pick<Transitions, 'waitSamples' | 'runSamples'>
}

/** How long a stop waits for running tasks: before they are aborted, and after. */
export interface StopLimits {
  /** Once settled, ends the wait. */
  readonly skipWait: Promise<void>
  readonly stopWaitMs: number
  readonly stopGraceMs: number
}
