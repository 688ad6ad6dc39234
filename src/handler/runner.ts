import { AsyncLocalStorage } from 'node:async_hooks'
import { failpoint } from '../failpoints.ts'
import { failure, type Failure } from '../task/failure.ts'
import type { Headline, Outcome } from '../task/outcome.ts'
import type { Task, Upload } from '../task/task.ts'
import type { ErrorClass } from '../task/error-class.ts'
import { toText } from '../task/text.ts'
import { createContext, type Context, type OpenContext } from './context/context.ts'
import type { TaskType } from './define-task.ts'
import { toJsonText } from './json-text.ts'
import type { RunnerPorts } from './ports.ts'
import type { Registry } from './registry.ts'
import { classify } from './retry/classify.ts'
import { findReschedule } from './retry/reschedule-error.ts'
import type { RetryPolicy } from './retry/retry-policy.ts'
import { createFailure } from './thrown.ts'

/** The run that the current asynchronous work belongs to, so that a floating rejection finds its task. */
interface CurrentRun {
  readonly task: Task
  stray: { readonly error: unknown } | null
}
const currentRun = new AsyncLocalStorage<CurrentRun>()

interface Started {
  /** As it was when the run started. */
  readonly task: Task
  readonly type: TaskType
  readonly signal: AbortSignal
  readonly kept: Kept
}

/** What is kept of a task outside of it. */
interface Kept {
  /** null: no file came with it. */
  readonly uploadPath: string | null
  /** Output of earlier runs. */
  readonly sentOutput: string
}

const NOTHING: Kept = { uploadPath: null, sentOutput: '' }

/** One run of a handler, from its start to its outcome. */
interface Run extends Omit<Started, 'kept'> {
  readonly policy: RetryPolicy
  readonly classifyThrown: (thrown: unknown) => ErrorClass
  readonly handle: OpenContext
}

/** What the handler made of its run: an outcome, or what it threw. */
type Settled = Outcome | { readonly thrown: unknown }

/** The run ended before its handler began. */
class NotBegun extends Error {
  readonly failure: Failure

  constructor(why: Failure) {
    super(why.message)
    this.failure = why
  }
}

/**
 * The run of a task, by its id: start → recall → prepare → execute → decide. Never rejects: whatever the handler does becomes an
 * outcome. What the guard decides (time limit, cancel, stop) goes before what is decided here.
 */
export function createRunner(registry: Registry, ports: RunnerPorts) {
  return async (id: string, signal: AbortSignal): Promise<Outcome> => {
    try {
      const task = assertStarted(await ports.started(id))
      const type = findType(task, registry)
      const kept = task.upload === null && task.outputs === 0 ? NOTHING : await recall(task, ports)
      const run = prepare({ task, type, signal, kept }, registry, ports)
      return decide(run, await execute(run), ports)
    } catch (error) {
      if (error instanceof NotBegun) return { kind: 'failed', failure: error.failure }
      throw error
    }
  }
}

function assertStarted(task: Task | null): Task {
  if (task === null) throw notBegun('The start of the run could not be written down.')
  return task
}

function findType({ type: name }: Task, registry: Registry): TaskType {
  const type = registry.find(name)
  if (type === undefined) throw notBegun(`No task type "${name}" is registered any more.`)
  return type
}

/** Looks up the file of a task, and the output of its earlier runs. */
async function recall(task: Task, ports: RunnerPorts): Promise<Kept> {
  const { upload, outputs } = task
  return {
    uploadPath: upload === null ? null : await openUpload(upload, ports),
    sentOutput: outputs === 0 ? '' : await ports.outputOf(task),
  }
}

/** Gathers what the handler is given. */
function prepare({ task, type, signal, kept }: Started, registry: Registry, ports: RunnerPorts): Run {
  const policy = registry.policyOf(type.type)
  if (task.attempt === 1) policy.began()
  const classifyThrown = (thrown: unknown) => {
    const known = classify(thrown, ports.clock.now(), registry.listFailures(type.type))
    return withOwnWord(type, thrown, known)
  }
  const handle = createContext(task, { signal, classifyThrown, ...kept }, ports)
  return { task, type, signal, policy, classifyThrown, handle }
}

/** Where the file of a task lies. */
async function openUpload(upload: Upload, ports: RunnerPorts): Promise<string> {
  return ports.fileOf(upload).catch((thrown: unknown) => {
    throw new NotBegun(createFailure(thrown))
  })
}

/** Calls the handler; an error that it left floating counts as thrown. */
async function execute({ task, type, signal, handle }: Run): Promise<Settled> {
  // In the turn in which the handler begins: it would wait for an abort that has been.
  if (signal.aborted) throw notBegun('The run was stopped before it began.')
  failpoint('handler-entered')
  const current: CurrentRun = { task, stray: null }
  const settled = await currentRun.run(current, () => settle(type, task, handle.context))
  handle.close()
  const fault = handle.faultOf()
  if (fault !== null) return failed(fault)
  return current.stray === null ? settled : { thrown: current.stray.error }
}

async function settle(type: TaskType, task: Task, context: Context): Promise<Settled> {
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

/** The outcome of the handler, or, for what it threw: another attempt, a pause, or the end. */
function decide({ task, policy, classifyThrown }: Run, settled: Settled, ports: RunnerPorts): Outcome {
  if (!('thrown' in settled)) return settled
  const { thrown } = settled
  const moment = { now: ports.clock.now(), provenNow: ports.clock.provenNow(), random: ports.random }
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

function notBegun(message: string): NotBegun {
  return new NotBegun(failure('execution_error', message))
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
