import { z } from 'zod'
import { toText } from '../../task/text.ts'
import type { LogLevel } from '../../task/event.ts'
import type { ProgressDetail, Task } from '../../task/task.ts'
import type { ErrorClass } from '../../task/error-class.ts'
import type { RunnerPorts } from '../ports.ts'
import { createUse, type UseResource } from './use-resource.ts'
import { OutputText } from './output-text.ts'
import { createStep, type Step } from './step.ts'
import { ProgressThrottle, OutputBudget } from './throttle.ts'

/** Longest message of a log line or of a progress, in characters; the rest is cut. */
const MAX_LINE_CHARS = 2000
const MAX_STAGE_CHARS = 200
const LOG_LEVELS: ReadonlySet<string> = new Set(['info', 'warn', 'error'])
const progressDetail = z.object({
  stage: z.string().transform((stage) => toText(stage, MAX_STAGE_CHARS)),
  step: z.number(),
  totalSteps: z.number(),
})
const LOG_LINES = { perSecond: 100, inAll: 10_000 }
const OUTPUT_BYTES = { perSecond: 1024 * 1024, inAll: 10 * 1024 * 1024 }

/** The file that came with a task. */
export interface UploadedFile {
  readonly path: string
  readonly name: string
  /** Recognised from the content. */
  readonly mediaType: string
  readonly bytes: number
  readonly sha256: string
}

/** What a handler gets beside its input. */
export interface Context {
  readonly taskId: string
  /** 1 for the first attempt. */
  readonly attempt: number
  /** The attempt after which an error is no longer tried again. */
  readonly maxAttempts: number
  /** Aborted when the run has to stop: its time limit, a cancel, a shutdown. Pass it on to what you await. */
  readonly signal: AbortSignal
  readonly upload: UploadedFile | null
  /** Reports the progress: 0 to 100, never falling; at most four a second are sent, the latest wins. */
  readonly progress: (percent: number, message?: string, detail?: ProgressDetail) => void
  /** One line for readers of the stream; at most 100 a second and 10 000 a run. */
  readonly log: (message: string, level?: LogLevel) => void
  /**
   * Text of the result as it is written; at most 1 MB a second and 10 MB a run. A later run of the same task writes from the
   * beginning: what earlier runs have reported is not sent again, and a text that differs replaces it.
   */
  readonly output: (chunk: string) => void
  /**
   * Runs `work` once and keeps its result under `name`: a later run of the same task gets the result back
   * without running it. The result must be JSON-safe data; it is returned as JSON gives it back. Steps may
   * run side by side.
   *
   * @throws HeadgateError `duplicate-step` when a run uses one name twice, and its work has not thrown.
   */
  readonly step: Step
  /**
   * Runs `work` with a named resource acquired: `weight` units at once (default 1) and `tokens`. A short
   * wait happens here; for a longer one, or when the provider answers 429, the run ends by a throw that a handler
   * must not catch, and the task runs again when there is room: without a slot meanwhile, without using an attempt, and
   * with every kept step done.
   *
   * @example ctx.resource('llm', { tokens: 2000 }, ({ key }) => ask(prompt, key))
   * @throws HeadgateError `unknown-resource` for an undeclared name.
   */
  readonly resource: UseResource
}

export interface OpenContext {
  readonly context: Context
  /** Sends what was held back. */
  readonly close: () => void
  /** What the handler reported that cannot be written down, and so fails its task; null: nothing. */
  readonly faultOf: () => string | null
}

export interface RunGiven {
  readonly signal: AbortSignal
  /** Where the file that came with the task lies. */
  readonly uploadPath: string | null
  /** What an error means for the task. */
  readonly classifyThrown: (thrown: unknown) => ErrorClass
  /** Output that earlier runs have reported. */
  readonly sentOutput: string
}

export function createContext(
  task: Task,
  { signal, uploadPath, classifyThrown, sentOutput }: RunGiven,
  ports: RunnerPorts,
): OpenContext {
  const { use, close: closeUse } = createUse(task, ports, { signal, classifyThrown })
  const reports = createReports(task, ports, sentOutput)
  const { progress, log, output } = reports
  const context: Context = {
    taskId: task.id,
    attempt: task.attempt,
    maxAttempts: task.maxAttempts,
    signal,
    upload: task.upload && { ...task.upload, path: uploadPath ?? '' },
    progress,
    log,
    output,
    step: createStep(task, ports.steps),
    resource: use,
  }
  const close = () => {
    closeUse()
    reports.close()
  }
  return { context, close, faultOf: reports.faultOf }
}

type Reports = Pick<Context, 'progress' | 'log' | 'output'> & Pick<OpenContext, 'close' | 'faultOf'>
type Budgets = [ProgressThrottle | null, OutputBudget | null, OutputBudget | null, OutputText | null]

const DETAIL_EXPECTED = 'the detail is to be { stage: string, step: number, totalSteps: number }'

/** What a handler may report of its run, within its bounds. */
function createReports(task: Task, ports: RunnerPorts, sentOutput: string): Reports {
  const { clock } = ports
  const say = lineTeller(task, ports)
  let fault: string | null = null
  // A report that is thrown back would end the process where nothing awaits it, as in a timer.
  const refuse = (call: string, why: string) => {
    fault ??= `ctx.${call}: ${why}`
  }
  // Made when a handler first reports: most short ones never do.
  let [throttle, lines, bytes, text]: Budgets = [null, null, null, null]
  let index = task.outputs
  return {
    progress: (percent, message, detail) => {
      const checked = checkDetail(detail)
      if (checked === undefined) return refuse('progress', DETAIL_EXPECTED)
      throttle ??= new ProgressThrottle((report) => ports.report(task, report), clock, task.progress ?? 0)
      const line = message === undefined ? null : toText(message, MAX_LINE_CHARS)
      throttle.report(typeof percent === 'number' ? percent : NaN, line, checked)
    },
    log: (message, level = 'info') => {
      lines ??= new OutputBudget(LOG_LINES, clock)
      if (lines.spend(1)) say(message, LOG_LEVELS.has(level) ? level : 'info')
    },
    output: (chunk) => {
      if (typeof chunk !== 'string') return refuse('output', `expected a string, got ${typeof chunk}`)
      text ??= new OutputText(sentOutput)
      const output = text.push(chunk)
      if (output === null) return
      bytes ??= new OutputBudget(OUTPUT_BYTES, clock)
      if (!bytes.spend(Buffer.byteLength(output.chunk))) return
      const reset = output.reset ? ({ reset: true } as const) : {}
      ports.report(task, { type: 'output', index, chunk: output.chunk, ...reset })
      index += 1
    },
    close: () => {
      throttle?.close()
      if (isExceeded(lines)) say(`${lines.refused} log lines were left out: too many.`, 'warn')
      if (isExceeded(bytes)) say(`${bytes.refused} bytes of output were left out: too many.`, 'warn')
    },
    faultOf: () => fault,
  }
}

/** The detail of a progress as it can be written down; undefined: it is none. */
function checkDetail(detail: unknown): ProgressDetail | null | undefined {
  if (detail == null) return null
  const parsed = progressDetail.safeParse(detail)
  return parsed.success ? parsed.data : undefined
}

function lineTeller(task: Task, ports: RunnerPorts) {
  return (message: string, level: LogLevel) =>
    ports.report(task, { type: 'log', message: toText(message, MAX_LINE_CHARS), level })
}

function isExceeded(budget: OutputBudget | null): budget is OutputBudget {
  return budget !== null && budget.refused > 0
}
