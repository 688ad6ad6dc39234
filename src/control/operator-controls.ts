import type { Logger } from 'pino'
import type { Admission } from '../admission/admission.ts'
import type { NoteJournal } from '../journal/journal.ts'
import type { WorkerPool } from '../pool/worker-pool.ts'
import { formatLimits, parseLimits } from '../resource/parse-limits.ts'
import type { Resources } from '../resource/resources.ts'
import { HeadgateError } from '../task/errors.ts'

/** What an operator can pause. */
export type Scope = 'intake' | 'processing'

/** Bounds that can be changed while the process runs. */
export interface Bounds {
  readonly maxWorkers?: number
  readonly maxQueueSize?: number
  /** Limits of resources in the words of the setting RESOURCES. */
  readonly resources?: Readonly<Record<string, string>>
}

export interface ControlsDeps {
  readonly pool: WorkerPool
  readonly admission: Admission
  readonly resources: Resources
  readonly notes: NoteJournal
  readonly log: Logger
}

/** A limit set by an operator, and the setting that it replaces: when that changes, the limit is dropped. */
interface Turned<Value> {
  readonly value: Value
  readonly insteadOf: Value
}

interface SavedControls {
  /** Whether newcomers are admitted. */
  readonly mode: 'open' | 'paused' | 'draining'
  readonly isProcessing: boolean
  readonly maxWorkers: Turned<number> | null
  readonly maxQueueSize: Turned<number> | null
  readonly resources: Readonly<Record<string, Turned<string>>>
}

interface ControlChange {
  readonly by: string
  readonly what: object
  /** The turn before it. */
  readonly before: Promise<void>
}

const NOTE = 'controls'
const NOTHING: SavedControls = {
  mode: 'open',
  isProcessing: true,
  maxWorkers: null,
  maxQueueSize: null,
  resources: {},
}

/** The operator controls of an operator: each turn is written down, then takes effect at once, and outlives the process. */
export class OperatorControls {
  readonly #deps: ControlsDeps
  readonly #settings: {
    readonly slots: number
    readonly capacity: number
    readonly resources: Map<string, string>
  }
  #kept = NOTHING
  /** Turns are made one after the other. */
  #last: Promise<void> = Promise.resolve()

  constructor(deps: ControlsDeps) {
    const { pool, resources } = deps
    this.#deps = deps
    const words = resources.view().map(({ name, limits }) => [name, limits] as const)
    this.#settings = { slots: pool.slots, capacity: pool.capacity, resources: new Map(words) }
  }

  /** What can be paused and is. */
  get paused(): readonly Scope[] {
    const { mode, isProcessing } = this.#kept
    return [
      ...(mode === 'paused' ? (['intake'] as const) : []),
      ...(isProcessing ? [] : (['processing'] as const)),
    ]
  }

  /** Takes over what an operator has set before, as far as the settings are as they were then. */
  async load(): Promise<void> {
    const text = await this.#deps.notes.loadNote(NOTE)
    if (text === undefined) return
    // Older journals have the mode under the name `door`.
    const { door, ...saved } = JSON.parse(text) as Partial<SavedControls> & { door?: SavedControls['mode'] }
    const kept = { ...NOTHING, ...(door === undefined ? {} : { mode: door }), ...saved }
    const { slots, capacity, resources } = this.#settings
    const unchanged = Object.entries(kept.resources).filter(
      ([name, set]) => set.insteadOf === resources.get(name),
    )
    this.#kept = {
      ...kept,
      maxWorkers: kept.maxWorkers?.insteadOf === slots ? kept.maxWorkers : null,
      maxQueueSize: kept.maxQueueSize?.insteadOf === capacity ? kept.maxQueueSize : null,
      resources: Object.fromEntries(unchanged),
    }
    this.#apply()
    this.#deps.log.warn({ controls: this.#kept }, 'operator controls restored')
  }

  /** @throws HeadgateError `journal-unavailable` when it cannot be written down; then nothing has changed. */
  pause(scope: Scope, by: string): Promise<void> {
    return this.#change(by, { pause: scope }, (kept) =>
      scope === 'intake' ? { ...kept, mode: 'paused' } : { ...kept, isProcessing: false },
    )
  }

  /** Ends a pause, and of the admission a drain too. @throws as `pause` */
  resume(scope: Scope, by: string): Promise<void> {
    return this.#change(by, { resume: scope }, (kept) =>
      scope === 'intake' ? { ...kept, mode: 'open' } : { ...kept, isProcessing: true },
    )
  }

  /** Takes no more, and works on until nothing is left. @throws as `pause` */
  drain(by: string): Promise<void> {
    return this.#change(by, { drain: true }, (kept) => ({ ...kept, mode: 'draining' }))
  }

  /**
   * New limits, at once: with fewer slots, running tasks continue and none starts until there is a free slot.
   * @throws HeadgateError `validation` for an undeclared resource or invalid limits; as `pause`
   */
  configure(bounds: Bounds, by: string): Promise<void> {
    for (const [name, words] of Object.entries(bounds.resources ?? {})) {
      const limits = this.#settings.resources.has(name) ? parseLimits(words) : 'there is no such resource'
      if (typeof limits === 'string') throw new HeadgateError('validation', `resources.${name}: ${limits}`)
    }
    return this.#change(by, bounds, (kept) => this.#with(kept, bounds))
  }

  #with(kept: SavedControls, { maxWorkers, maxQueueSize, resources = {} }: Bounds): SavedControls {
    const { slots, capacity, resources: words } = this.#settings
    const limits = Object.entries(resources).map(([name, value]) => {
      return [name, { value, insteadOf: words.get(name) ?? '' }] as const
    })
    return {
      ...kept,
      maxWorkers: maxWorkers === undefined ? kept.maxWorkers : { value: maxWorkers, insteadOf: slots },
      maxQueueSize:
        maxQueueSize === undefined ? kept.maxQueueSize : { value: maxQueueSize, insteadOf: capacity },
      resources: { ...kept.resources, ...Object.fromEntries(limits) },
    }
  }

  #change(by: string, what: object, next: (kept: SavedControls) => SavedControls): Promise<void> {
    const turned = this.#make({ by, what, before: this.#last }, next)
    this.#last = turned.catch(() => undefined)
    return turned
  }

  async #make(
    { by, what, before }: ControlChange,
    next: (kept: SavedControls) => SavedControls,
  ): Promise<void> {
    await before
    const kept = next(this.#kept)
    await this.#deps.notes.saveNote(NOTE, JSON.stringify(kept))
    this.#kept = kept
    this.#apply()
    this.#deps.log.warn({ by, ...what }, 'control changed')
  }

  #apply(): void {
    const { pool, admission, resources } = this.#deps
    const { mode, isProcessing, maxWorkers, maxQueueSize } = this.#kept
    admission.setMode(mode)
    for (const [name, { value }] of Object.entries(this.#kept.resources)) {
      const limits = parseLimits(value)
      const resource = resources.has(name) ? resources.find(name) : undefined
      if (typeof limits !== 'string' && formatLimits(limits) !== formatLimits(resource?.limits ?? {})) {
        resource?.resize(limits)
      }
    }
    const { slots, capacity } = this.#settings
    pool.resize({ slots: maxWorkers?.value ?? slots, capacity: maxQueueSize?.value ?? capacity })
    if (isProcessing) pool.resume('operator')
    else pool.pause('operator')
  }
}
