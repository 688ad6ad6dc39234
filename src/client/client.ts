import { Http, type ConnectOptions } from './http.ts'
import { LiveSocket } from './live-socket.ts'
import { QueueApi } from './queue-api.ts'
import { TaskHandle, type Connection } from './task-handle.ts'
import { Tasks } from './tasks.ts'
import type { InputOf, KnownTasks, PriorityName, ResultOf, Session, Submitted, TypeOf } from './types.ts'
import type { OnProgress } from './upload.ts'

export interface ClientOptions extends ConnectOptions {
  /** How long a submit, and the read of a result, wait out 429, 503 and a lost connection, ms. Default: 60 000; 0: not at all. */
  readonly maxWaitMs?: number
}

export interface SubmitOptions {
  /** Default: NORMAL, or the highest that the caller may ask for. */
  readonly priority?: PriorityName
  readonly delaySeconds?: number
  readonly startDeadlineSeconds?: number
  readonly timeoutSeconds?: number
  readonly maxAttempts?: number
  /** Whether an equal task is joined. Default: as the type defines. */
  readonly dedupe?: boolean
  readonly metadata?: Readonly<Record<string, unknown>>
  readonly webhook?: { readonly url: string; readonly secret?: string }
  /** Names this submit, so that it makes one task however often it is sent. Default: a new one for each call. */
  readonly idempotencyKey?: string
  /** Gives the submit up; a task that was made continues. */
  readonly signal?: AbortSignal
  /** Instead of that of the client, ms. */
  readonly maxWaitMs?: number
}

export interface UploadOptions extends Pick<
  SubmitOptions,
  'priority' | 'idempotencyKey' | 'signal' | 'maxWaitMs'
> {
  readonly onProgress?: OnProgress
  /** Default: the name of a `File`, else `file`. */
  readonly filename?: string
  /** Asks for a new task where an equal one is known. */
  readonly force?: boolean
}

const MAX_WAIT_MS = 60_000

/** Talks to one server. Made by {@link createClient}. */
export class Client<Known extends KnownTasks = KnownTasks> {
  /** Lists of tasks. */
  readonly tasks: Tasks
  /** The queue as a whole. */
  readonly queue: QueueApi
  readonly #http: Http
  readonly #socket: LiveSocket | null
  readonly #maxWaitMs: number

  constructor(options: ClientOptions) {
    this.#http = new Http(options)
    this.#socket = isBySocket(options) ? new LiveSocket(this.#http) : null
    this.#maxWaitMs = options.maxWaitMs ?? MAX_WAIT_MS
    this.tasks = new Tasks(this.#http)
    this.queue = new QueueApi(this.#http, this.#socket)
  }

  /**
   * Submits a task. It is sent with an idempotency key, so that a lost reply makes no second task.
   *
   * @throws QueueFull when there was no place in time, RequestFailed for a request that is not right
   */
  async submit<Type extends TypeOf<Known>>(
    type: Type,
    input: InputOf<Known, Type>,
    options: SubmitOptions = {},
  ): Promise<TaskHandle<ResultOf<Known, Type>>> {
    const { priority, dedupe, metadata, webhook, signal } = options
    const submitted = await this.#http.repeat<Submitted>('POST', '/api/tasks', {
      body: {
        type,
        input,
        priority,
        dedupe,
        metadata,
        webhook,
        delay_seconds: options.delaySeconds,
        start_deadline_seconds: options.startDeadlineSeconds,
        timeout_seconds: options.timeoutSeconds,
        max_attempts: options.maxAttempts,
      },
      headers: toKeyHeader(options),
      signal,
      maxWaitMs: options.maxWaitMs ?? this.#maxWaitMs,
    })
    return this.#handle(submitted)
  }

  /**
   * Submits a file, with the other fields of the input.
   *
   * @throws as `submit`
   */
  async upload<Type extends TypeOf<Known>>(
    type: Type,
    file: Blob,
    fields: Readonly<Record<string, string>> = {},
    options: UploadOptions = {},
  ): Promise<TaskHandle<ResultOf<Known, Type>>> {
    const { priority, force, onProgress, signal, maxWaitMs = this.#maxWaitMs } = options
    const form = new FormData()
    for (const [name, value] of Object.entries(fields)) form.append(name, value)
    form.append('file', file, options.filename ?? (file as { name?: string }).name ?? 'file')
    const submitted = await this.#http.repeat<Submitted>('POST', `/${type}`, {
      query: { priority, force },
      body: form,
      headers: toKeyHeader(options),
      signal,
      maxWaitMs,
      ...(onProgress === undefined ? {} : { via: await withProgress(onProgress, form, this.#http.fetch) }),
    })
    return this.#handle(submitted)
  }

  /** A task that was submitted elsewhere; with a ticket, no token is needed for it. */
  task<Result = unknown>(id: string, { ticket }: { readonly ticket?: string } = {}): TaskHandle<Result> {
    return new TaskHandle<Result>(id, { ...this.#connection, ticket })
  }

  /** Who calls, what it may do, and the task types with the schemas of their inputs. */
  session(signal?: AbortSignal): Promise<Session> {
    return this.#http.json('GET', '/api/session', { signal })
  }

  /** Begins the session of a browser: from then on its cookie is sent. */
  async logIn(token: string): Promise<void> {
    await this.#http.json('POST', '/api/session', { body: { token } })
  }

  async logOut(): Promise<void> {
    await this.#http.json('DELETE', '/api/session')
  }

  get #connection(): Connection {
    return { http: this.#http, socket: this.#socket, maxWaitMs: this.#maxWaitMs }
  }

  #handle<Result>(submitted: Submitted): TaskHandle<Result> {
    return new TaskHandle(submitted.task_id, this.#connection, submitted)
  }
}

/**
 * A client of the server at `url`. With the type of the task definitions, inputs and results are typed by name:
 * `createClient<typeof tasks>({ url })`, where `tasks` is an array of what `defineTask` returned, `as const`.
 */
export function createClient<Known extends KnownTasks = KnownTasks>(
  options: ClientOptions = {},
): Client<Known> {
  return new Client<Known>(options)
}

function toKeyHeader({ idempotencyKey }: Pick<SubmitOptions, 'idempotencyKey'>) {
  return { 'idempotency-key': idempotencyKey ?? crypto.randomUUID() }
}

function isBySocket({ transport, token, headers }: ClientOptions): boolean {
  // A WebSocket of a browser sends no headers.
  return (
    typeof WebSocket === 'function' && transport !== 'sse' && token === undefined && headers === undefined
  )
}

/** Loaded with the first upload that is watched: a page that only looks does without it. */
async function withProgress(
  onProgress: OnProgress,
  form: FormData,
  fetch: Http['fetch'],
): Promise<Http['fetch']> {
  const { fetchWithProgress, countBytes } = await import('./upload.ts')
  return fetchWithProgress(onProgress, countBytes(form), fetch)
}
