import { AsyncLocalStorage } from 'node:async_hooks'
import { failpoint } from '../failpoints.ts'
import { failure } from '../task/failure.ts'
import type { Headline, Outcome } from '../task/outcome.ts'
import type { Task, Upload } from '../task/task.ts'
import type { ErrorClass } from '../task/error-class.ts'
import { toText } from '../task/text.ts'
import { createContext, type Context } from './context/context.ts'
import type { TaskType } from './define-task.ts'
import { toJsonText } from './json-text.ts'
import type { RunnerPorts } from './ports.ts'
import type { Registry } from './registry.ts'
import { classify } from './retry/classify.ts'
import { findReschedule } from './retry/reschedule-error.ts'
import type { Moment, RetryPolicy } from './retry/retry-policy.ts'
import { createFailure } from './thrown.ts'

/** The run that the current asynchronous work belongs to, so that a floating rejection finds its task. */
interface CurrentRun {
  readonly task: Task
  stray: { readonly error: unknown } | null
}
const currentRun = new AsyncLocalStorage<CurrentRun>()

/**
 * The run of a task, top to bottom. Never rejects: whatever the handler does becomes an outcome. What the
 * guard decides (time limit, cancel, stop) goes before what is decided here.
 */
export function createRunner(registry: Registry, ports: RunnerPorts) {
  return async (task: Task, signal: AbortSignal): Promise<Outcome> => {
    const started = await ports.started(task)
    if (started === null) return failed('The start of the run could not be written down.')
    const type = registry.find(task.type)
    if (type === undefined) return failed(`No task type "${task.type}" is registered any more.`)
    const uploadPath = started.upload === null ? null : await pathOf(started.upload, ports)
    if (typeof uploadPath !== 'string' && uploadPath !== null) return uploadPath
    if (signal.aborted) return failed('The run was stopped before it began.')
    const policy = registry.policyOf(task.type)
    if (started.attempt === 1) policy.began()
    const classifyThrown = (thrown: unknown) => {
      const known = classify(thrown, ports.clock.now(), registry.listFailures(task.type))
      return withOwnWord(type, thrown, known)
    }
    const sentOutput = started.outputs === 0 ? '' : await ports.outputOf(started)
    const given = { signal, uploadPath, classifyThrown, sentOutput }
    const { context, close, faultOf } = createContext(started, given, ports)

    failpoint('handler-entered')
    const run: CurrentRun = { task: started, stray: null }
    const settled = await currentRun.run(run, () => settle(type, started, context))
    close()
    const fault = faultOf()
    if (fault !== null) return failed(fault)
    const thrown = run.stray === null ? settled : { thrown: run.stray.error }
    if (!('thrown' in thrown)) return thrown
    const moment = { now: ports.clock.now(), provenNow: ports.provenNow(), random: ports.random }
    return decide(policy, started, { thrown: thrown.thrown, classifyThrown, moment })
  }
}

/** Where the file of a task lies; an outcome when it is lost. */
async function pathOf(upload: Upload, ports: RunnerPorts): Promise<string | Outcome> {
  return ports.fileOf(upload).catch((thrown: unknown) => ({ kind: 'failed', failure: createFailure(thrown) }))
}

/** What the handler made of its run: an outcome, or what it threw. */
async function settle(
  type: TaskType,
  task: Task,
  context: Context,
): Promise<Outcome | { readonly thrown: unknown }> {
  try {
    const input = type.input.parse(task.input)
    const value = await type.run(input, context)
    failpoint('result-made')
    const frozen = toJsonText(value)
    if (!frozen.ok) return failed(`The result of the handler is not JSON-safe: ${frozen.why}.`)
    return { kind: 'completed', result: frozen.text, headline: toHeadline(value) }
  } catch (thrown) {
    return { thrown }
  }
}

interface Thrown {
  readonly thrown: unknown
  readonly classifyThrown: (thrown: unknown) => ErrorClass
  readonly moment: Moment
}

/** Another attempt, a pause, or the end. */
function decide(policy: RetryPolicy, task: Task, { thrown, classifyThrown, moment }: Thrown): Outcome {
  const wait = findReschedule(thrown)
  return wait === null ? policy.decide(task, classifyThrown(thrown), moment) : policy.wait(task, wait, moment)
}

/** What an error means: the type's own word goes before the built-in rules. */
function withOwnWord(type: TaskType, thrown: unknown, known: ErrorClass): ErrorClass {
  const own = classifyByType(type, thrown)
  if (own === undefined || own === known.kind) return known
  const { failure: why } = known
  const afterMs = why.retryAfterSeconds === null ? null : why.retryAfterSeconds * 1000
  switch (own) {
    case 'retry':
      return { kind: 'retry', failure: why, afterMs }
    case 'park':
      return { kind: 'park', limit: 'rate', failure: why, afterMs }
    case 'end':
      return { kind: 'end', failure: why, why: 'other' }
  }
}

/** A classifier of a task type may throw: then it has no effect. */
function classifyByType({ retry }: TaskType, thrown: unknown): 'retry' | 'park' | 'end' | undefined {
  try {
    const own: unknown = retry?.classify?.(thrown)
    return own === 'retry' || own === 'park' || own === 'end' ? own : undefined
  } catch {
    return undefined
  }
}

/** Longest field that the terminal event repeats, in characters; the result itself is whole. */
const MAX_HEADLINE_CHARS = 20_000

function toHeadline(result: unknown): Headline {
  const fields = typeof result === 'object' && result !== null ? (result as Record<string, unknown>) : {}
  const read = (key: keyof Headline) => {
    const value = fields[key]
    return typeof value === 'string' ? toText(value, MAX_HEADLINE_CHARS) : null
  }
  return { title: read('title'), summary: read('summary'), filename: read('filename'), hash: read('hash') }
}

function failed(message: string): Outcome {
  return { kind: 'failed', failure: failure('execution_error', message) }
}

/**
 * Finds the task whose handler left a promise floating, for `process.on('unhandledRejection')`: the task
 * fails when its handler settles. The reply is its id, or undefined when no run caused the error.
 */
export function attributeStrayError(error: unknown): string | undefined {
  const run = currentRun.getStore()
  if (run === undefined) return undefined
  run.stray ??= { error }
  return run.task.id
}
