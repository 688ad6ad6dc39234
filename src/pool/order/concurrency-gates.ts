import { isInGroup, type TaskGroup } from '../../task/task-group.ts'
import type { Ticket } from '../../task/ticket.ts'
import type { LaneKind } from './lane.ts'

const SUSPECTS = 'suspects'

export interface GateOptions {
  /** How many tasks of a type may run at once; Infinity for no limit of its own. */
  readonly concurrencyOf: (type: string) => number
  /** How many tasks of a caller may run at once; Infinity for no limit. */
  readonly maxRunningPerCaller: number
  /** Resources without which a task of this type need not begin. */
  readonly resourcesOf: (type: string) => readonly string[]
}

/**
 * What holds tasks back that could otherwise start: their type or their caller has as many running as it may, a
 * suspect runs already, a resource has no room, an operator has paused them. A shut gate closes its lanes, which are
 * then passed over without being looked at.
 */
export class ConcurrencyGates {
  readonly #options: GateOptions
  readonly #running = new Map<string, number>()
  #paused: readonly TaskGroup[] = []
  /** Shut from outside. */
  readonly #shut = new Set<string>()
  readonly #ofNew = new Map<string, LaneKind>()
  readonly #ofReturning = new Map<string, LaneKind>()
  readonly #changed: (gate: string) => void
  #newest: { readonly type: string; readonly hasRun: boolean; readonly kind: LaneKind } | null = null

  /** @param changed called when a gate may have opened or closed */
  constructor(options: GateOptions, changed: (gate: string) => void) {
    this.#options = options
    this.#changed = changed
  }

  /** The lane of a task, by the gates before it. */
  kindOf(ticket: Ticket): LaneKind {
    const { type, caller, hasRun, isSuspect } = ticket
    const { maxRunningPerCaller } = this.#options
    const kind = this.#kindOfType(type, hasRun)
    const isPaused = this.isPaused(ticket)
    if (maxRunningPerCaller === Infinity && !isSuspect && !isPaused) return kind
    const gates = [
      ...kind.gates,
      ...(isSuspect ? [SUSPECTS] : []),
      ...(isPaused ? this.#paused.filter((group) => isInGroup(ticket, group)).map(groupGate) : []),
      ...(maxRunningPerCaller === Infinity ? [] : [callerGate(caller)]),
    ]
    return { name: gates.join(), gates, isLasting: false }
  }

  /** Whether an operator has paused the tasks of its type or caller. */
  isPaused(ticket: Ticket): boolean {
    return this.#paused.length > 0 && this.#paused.some((group) => isInGroup(ticket, group))
  }

  /** The groups of which nothing starts from now on; those that were paused before may start again. */
  pauseGroups(groups: readonly TaskGroup[]): void {
    const before = this.#paused.map(groupGate)
    const after = groups.map(groupGate)
    this.#paused = groups
    for (const gate of before) this.#shut.delete(gate)
    for (const gate of after) this.#shut.add(gate)
    for (const gate of new Set([...before, ...after])) this.#changed(gate)
  }

  isOpen(gate: string): boolean {
    return !this.#shut.has(gate) && (this.#running.get(gate) ?? 0) < this.#limitOf(gate)
  }

  /** Running tasks of a type that has a limit of its own; 0 for others. */
  runningOf(type: string): number {
    return this.#running.get(typeGate(type)) ?? 0
  }

  /** Counts a task that starts, or, with −1, one that has ended. */
  count(ticket: Ticket, change: 1 | -1): void {
    const { gates } = this.kindOf(ticket)
    if (gates.length > 0) this.#countAt(gates, change)
  }

  #countAt(gates: readonly string[], change: 1 | -1): void {
    for (const gate of gates) {
      if (this.#limitOf(gate) === Infinity) continue
      const running = (this.#running.get(gate) ?? 0) + change
      if (running === 0) this.#running.delete(gate)
      else this.#running.set(gate, running)
      this.#changed(gate)
    }
  }

  setResource(name: string, isOpen: boolean): void {
    const gate = resourceGate(name)
    if (isOpen) this.#shut.delete(gate)
    else this.#shut.add(gate)
    this.#changed(gate)
  }

  /** A task that has run before was woken because there is room, or finds out: resources do not hold it back. */
  #kindOfType(type: string, hasRun: boolean): LaneKind {
    // Tasks of one type often come one behind the other.
    if (this.#newest?.type === type && this.#newest.hasRun === hasRun) return this.#newest.kind
    const kinds = hasRun ? this.#ofReturning : this.#ofNew
    let kind = kinds.get(type)
    if (kind === undefined) {
      const isLimited = this.#options.concurrencyOf(type) !== Infinity
      const resources = hasRun ? [] : this.#options.resourcesOf(type).map(resourceGate)
      const gates = [...(isLimited ? [typeGate(type)] : []), ...resources]
      kind = { name: gates.join(), gates, isLasting: true }
      kinds.set(type, kind)
    }
    this.#newest = { type, hasRun, kind }
    return kind
  }

  #limitOf(gate: string): number {
    if (gate === SUSPECTS) return 1
    if (gate.startsWith('type ')) return this.#options.concurrencyOf(gate.slice('type '.length))
    return gate.startsWith('caller ') ? this.#options.maxRunningPerCaller : Infinity
  }
}

const typeGate = (type: string) => `type ${type}`
const groupGate = ({ type, caller }: TaskGroup) => `paused ${JSON.stringify([type, caller])}`
const callerGate = (caller: string) => `caller ${caller}`
const resourceGate = (name: string) => `resource ${name}`
