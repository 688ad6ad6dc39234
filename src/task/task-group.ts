/** Tasks of one type, of one caller, or of one type of one caller: null stands for all. */
export interface TaskGroup {
  readonly type: string | null
  readonly caller: string | null
}

export function isInGroup(
  task: { readonly type: string; readonly caller: string },
  group: TaskGroup,
): boolean {
  return (
    (group.type === null || group.type === task.type) &&
    (group.caller === null || group.caller === task.caller)
  )
}

export function isSameGroup(one: TaskGroup, other: TaskGroup): boolean {
  return one.type === other.type && one.caller === other.caller
}
