/** The four levels, lowest first; the number is the wire value (0–3) and indexes this list. */
export const PRIORITY_NAMES = ['LOW', 'NORMAL', 'HIGH', 'URGENT'] as const

export type PriorityName = (typeof PRIORITY_NAMES)[number]
export type Priority = 0 | 1 | 2 | 3

export const PRIORITIES = [0, 1, 2, 3] as const satisfies readonly Priority[]
export const DEFAULT_PRIORITY: Priority = 1

export function priorityName(priority: Priority): PriorityName {
  return PRIORITY_NAMES[priority]
}

/** Reads `2`, `"2"` or `"HIGH"`; anything else is undefined, never rounded or clamped. */
export function parsePriority(value: unknown): Priority | undefined {
  const named = PRIORITY_NAMES.indexOf(value as PriorityName)
  if (named >= 0) return named as Priority
  const digit = typeof value === 'string' && /^[0-3]$/.test(value) ? Number(value) : value
  return PRIORITIES.find((priority) => priority === digit)
}
