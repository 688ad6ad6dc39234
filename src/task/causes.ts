/** Causes that are looked at: a chain that is longer says no more. */
const MAX_CAUSES = 20

/** An error and what caused it, outermost first; several attempts at once fail as one. Never throws. */
export function listCauses(error: unknown): object[] {
  const found: object[] = []
  const visit = (each: unknown): void => {
    if (typeof each !== 'object' || each === null || found.length === MAX_CAUSES || found.includes(each))
      return
    found.push(each)
    const { cause, errors } = each as Partial<AggregateError>
    visit(cause)
    if (Array.isArray(errors)) for (const inner of errors) visit(inner)
  }
  try {
    visit(error)
  } catch {
    // A proxy may throw whatever is asked.
  }
  return found
}

/** The first error of a class among an error and its causes. */
export function findCause<E>(error: unknown, type: abstract new (...args: never[]) => E): E | undefined {
  return listCauses(error).find((each): each is E & object => isInstance(each, type))
}

function isInstance<E>(value: object, type: abstract new (...args: never[]) => E): value is E & object {
  try {
    return value instanceof type
  } catch {
    return false
  }
}
