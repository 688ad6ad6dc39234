import { z } from 'zod'
import { MAX_TIMER_MS } from '../time/clock.ts'
import { HeadgateError } from '../task/errors.ts'
import { FAILURE_TYPES, type FailureKinds } from '../task/failure.ts'
import { MAX_ATTEMPTS } from '../task/task.ts'
import type { ResourceLimits } from '../task/resource.ts'
import type { Context } from './context/context.ts'
import type { RetryOptions } from './retry/retry-policy.ts'

/** What a task type takes as a file. */
export interface UploadPolicy {
  /** Media types as recognised from the content, never from the name, e.g. `application/pdf`. */
  readonly accept: readonly string[]
  readonly maxBytes: number
  /** Shown to the caller when another type is refused. */
  readonly suggestion?: string
  /** The same for files of one media type, or of one kind (`image/*`). */
  readonly suggestions?: Readonly<Record<string, string>>
}

interface ResultFile {
  readonly filename: string
  readonly text: string
}

/** A file that is made of a result when it is asked for. */
export interface ResultFormat {
  /** With its charset, e.g. `text/markdown; charset=utf-8`. */
  readonly mediaType: string
  /**
   * The file of a result, as JSON gives it back. Runs in the server's own thread: a few ms at most.
   *
   * @param finishedAt epoch ms
   */
  readonly write: (result: unknown, finishedAt: number) => ResultFile | Promise<ResultFile>
}

export interface TaskDefinition<Input = unknown, Result = unknown> {
  /** The path: `POST /<type>`. Lower-case words joined by hyphens. */
  readonly type: string
  /** Checked at admission and before each run; a plain `z.object` refuses unknown fields. Synchronous. */
  readonly input: z.ZodType<Input>
  /**
   * Describes the result, in OpenAPI and in `GET /api/session`; `run` has to return what it allows. It is not checked
   * when the server runs. Default: any JSON.
   */
  readonly output?: z.ZodType<Awaited<Result>>
  /** Present: the task is submitted as multipart with one `file`. */
  readonly upload?: UploadPolicy
  /** Time limit of one run, 1 to 2^31−1 ms. Default: the setting ANALYSIS_TASK_TIMEOUT. */
  readonly timeoutMs?: number
  /** How many tasks of this type may run at once, 1 or more. Default: as many as there are slots. */
  readonly concurrency?: number
  /**
   * Whether an equal submit of the same caller finds this task, or its result, instead of making another: for
   * work whose result depends on its input alone. Default: false.
   */
  readonly dedupe?: boolean
  /**
   * Rises when the same input would give another result: what was made by another version is not found by `dedupe`.
   * Default: none.
   */
  readonly version?: string
  /**
   * Files that the result can be had as, by the name that `GET /api/tasks/{id}/result?format=` takes, beside `json`.
   */
  readonly formats?: Readonly<Record<string, ResultFormat>>
  /**
   * Names for failures of its own, which its handler throws as `TaskError`: whether another attempt could help, which is
   * then made, and what a person can do. Lower case with underscores.
   */
  readonly failures?: FailureKinds
  /** What happens when a run fails with an error that another attempt can fix. */
  readonly retry?: RetryOptions
  /**
   * Resources that its tasks draw from, with the limits that hold where the setting RESOURCES names none. While one
   * has no room no new task of this type begins.
   */
  readonly resources?: Readonly<Record<string, ResourceLimits>>
  /** Does the work. The result must be JSON-safe data of at most 10 MB. */
  readonly run: (input: Input, ctx: Context) => Promise<Result> | Result
}

/** A task type as the registry holds it: input and result types forgotten, the schema strict. */
export type TaskType = TaskDefinition

/** A task type that remembers what it takes and gives, for a typed client: `createClient<typeof tasks>`. */
export interface DefinedTask<
  Name extends string = string,
  Input = unknown,
  Result = unknown,
> extends TaskType {
  readonly type: Name
  /** Never there; it carries the types. The input is as a client sends it, before defaults are filled in. */
  readonly types?: { readonly input: Input; readonly result: Result }
}

/** What `defineTask` takes: the schema says what `run` gets. */
export type NewTaskType<Name extends string, Schema extends z.ZodType, Result> = Omit<
  TaskDefinition<z.output<Schema>, Result>,
  'type' | 'input'
> & { readonly type: Name; readonly input: Schema }

const RESOURCE_NAME = /^[a-z][a-z0-9-]{0,63}$/
const amount = z.int().min(1).max(1_000_000_000)
const resourceLimits = z.strictObject({
  concurrency: z.union([amount, z.strictObject({ floor: amount, ceiling: amount })]).optional(),
  requestsPerMinute: amount.optional(),
  requestsPerDay: amount.optional(),
  tokensPerMinute: amount.optional(),
  isOneProvider: z.boolean().optional(),
})

