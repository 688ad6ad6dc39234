/** The public API of Headgate: the Fastify plugin, and what a task of your own is made of. */
import './node-version.ts'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Caller } from './auth/caller.ts'
import { compose } from './app/app.ts'
import { BUILTIN_TASKS, type BuiltinTask } from './config/builtin-tasks.ts'
import { readSettings } from './config/read.ts'
import { SETTINGS } from './config/settings.ts'
import type { TaskType } from './handler/define-task.ts'
import { HeadgateError } from './task/errors.ts'

export interface HeadgateOptions {
  /** Where the routes live, e.g. `/headgate`; every URL in a reply begins with it. */
  readonly prefix: string
  /** Task types beside the built-in `summarize`, `analyze-pdf` and `analyze-document`. */
  readonly tasks?: readonly TaskType[]
  /**
   * The built-in tasks that are served: all that the installed packages allow (the default), none (`false`), or these.
   * They need optional packages; with `true`, or a name, the start fails when one is missing and names it.
   */
  readonly builtins?: boolean | readonly BuiltinTask[]
  /**
   * Who makes a request, as the host knows it; null: not authorized (401). Default: bearers of tokens, or,
   * without tokens, everyone on this machine.
   */
  readonly callerOf?: (request: FastifyRequest) => Caller | null | Promise<Caller | null>
  /** Settings that differ from the defaults, by the names and units of docs/configuration.md. */
  readonly settings?: Readonly<Record<string, string | number>>
  /** Called when accepted tasks can no longer be kept; the host should stop. Default: it is only logged. */
  readonly onFatal?: (error: unknown) => void
}

/**
 * Headgate as a Fastify plugin: `app.register(headgate, { prefix: '/headgate', tasks })`.
 *
 * It starts with the application and stops with it: `app.close()` waits for running tasks as
 * STOP_WAIT_SECONDS defines.
 *
 * @throws HeadgateError `invalid-setting` without a prefix, or for a setting that is unknown or out of its bounds.
 */
export async function headgate(app: FastifyInstance, options: HeadgateOptions): Promise<void> {
  assertOptions(options)
  const { tasks = [], callerOf, onFatal } = options
  const core = await compose({
    settings: readSettings(toEnvironment(options)),
    log: app.log as Parameters<typeof compose>[0]['log'],
    tasks,
    ...(callerOf === undefined ? {} : { identify: callerOf }),
    // Where the host has put us, whatever it has nested us in.
    prefix: app.prefix.replace(/\/+$/, ''),
    onFatal:
      onFatal ?? ((error) => app.log.fatal({ err: error }, 'headgate failed: accepted tasks cannot be kept')),
  })
  // Before the hook that closes the streams: readers get the shutdown frame, and the tasks that still end.
  app.addHook('preClose', () => core.drain())
  // After the last request was answered: until then the journal is needed.
  app.addHook('onClose', () => core.stop())
  try {
    await core.httpPlugin(app)
    await core.start()
    const { pool, registry, engines } = core
    const taskTypes = registry.all.map(({ type }) => type)
    app.log.info(
      { prefix: app.prefix, slots: pool.slots, capacity: pool.capacity, taskTypes, engines },
      'headgate is ready',
    )
  } catch (error) {
    // A host that continues without this plugin finds the journal free.
    await core.stop()
    throw error
  }
}

const PREFIX = /^\/$|^(?:\/(?!\.{1,2}(?:\/|$))[\w.~-]+)+\/?$/

/** What the types say, for a host without types. */
function assertOptions({ prefix, tasks, builtins, callerOf, onFatal }: HeadgateOptions): void {
  const isFunction = (value: unknown) => value === undefined || typeof value === 'function'
  const faults = [
    [
      typeof prefix === 'string' && PREFIX.test(prefix),
      `prefix="${prefix}": expected a path such as /headgate`,
    ],
    [tasks === undefined || Array.isArray(tasks), 'tasks: expected a list of task types'],
    [
      builtins === undefined || typeof builtins === 'boolean' || Array.isArray(builtins),
      'builtins: expected true, false, or a list of names',
    ],
    [isFunction(callerOf), 'callerOf: expected a function'],
    [isFunction(onFatal), 'onFatal: expected a function'],
  ] as const
  const fault = faults.find(([isRight]) => !isRight)
  if (fault !== undefined) throw new HeadgateError('invalid-setting', `${fault[1]}.`)
}

function toEnvironment({ settings = {}, builtins }: HeadgateOptions): Record<string, string> {
  const known = new Set<string>(Object.values(SETTINGS).map((row) => row.env))
  const entries = Object.entries(settings)
  const unknown = entries.find(([name]) => !known.has(name))
  if (unknown !== undefined) {
    throw new HeadgateError('invalid-setting', `${unknown[0]}="${unknown[1]}": there is no such setting.`)
  }
  const named = builtins === undefined ? {} : { BUILTIN_TASKS: builtinsSetting(builtins) }
  return { ...Object.fromEntries(entries.map(([name, value]) => [name, `${value}`])), ...named }
}

function builtinsSetting(builtins: boolean | readonly BuiltinTask[]): string {
  if (builtins === false) return 'none'
  const names = builtins === true ? BUILTIN_TASKS : builtins
  return names.length === 0 ? 'none' : names.join(',')
}

export { defineTask, type TaskDefinition, type TaskType, type UploadPolicy } from './handler/define-task.ts'
export type { Caller, Role } from './auth/caller.ts'
export type { Context, UploadedFile } from './handler/context/context.ts'
export type { Granted } from './handler/context/use-resource.ts'
export type { RetryOptions } from './handler/retry/retry-policy.ts'
export type { ResourceLimits } from './task/resource.ts'
export {
  TaskError,
  type FailureKind,
  type FailureKinds,
  type FailureOptions,
  type FailureType,
} from './task/failure.ts'
export { CancelRequested, ShuttingDown, TimedOut, type AbortReason } from './task/outcome.ts'
export { HeadgateError, type ErrorCode } from './task/errors.ts'
