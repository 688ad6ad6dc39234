import { failure, TaskError, type Failure } from '../task/failure.ts'

const MAX_MESSAGE_CHARS = 2000

/** Describes in one line what was thrown, whatever it is: undefined, a proxy, an object whose getters throw. */
export function describeThrown(thrown: unknown): string {
  try {
    if (thrown instanceof Error) return firstLine(thrown.message) || thrown.name
    if (typeof thrown === 'object' && thrown !== null && 'message' in thrown) return firstLine(thrown.message)
    return `The handler threw ${firstLine(thrown)}, which is not an Error.`
  } catch {
    return 'The handler threw an object that cannot be read.'
  }
}

/** The failure of a task whose handler threw this. */
export function createFailure(thrown: unknown): Failure {
  try {
    if (thrown instanceof TaskError) return thrown.toFailure()
  } catch {
    // A proxy may throw on instanceof; it is described like any other object.
  }
  return failure('execution_error', describeThrown(thrown))
}

function firstLine(value: unknown): string {
  return (String(value).split('\n', 1)[0] ?? '').slice(0, MAX_MESSAGE_CHARS)
}
