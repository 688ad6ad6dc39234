import type { IntakeMode } from '../admission/intake.ts'
import { formatLimits, parseLimits } from '../resource/parse-limits.ts'
import { HeadgateError } from '../task/errors.ts'
import { isSameGroup, type TaskGroup } from '../task/task-group.ts'

/** What an operator can pause. */
export type Scope = 'intake' | 'processing'

/** Who changed a control, and when, epoch ms. */
export interface ChangedBy {
  readonly by: string
  readonly at: number
}

/** Tasks of a type or a caller that are paused while others are not. */
export interface PausedGroup extends TaskGroup, ChangedBy {
  readonly scope: Scope
}

/** A control that an operator has changed. */
export interface ChangedControl extends ChangedBy {
  /** `max_workers`, `max_queue_size`, `resources.<name>`, `intake` or `processing`. */
  readonly name: string
  readonly value: string
  /** What the settings say. */
  readonly setting: string
}

/** Bounds that can be changed while the process runs. */
export interface Bounds {
  readonly maxWorkers?: number
  readonly maxQueueSize?: number
  /** Limits of resources in the words of the setting RESOURCES. */
  readonly resources?: Readonly<Record<string, string>>
}

/** What the settings say. */
export interface ControlSettings {
  readonly slots: number
  readonly capacity: number
  /** Limits by name, in words. */
  readonly resources: ReadonlyMap<string, string>
}

/** A limit set by an operator, and the setting that it replaces: when that changes, the limit is dropped. */
interface Replaced<Value> {
  readonly value: Value
  readonly insteadOf: Value
}

/** What operators have changed, as it is written down. */
export interface SavedControls {
  /** Whether newcomers are admitted. */
  readonly mode: IntakeMode
  readonly isProcessing: boolean
  readonly maxWorkers: Replaced<number> | null
  readonly maxQueueSize: Replaced<number> | null
  readonly resources: Readonly<Record<string, Replaced<string>>>
  readonly groups: readonly PausedGroup[]
  /** Who changed what last, by the name of the control. */
  readonly changedBy: Readonly<Record<string, ChangedBy>>
}

export const UNCHANGED: SavedControls = {
  mode: 'open',
  isProcessing: true,
  maxWorkers: null,
  maxQueueSize: null,
  resources: {},
  groups: [],
  changedBy: {},
}

/** Each is looked at for every task that is put into the queue. */
const MAX_GROUPS = 100

/** Reads what was written down, as far as the settings are as they were then. */
export function readControls(text: string, { slots, capacity, resources }: ControlSettings): SavedControls {
  // Older journals have the mode under the name `door`.
  const { door, ...saved } = JSON.parse(text) as Partial<SavedControls> & { door?: IntakeMode }
  const kept = { ...UNCHANGED, ...(door === undefined ? {} : { mode: door }), ...saved }
  const unchanged = Object.entries(kept.resources).filter(
    ([name, set]) => set.insteadOf === resources.get(name),
  )
  return {
    ...kept,
    maxWorkers: kept.maxWorkers?.insteadOf === slots ? kept.maxWorkers : null,
    maxQueueSize: kept.maxQueueSize?.insteadOf === capacity ? kept.maxQueueSize : null,
    resources: Object.fromEntries(unchanged),
  }
}

/** @throws HeadgateError `validation` when too many groups are paused */
export function pauseGroup(
  kept: SavedControls,
  scope: Scope,
  group: TaskGroup,
  { by, at }: ChangedBy,
): SavedControls {
  const { type, caller } = group
  const { groups } = resumeGroup(kept, scope, group)
  if (groups.length >= MAX_GROUPS) {
    throw new HeadgateError(
      'validation',
      `at most ${MAX_GROUPS} types and callers can be paused by themselves`,
    )
  }
  return { ...kept, groups: [...groups, { scope, type, caller, by, at }] }
}

export function resumeGroup(kept: SavedControls, scope: Scope, group: TaskGroup): SavedControls {
  return {
    ...kept,
    groups: kept.groups.filter((each) => each.scope !== scope || !isSameGroup(each, group)),
  }
}

export function setMode(kept: SavedControls, mode: IntakeMode, changed: ChangedBy): SavedControls {
  return { ...kept, mode, changedBy: { ...kept.changedBy, intake: changed } }
}

export function setProcessing(kept: SavedControls, isProcessing: boolean, changed: ChangedBy): SavedControls {
  return { ...kept, isProcessing, changedBy: { ...kept.changedBy, processing: changed } }
}

/** New bounds; one that is as the setting says is no longer a change. */
export function setBounds(
  kept: SavedControls,
  { maxWorkers, maxQueueSize, resources = {} }: Bounds,
  { changed, settings }: { readonly changed: ChangedBy; readonly settings: ControlSettings },
): SavedControls {
  const limits = new Map(Object.entries(kept.resources))
  const changedBy: Record<string, ChangedBy> = { ...kept.changedBy }
  for (const [name, given] of Object.entries(resources)) {
    const value = normalise(given)
    const insteadOf = settings.resources.get(name) ?? ''
    if (value === insteadOf) limits.delete(name)
    else limits.set(name, { value, insteadOf })
    changedBy[`resources.${name}`] = changed
  }
  if (maxWorkers !== undefined) changedBy['max_workers'] = changed
  if (maxQueueSize !== undefined) changedBy['max_queue_size'] = changed
  return {
    ...kept,
    maxWorkers: maxWorkers === undefined ? kept.maxWorkers : replace(maxWorkers, settings.slots),
    maxQueueSize: maxQueueSize === undefined ? kept.maxQueueSize : replace(maxQueueSize, settings.capacity),
    resources: Object.fromEntries(limits),
    changedBy,
  }
}

/** Every control that is not as the settings say. */
export function listChanged(kept: SavedControls): readonly ChangedControl[] {
  const { mode, isProcessing, maxWorkers, maxQueueSize, resources, changedBy } = kept
  const all: (readonly [string, Replaced<string | number> | null])[] = [
    ['max_workers', maxWorkers],
    ['max_queue_size', maxQueueSize],
    ...Object.entries(resources).map(([name, set]) => [`resources.${name}`, set] as const),
    ['intake', mode === 'open' ? null : { value: mode, insteadOf: 'open' }],
    ['processing', isProcessing ? null : { value: 'paused', insteadOf: 'running' }],
  ]
  return all.flatMap(([name, set]) => {
    if (set === null) return []
    // Older journals do not say who it was.
    const { by, at } = changedBy[name] ?? { by: '', at: 0 }
    return [{ name, value: `${set.value}`, setting: `${set.insteadOf}`, by, at }]
  })
}

function replace(value: number, insteadOf: number): Replaced<number> | null {
  return value === insteadOf ? null : { value, insteadOf }
}

function normalise(words: string): string {
  const limits = parseLimits(words)
  return typeof limits === 'string' ? words : formatLimits(limits)
}
