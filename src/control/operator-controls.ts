import type { Logger } from 'pino'
import type { QueueAdmission } from '../admission/queue-admission.ts'
import type { NoteJournal } from '../journal/journal.ts'
import type { QueueControls } from '../lifecycle/queue-view.ts'
import { formatLimits, parseLimits } from '../resource/parse-limits.ts'
import type { ResourceControls } from '../resource/resources.ts'
import { HeadgateError } from '../task/errors.ts'
import type { TaskGroup } from '../task/task-group.ts'
import type { Clock } from '../time/clock.ts'
import {
  listChanged,
  pauseGroup,
  readControls,
  resumeGroup,
  setBounds,
  setMode,
  setProcessing,
  UNCHANGED,
  type Bounds,
  type ChangedBy,
  type ChangedControl,
  type ControlSettings,
  type PausedGroup,
  type SavedControls,
  type Scope,
} from './saved-controls.ts'

export interface ControlsDeps {
  readonly pool: QueueControls
  readonly admission: Pick<QueueAdmission, 'intake'>
  readonly resources: ResourceControls
  readonly notes: NoteJournal
  readonly clock: Pick<Clock, 'now'>
  readonly log: Logger
  /** A change is written down: other processes may want to know. */
  readonly changed?: () => void
}

interface ControlChange {
  readonly by: string
  readonly what: object
  /** The change before it. */
  readonly before: Promise<void>
}

type Decide = (kept: SavedControls, changed: ChangedBy) => SavedControls

const NOTE = 'controls'

/** The controls of an operator: each change is written down, then takes effect at once, and outlives the process. */
export class OperatorControls {
  readonly #deps: ControlsDeps
  readonly #settings: ControlSettings
  #kept = UNCHANGED
  /** The note as it was last read or written. */
  #text: string | undefined
  /** Changes are made one after the other. */
  #last: Promise<void> = Promise.resolve()

  constructor(deps: ControlsDeps) {
    const { pool, resources } = deps
    this.#deps = deps
    const words = resources.view().map(({ name, limits }) => [name, limits] as const)
    this.#settings = { slots: pool.slots, capacity: pool.capacity, resources: new Map(words) }
  }

  /** What can be paused and is, as a whole. */
  get paused(): readonly Scope[] {
    const { mode, isProcessing } = this.#kept
    return [
      ...(mode === 'paused' ? (['intake'] as const) : []),
      ...(isProcessing ? [] : (['processing'] as const)),
    ]
  }

  /** Types and callers whose tasks are paused while others are not. */
  get pausedGroups(): readonly PausedGroup[] {
    return this.#kept.groups
  }

  /** Slots and places as they are now, of this process. */
  get bounds(): Pick<QueueControls, 'slots' | 'capacity'> {
    return this.#deps.pool
  }

  /** Every control that is not as the settings say. */
  get changed(): readonly ChangedControl[] {
    return listChanged(this.#kept)
  }

  /** Takes over what an operator has set, before or in another process, as far as the settings are as they were then. */
  async load(): Promise<void> {
    const text = await this.#deps.notes.loadNote(NOTE)
    if (text === undefined || text === this.#text) return
    this.#text = text
    this.#kept = readControls(text, this.#settings)
    this.#apply()
    this.#deps.log.warn({ controls: this.#kept }, 'operator controls restored')
  }

  /**
   * Pauses the intake or the processing: of all tasks or, of these alone, of a group.
   *
   * @throws HeadgateError `journal-unavailable` when it cannot be written down; then nothing has changed.
   */
  pause(scope: Scope, by: string, group: TaskGroup | null = null): Promise<void> {
    return this.#change(by, { pause: scope, ...group }, (kept, changed) => {
      if (group !== null) return pauseGroup(kept, scope, group, changed)
      return scope === 'intake' ? setMode(kept, 'paused', changed) : setProcessing(kept, false, changed)
    })
  }

  /** Ends a pause of all tasks, and of the intake a drain too, or the pause of a group. @throws as `pause` */
  resume(scope: Scope, by: string, group: TaskGroup | null = null): Promise<void> {
    return this.#change(by, { resume: scope, ...group }, (kept, changed) => {
      if (group !== null) return resumeGroup(kept, scope, group)
      return scope === 'intake' ? setMode(kept, 'open', changed) : setProcessing(kept, true, changed)
    })
  }

  /** Takes no more, and works until nothing is left. @throws as `pause` */
  drain(by: string): Promise<void> {
    return this.#change(by, { drain: true }, (kept, changed) => setMode(kept, 'draining', changed))
  }

  /**
   * New limits, at once: with fewer slots, running tasks continue and none starts until there is a free slot.
   * @throws HeadgateError `validation` for an undeclared resource or invalid limits; as `pause`
   */
  configure(bounds: Bounds, by: string): Promise<void> {
    const settings = this.#settings
    for (const [name, words] of Object.entries(bounds.resources ?? {})) {
      const limits = settings.resources.has(name) ? parseLimits(words) : 'there is no such resource'
      if (typeof limits === 'string') throw new HeadgateError('validation', `resources.${name}: ${limits}`)
    }
    return this.#change(by, bounds, (kept, changed) => setBounds(kept, bounds, { changed, settings }))
  }

  #change(by: string, what: object, decide: Decide): Promise<void> {
    const changing = this.#make({ by, what, before: this.#last }, decide)
    this.#last = changing.catch(() => undefined)
    return changing
  }

  async #make({ by, what, before }: ControlChange, decide: Decide): Promise<void> {
    const { notes, clock, log, changed } = this.#deps
    await before
    // Another process may have changed it.
    await this.load()
    const kept = decide(this.#kept, { by, at: clock.now() })
    const text = JSON.stringify(kept)
    await notes.saveNote(NOTE, text)
    this.#text = text
    this.#kept = kept
    this.#apply()
    changed?.()
    log.warn({ by, ...what }, 'control changed')
  }

  #apply(): void {
    const { pool, admission, resources } = this.#deps
    const { mode, isProcessing, maxWorkers, maxQueueSize, groups } = this.#kept
    const { slots, capacity, resources: words } = this.#settings
    const ofScope = (scope: Scope) => groups.filter((group) => group.scope === scope)
    admission.intake.set(mode, ofScope('intake'))
    for (const [name, setting] of words) {
      const limits = parseLimits(this.#kept.resources[name]?.value ?? setting)
      const resource = resources.has(name) ? resources.find(name) : undefined
      if (typeof limits !== 'string' && formatLimits(limits) !== formatLimits(resource?.limits ?? {})) {
        resource?.resize(limits)
      }
    }
    pool.pauseGroups(ofScope('processing'))
    pool.resize({ slots: maxWorkers?.value ?? slots, capacity: maxQueueSize?.value ?? capacity })
    if (isProcessing) pool.resume('operator')
    else pool.pause('operator')
  }
}
