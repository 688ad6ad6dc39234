import type { QueueControls } from '../../lifecycle/queue-view.ts'
import type { Hold } from '../../pool/pool-options.ts'
import type { TaskGroup } from '../../task/task-group.ts'

type ControlledView = QueueControls & { readonly ownSlots: number }

/** The view with the slots of this process in the place of those of all. */
export class OwnControls implements QueueControls {
  readonly #view: ControlledView

  constructor(view: ControlledView) {
    this.#view = view
  }

  get slots(): number {
    return this.#view.ownSlots
  }

  get capacity(): number {
    return this.#view.capacity
  }

  pause(hold?: Hold): void {
    this.#view.pause(hold)
  }

  resume(hold?: Hold): void {
    this.#view.resume(hold)
  }

  pauseGroups(groups: readonly TaskGroup[]): void {
    this.#view.pauseGroups(groups)
  }

  resize(bounds: { readonly slots?: number; readonly capacity?: number }): void {
    this.#view.resize(bounds)
  }
}
