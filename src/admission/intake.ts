import { isInGroup, type TaskGroup } from '../task/task-group.ts'

/** Whether new tasks are accepted; `draining`: no more, until the queue is empty. */
export type IntakeMode = 'open' | 'paused' | 'draining'

/** Which new tasks are accepted: none after the stop has begun, and what an operator lets in. Admitted tasks continue. */
export class Intake {
  #isClosed = false
  #mode: IntakeMode = 'open'
  #paused: readonly TaskGroup[] = []

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Whether nothing more is accepted because the process comes to its end, or an operator empties the queue. */
  get isDraining(): boolean {
    return this.#isClosed || this.#mode === 'draining'
  }

  /** Whether anything is accepted; single groups may be paused even so. */
  get isOpen(): boolean {
    return !this.#isClosed && this.#mode === 'open'
  }

  /** What an operator decides. @param paused groups that are refused while all others are accepted */
  set(mode: IntakeMode, paused: readonly TaskGroup[]): void {
    this.#mode = mode
    this.#paused = paused
  }

  /** Accepts nothing more, for good. */
  close(): void {
    this.#isClosed = true
  }

  /** Why a task of this caller is refused, or null. @param type null: not known yet, groups with a type are passed over */
  refusal(caller: string, type: string | null): 'draining' | 'intake-paused' | null {
    if (this.isDraining) return 'draining'
    if (this.#mode === 'paused') return 'intake-paused'
    const isPaused = this.#paused.some((group) => isInGroup({ type: type ?? '', caller }, group))
    return isPaused ? 'intake-paused' : null
  }
}
