import { existsSync } from 'node:fs'
import { loadEnvFile } from 'node:process'
import { z } from 'zod'
import { HeadgateError } from './task/errors.ts'

const MB = 1024 * 1024
/** Longest duration a timer can take, s. */
const MAX_SECONDS = 2_147_483

/** One setting: its environment variable, default, and what it means, with its unit and bounds. */
interface Row {
  readonly env: string
  readonly default: string
  readonly meaning: string
  readonly unit: string
  readonly schema: z.ZodType
}

const whole = (min: number, max: number) =>
  z
    .string()
    .regex(/^-?\d+$/, `expected a whole number from ${min} to ${max}`)
    .transform(Number)
    .pipe(z.number().min(min, `expected at least ${min}`).max(max, `expected at most ${max}`))
const seconds = (min: number) => whole(min, MAX_SECONDS).transform((value) => value * 1000)
const megabytes = (max: number) => whole(1, max).transform((value) => value * MB)
const list = z.string().transform((value) =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean),
)

/** Every setting there is. `.env.example` and `docs/configuration.md` are held to this table by a test. */
export const SETTINGS = {
  host: {
    env: 'HOST',
    default: '127.0.0.1',
    unit: 'address',
    meaning: 'Address to listen on. Only loopback is allowed until callers have tokens.',
    schema: z.enum(
      ['127.0.0.1', '::1', 'localhost'],
      'expected a loopback address: 127.0.0.1, ::1 or localhost',
    ),
  },
  port: {
    env: 'PORT',
    default: '8001',
    unit: 'port',
    meaning: 'Port to listen on; 0 takes a free one. 0 to 65535.',
    schema: whole(0, 65_535),
  },
  slots: {
    env: 'MAX_CONCURRENT_ANALYSIS_TASKS',
    default: '3',
    unit: 'tasks',
    meaning: 'Tasks that run at once. 0 to 1000; with 0 nothing starts.',
    schema: whole(0, 1000),
  },
  capacity: {
    env: 'ANALYSIS_QUEUE_MAX_SIZE',
    default: '100',
    unit: 'tasks',
    meaning: 'Tasks that may wait; one more is refused with 503. 0 to 1000000.',
    schema: whole(0, 1_000_000),
  },
  taskTimeoutMs: {
    env: 'ANALYSIS_TASK_TIMEOUT',
    default: '3600',
    unit: 'seconds',
    meaning: 'Time limit of one run of a task whose type names none. 1 to 2147483.',
    schema: seconds(1),
  },
  maxStuck: {
    env: 'MAX_STUCK_HANDLERS',
    default: '',
    unit: 'handlers',
    meaning:
      'Handlers that ignored their abort and may go on beside the slots; empty: as many as slots; 0: such a handler keeps its slot. 0 to 1000.',
    schema: z.union([z.literal('').transform(() => null), whole(0, 1000)]),
  },
  graceMs: {
    env: 'HANDLER_GRACE_SECONDS',
    default: '10',
    unit: 'seconds',
    meaning: 'Time between the abort of a handler and its abandonment. 0 to 2147483.',
    schema: seconds(0),
  },
  stopWaitMs: {
    env: 'STOP_WAIT_SECONDS',
    default: '20',
    unit: 'seconds',
    meaning: 'How long a stopping server waits for running tasks before it aborts them. 0 to 2147483.',
    schema: seconds(0),
  },
  stopGraceMs: {
    env: 'STOP_GRACE_SECONDS',
    default: '5',
    unit: 'seconds',
    meaning: 'How long aborted tasks have to settle while the server stops. 0 to 2147483.',
    schema: seconds(0),
  },
  dataDir: {
    env: 'DATA_DIR',
    default: './data',
    unit: 'folder',
    meaning: 'Where uploads are kept while their task is alive.',
    schema: z.string().min(1),
  },
  journal: {
    env: 'JOURNAL',
    default: 'memory',
    unit: 'name',
    meaning: 'Where tasks and events are remembered. memory: as long as the process lives.',
    schema: z.enum(['memory']),
  },
  keptTasks: {
    env: 'KEEP_FINISHED_TASKS',
    default: '1000',
    unit: 'tasks',
    meaning: 'Finished tasks that are kept; the one that finished first goes first. 1 to 1000000.',
    schema: whole(1, 1_000_000),
  },
  keptBytes: {
    env: 'KEEP_FINISHED_MB',
    default: '256',
    unit: 'MB',
    meaning: 'Results and events of finished tasks that are kept. 1 to 65536.',
    schema: megabytes(65_536),
  },
  maxBodyBytes: {
    env: 'MAX_BODY_MB',
    default: '2',
    unit: 'MB',
    meaning: 'Largest JSON body. 1 to 64.',
    schema: megabytes(64),
  },
  maxUploadBytes: {
    env: 'MAX_UPLOAD_MB',
    default: '50',
    unit: 'MB',
    meaning: 'Largest uploaded file. 1 to 2048.',
    schema: megabytes(2048),
  },
  fetchAllowHosts: {
    env: 'FETCH_ALLOW_HOSTS',
    default: '',
    unit: 'list',
    meaning:
      'Hosts that /summarize may fetch from, separated by commas, each with its port when it is not the usual one. Empty: none.',
    schema: list,
  },
  fetchTimeoutMs: {
    env: 'FETCH_TIMEOUT_SECONDS',
    default: '30',
    unit: 'seconds',
    meaning: 'Time limit of one fetch, redirects included. 1 to 3600.',
    schema: whole(1, 3600).transform((value) => value * 1000),
  },
  maxFetchBytes: {
    env: 'MAX_FETCH_MB',
    default: '10',
    unit: 'MB',
    meaning: 'Largest fetched document, counted after decoding. 1 to 2048.',
    schema: megabytes(2048),
  },
  youTubeUrl: {
    env: 'YOUTUBE_URL',
    default: 'https://www.youtube.com',
    unit: 'address',
    meaning: 'Where YouTube answers, or what stands in for it: players and captions are asked for there.',
    schema: z.url({ protocol: /^https?$/, error: 'expected an http or https address' }),
  },
  parserMemoryBytes: {
    env: 'PARSER_MEMORY_MB',
    default: '768',
    unit: 'MB',
    meaning:
      'Memory of one process that reads documents; over it the task ends as out_of_memory. 128 to 65536.',
    schema: whole(128, 65_536).transform((value) => value * MB),
  },
  parserCpuMs: {
    env: 'PARSER_CPU_SECONDS',
    default: '60',
    unit: 'seconds',
    meaning: 'Processor time for one document; over it the task ends as input_rejected. 1 to 3600.',
    schema: whole(1, 3600).transform((value) => value * 1000),
  },
  tasksFile: {
    env: 'TASKS_FILE',
    default: '',
    unit: 'file',
    meaning: 'A module whose default export is a task type of your own, or a list of them. Empty: none.',
    schema: z.string(),
  },
  logLevel: {
    env: 'LOG_LEVEL',
    default: 'info',
    unit: 'name',
    meaning: 'Least level that is logged: trace, debug, info, warn, error, fatal or silent.',
    schema: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']),
  },
  logFormat: {
    env: 'LOG_FORMAT',
    default: 'json',
    unit: 'name',
    meaning: 'json: one object a line; pretty: for eyes.',
    schema: z.enum(['json', 'pretty']),
  },
} as const satisfies Record<string, Row>

export type Settings = { readonly [Key in keyof typeof SETTINGS]: z.output<(typeof SETTINGS)[Key]['schema']> }

/** Adds what `.env` in the working folder says to the environment; what is set already stays. */
export function readEnvFile(): void {
  if (existsSync('.env')) loadEnvFile('.env')
}

/**
 * Reads every setting from the environment; an unset or empty variable takes the default.
 *
 * @throws HeadgateError `invalid-setting` with one line that names the setting, its value and its bounds.
 */
export function readSettings(env: NodeJS.ProcessEnv = process.env): Settings {
  const entries = Object.entries(SETTINGS).map(([key, row]) => {
    const value = env[row.env] === undefined || env[row.env] === '' ? row.default : env[row.env]
    const parsed = row.schema.safeParse(value)
    if (parsed.success) return [key, parsed.data]
    const why = parsed.error.issues.map((issue) => issue.message).join('; ')
    throw new HeadgateError('invalid-setting', `${row.env}="${value}": ${why}.`)
  })
  return Object.fromEntries(entries) as Settings
}
