import type { Priority } from '../task/priority.ts'

/** A caller sees its own tasks; an operator sees, and may end, everybody's. */
export const ROLES = ['caller', 'operator'] as const
export type Role = (typeof ROLES)[number]

/** Who makes a request. */
export interface Caller {
  /** What its tasks are kept under. */
  readonly name: string
  readonly role: Role
  /** The highest priority that it may ask for. */
  readonly maxPriority: Priority
  /** Turns that it gets for one of another, where callers take turns. Default: 1. */
  readonly weight?: number
}

/** Everybody on this machine, as long as there are no tokens. */
export const LOCAL_CALLER: Caller = { name: 'local', role: 'operator', maxPriority: 3 }

/** Whether a caller may see and end what `owner` submitted. */
export function maySee({ role, name }: Pick<Caller, 'role' | 'name'>, owner: string): boolean {
  return role === 'operator' || name === owner
}