const definitionSchema = z.strictObject({
  type: z.string().regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, 'expected lower-case words joined by hyphens'),
  input: z.custom<z.ZodType>((value) => value instanceof z.ZodType, {
    error: ({ input }) => schemaFault(input),
  }),
  output: z
    .custom<z.ZodType>((value) => value instanceof z.ZodType, { error: ({ input }) => schemaFault(input) })
    .optional(),
  upload: z
    .strictObject({
      accept: z.array(z.string().min(1)).min(1),
      maxBytes: z.int().min(1),
      suggestion: z.string().optional(),
      suggestions: z.record(z.string(), z.string()).optional(),
    })
    .optional(),
  timeoutMs: z.int().min(1).max(MAX_TIMER_MS).optional(),
  concurrency: z.int().min(1).optional(),
  dedupe: z.boolean().optional(),
  version: z.string().min(1).optional(),
  formats: z
    .record(
      z.string().regex(/^(?!json$)[a-z][a-z0-9]*$/, 'expected a name in lower case, and not json'),
      z.strictObject({
        mediaType: z.string().min(1),
        write: z.custom((value) => typeof value === 'function', 'expected a function'),
      }),
    )
    .optional(),
  retry: z
    .strictObject({
      maxAttempts: z.int().min(1).max(MAX_ATTEMPTS).optional(),
      baseMs: z.int().min(0).max(MAX_TIMER_MS).optional(),
      capMs: z.int().min(0).max(MAX_TIMER_MS).optional(),
      classify: z.custom((value) => typeof value === 'function', 'expected a function').optional(),
    })
    .optional(),
  failures: z
    .record(
      z
        .string()
        .regex(/^[a-z][a-z0-9_]{0,63}$/, 'expected a name in lower case with underscores')
        .refine((name) => !Object.hasOwn(FAILURE_TYPES, name), 'it is the name of a built-in failure'),
      z.strictObject({ retryable: z.boolean(), suggestion: z.string().min(1).max(500) }),
    )
    .optional(),
  resources: z.record(z.string().regex(RESOURCE_NAME), resourceLimits).optional(),
  run: z.custom((value) => typeof value === 'function', 'expected a function'),
})

/** Schemas of zod 3, and of another copy of zod 4, look alike and do not work together. */
function schemaFault(input: unknown): string {
  const isObject = typeof input === 'object' && input !== null
  if (isObject && '_zod' in input) {
    return 'expected a schema of the zod that headgate uses: install zod once (npm ls zod shows the copies)'
  }
  if (isObject && '_def' in input) return 'expected a schema of zod 4, got one of zod 3: update zod to ^4.1.5'
  return 'expected a zod schema'
}

/**
 * Defines a task type: `POST /<type>`, its streams, stats and limits come with it.
 *
 * @example
 * defineTask({
 *   type: 'word-count',
 *   input: z.object({ text: z.string() }),
 *   run: ({ text }) => ({ words: text.split(/\s+/).length }),
 * })
 * @throws HeadgateError `invalid-task-type` when a part is missing or out of its bounds.
 */
export function defineTask<const Name extends string, Schema extends z.ZodType, Result>(
  definition: NewTaskType<Name, Schema, Result>,
): DefinedTask<Name, z.input<Schema>, Awaited<Result>> {
  const checked = definitionSchema.safeParse(definition)
  if (!checked.success) {
    const where = z.prettifyError(checked.error).replaceAll('\n', ' ')
    throw new HeadgateError('invalid-task-type', `defineTask: ${where}`)
  }
  const { input } = definition
  assertFieldsReachIt(definition)
  // A schema that defines the handling of unknown fields itself is left unchanged.
  const isPlain = input instanceof z.ZodObject && input.def.catchall === undefined
  const checkedInput = isPlain ? strict(input) : input
  return { ...definition, input: checkedInput } as unknown as DefinedTask<
    Name,
    z.input<Schema>,
    Awaited<Result>
  >
}

/** Fields of a request that are the submit's: a handler would never get them. */
const OF_SUBMIT = { json: ['task_id'], upload: ['file', 'force', 'priority'] } as const

function assertFieldsReachIt({ input, upload }: Pick<TaskDefinition, 'input' | 'upload'>): void {
  if (!(input instanceof z.ZodObject)) return
  const taken = OF_SUBMIT[upload === undefined ? 'json' : 'upload'].find((name) =>
    Object.hasOwn(input.shape, name),
  )
  if (taken === undefined) return
  const why = `a request has a field "${taken}" of its own: give the one of the input another name`
  throw new HeadgateError('invalid-task-type', `defineTask: ${why}`)
}

/** The same schema, which refuses unknown fields, with its metadata. */
function strict(input: z.ZodObject): z.ZodType {
  const { id: _, ...meta } = input.meta() ?? {}
  return input.strict().meta(meta)
}
