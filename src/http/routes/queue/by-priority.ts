import { PRIORITIES, PRIORITY_NAMES, type Priority, type PriorityName } from '../../../task/priority.ts'

/** One value for each level, by its name. */
export function byPriority<Value>(value: (priority: Priority) => Value): Record<PriorityName, Value> {
  return Object.fromEntries(PRIORITIES.map((level) => [PRIORITY_NAMES[level], value(level)])) as Record<
    PriorityName,
    Value
  >
}
