import { failure, TaskError } from '../../task/failure.ts'
import type { AcquireReply, Cost, Lease } from '../../task/resource.ts'
import type { Task } from '../../task/task.ts'
import type { ErrorClass } from '../../task/error-class.ts'
import type { RunnerPorts } from '../ports.ts'
import { RescheduleError } from '../retry/reschedule-error.ts'

/** What a call of `ctx.resource` gets. */
export interface Granted {
  /** The secret to call with; null where the resource has none. Never log it. */
  readonly key: string | null
  /** Reports how many tokens the call has really used. */
  readonly used: (tokens: number) => void
}

export type UseResource = <Value>(
  name: string,
  ask: Partial<Cost>,
  work: (granted: Granted) => Promise<Value> | Value,
) => Promise<Value>

interface Use {
  readonly signal: AbortSignal
  readonly classifyThrown: (thrown: unknown) => ErrorClass
}

export interface OpenUse {
  readonly use: UseResource
  /** The run is over: calls that are left over from it get nothing more. */
  readonly close: () => void
}

export function createUse(task: Task, ports: RunnerPorts, { signal, classifyThrown }: Use): OpenUse {
  // Made when a handler first draws: most never do.
  let over: AbortController | null = null
  let isOver = false

  const use: UseResource = async (name, cost, work) => {
    assertCall(cost, work)
    const { weight = 1, tokens = 0 } = cost
    assertAsk({ weight, tokens })
    over ??= new AbortController()
    if (isOver) over.abort()
    const { id: taskId, priority } = task
    const either = AbortSignal.any([signal, over.signal])
    const reply = await ports.acquire(name, { taskId, priority, ask: { weight, tokens }, signal: either })
    const lease = acquireLease(name, reply)
    try {
      const value = await work({ key: lease.key, used: lease.used })
      lease.end(null)
      return value
    } catch (thrown) {
      const errorClass = classifyThrown(thrown)
      if (!lease.end(errorClass)) throw thrown
      throw parkedOn(name, errorClass, { thrown, now: ports.clock.now() })
    }
  }
  const close = () => {
    isOver = true
    over?.abort()
  }
  return { use, close }
}

/** Without types a call is easily written with an argument too few. */
function assertCall(cost: unknown, work: unknown): void {
  if (typeof cost === 'object' && cost !== null && typeof work === 'function') return
  throw new TypeError('ctx.resource: expected a name, a cost such as { tokens: 2000 }, and a function.')
}

function assertAsk({ weight, tokens }: Cost): void {
  if (!Number.isInteger(weight) || weight < 1)
    throw new RangeError(`weight: expected 1 or more, got ${weight}.`)
  if (!Number.isFinite(tokens) || tokens < 0)
    throw new RangeError(`tokens: expected 0 or more, got ${tokens}.`)
}

function acquireLease(name: string, reply: AcquireReply): Lease {
  switch (reply.kind) {
    case 'lease':
      return reply
    case 'busy':
      throw new RescheduleError({ reason: 'resource', failure: null, until: reply.until, resource: name })
    case 'refused': {
      if (reply.why === 'no-key') {
        throw new TaskError('provider_auth', `No key of the resource "${name}" is accepted any more.`)
      }
      throw new TaskError(
        'input_too_large',
        `One call asks for more than the resource "${name}" ever allows.`,
      )
    }
  }
}

/** The resource decides when to run again; the time is the current estimate. */
function parkedOn(
  name: string,
  errorClass: ErrorClass,
  { thrown, now }: { thrown: unknown; now: number },
): RescheduleError {
  if (errorClass.kind !== 'park') {
    // The key was refused, and there are others.
    const { message } = errorClass.failure
    const why = failure('provider_auth', message)
    return new RescheduleError(
      { reason: 'resource', failure: why, until: null, resource: name },
      { cause: thrown },
    )
  }
  const reason = errorClass.limit === 'quota' ? 'quota' : 'rate_limit'
  const until = errorClass.afterMs === null ? null : now + errorClass.afterMs
  return new RescheduleError(
    { reason, failure: errorClass.failure, until, resource: name },
    { cause: thrown },
  )
}
