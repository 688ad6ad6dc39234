import { HeadgateError } from '../../task/errors.ts'
import { TaskError } from '../../task/failure.ts'
import { failpoint } from '../../failpoints.ts'
import type { Task } from '../../task/task.ts'
import { toJsonText } from '../json-text.ts'
import type { StepStore } from '../ports.ts'

const MAX_NAME_CHARS = 500

export type Step = <Value>(name: string, work: () => Promise<Value> | Value) => Promise<Value>

export function createStep(task: Task, steps: StepStore): Step {
  let used: Set<string> | null = null
  /** A step that has failed may be tried again by the same run. */
  const done = async <Value>(name: string, work: () => Promise<Value> | Value): Promise<Value> => {
    try {
      return await work()
    } catch (error) {
      used?.delete(name)
      throw error
    }
  }

  return async <Value>(name: string, work: () => Promise<Value> | Value): Promise<Value> => {
    if (typeof name !== 'string' || name === '' || name.length > MAX_NAME_CHARS)
      throw new TypeError(`The name of a step is a text of 1 to ${MAX_NAME_CHARS} characters.`)
    used ??= new Set()
    if (used.has(name))
      throw new HeadgateError('duplicate-step', `Two steps of this run are named "${name}".`)
    used.add(name)

    const kept = await steps.load(task, name)
    if (kept !== undefined) return JSON.parse(kept) as Value

    const frozen = toJsonText(await done(name, work))
    if (!frozen.ok) {
      throw new TaskError('execution_error', `The result of step "${name}" is not JSON-safe: ${frozen.why}.`)
    }
    await steps.save(task, name, frozen.text)
    failpoint('step-saved')
    return JSON.parse(frozen.text) as Value
  }
}
