import { TaskFailed } from './errors.ts'
import { streamFrames } from './event-stream.ts'
import type { Http } from './http.ts'
import { SocketUnavailable, type LiveSocket } from './live-socket.ts'
import type { Frame, PriorityName, Submitted, Task, TaskEvent, TaskWithResult, Ticket } from './types.ts'

export interface WatchOptions {
  /** Only events after this number; default: all. */
  readonly after?: number
  /** Stops watching; the task continues. */
  readonly signal?: AbortSignal
  /** Called when a connection is open, and when it was lost. */
  readonly onConnection?: (isOpen: boolean) => void
}

export interface ResultOptions extends WatchOptions {
  /** Called with every event until the end. */
  readonly onUpdate?: (event: TaskEvent) => void
  /** Cancels the task when the signal is aborted. Default: false, the task continues. */
  readonly cancelOnAbort?: boolean
}

export interface Connection {
  readonly http: Http
  /** null: by event streams. */
  readonly socket: LiveSocket | null
  /** How long the read of a result waits out a lost connection, ms. */
  readonly maxWaitMs: number
  /** Opens this one task instead of the token or session. */
  readonly ticket?: string | undefined
}

/** One task: watch it, wait for its result, end it. */
export class TaskHandle<Result = unknown> {
  readonly id: string
  /** What the submit was answered; null for a task that was submitted elsewhere. */
  readonly submitted: Submitted | null
  readonly #connection: Connection

  constructor(id: string, connection: Connection, submitted: Submitted | null = null) {
    this.id = id
    this.submitted = submitted
    this.#connection = connection
  }

  /**
   * The events of the task, first those that there are, then each as it happens, to its end. A lost connection, a killed
   * server and a slow reader are resumed by number: numbered events come once each and in order.
   *
   * @throws RequestFailed when there is no such task, or the reason of the signal
   */
  async *events(options: WatchOptions = {}): AsyncGenerator<TaskEvent, void, undefined> {
    const { signal = new AbortController().signal, onConnection } = options
    const { socket, ticket } = this.#connection
    let after = options.after ?? 0
    if (socket !== null && socket.hasRoom && ticket === undefined) {
      try {
        for await (const frame of socket.watchTask(this.id, { after, signal, onConnection })) {
          after = frame.seq ?? after
          yield frame as unknown as TaskEvent
        }
        return
      } catch (error) {
        if (!(error instanceof SocketUnavailable)) throw error
      }
    }
    for await (const frame of this.#streamed({ ...options, after, signal }))
      yield frame as unknown as TaskEvent
  }

  /**
   * What the handler returned, when the task has completed.
   *
   * @throws TaskFailed when it ended otherwise, RequestFailed when there is no such task, or the reason of the signal
   */
  async result(options: ResultOptions = {}): Promise<Result> {
    const { signal, onUpdate, cancelOnAbort = false } = options
    try {
      signal?.throwIfAborted()
      for await (const event of this.events(options)) onUpdate?.(event)
      signal?.throwIfAborted()
    } catch (error) {
      if (cancelOnAbort && signal?.aborted === true) await this.cancel().catch(() => undefined)
      throw error
    }
    // The server may be away just now, as it may be while events are read.
    const { http, ticket, maxWaitMs } = this.#connection
    const task = await http.repeat<TaskWithResult>('GET', this.#path(''), {
      query: { ticket },
      signal,
      maxWaitMs,
    })
    if (task.status !== 'completed') throw new TaskFailed(task)
    return task.result as Result
  }

  /** The task as it is now, with its result if it has one. */
  get(
    options: {
      readonly include?: readonly ('input' | 'steps')[]
      readonly signal?: AbortSignal | undefined
    } = {},
  ): Promise<TaskWithResult> {
    const { include, signal } = options
    return this.#json('GET', '', { query: { include }, signal })
  }

  /** A file of the result: `md` and `html` for reports. */
  async file(format: string, signal?: AbortSignal): Promise<Response> {
    const { http, ticket } = this.#connection
    return http.send('GET', this.#path('/result'), { query: { format, ticket }, signal })
  }

  /** Cancels it; of several submits that wait for it, the one that this handle made. */
  cancel(): Promise<Task> {
    const waiter = this.submitted?.waiter
    return this.#json('POST', '/cancel', { body: waiter == null ? {} : { waiter } })
  }

  /** Does its work once more, as a new task. */
  async retry(): Promise<TaskHandle<Result>> {
    const submitted = await this.#json<Submitted>('POST', '/retry', {
      headers: { 'idempotency-key': crypto.randomUUID() },
      body: {},
    })
    return new TaskHandle(submitted.task_id, this.#connection, submitted)
  }

  /** Another level, while it waits. */
  setPriority(priority: PriorityName): Promise<Task> {
    return this.#json('PATCH', '', { body: { priority } })
  }

  /** Erases it with everything that is kept of it, when it has ended. */
  async erase(): Promise<void> {
    await this.#json('DELETE', '')
  }

  /** Lets a bearer without a token watch and read this task: `client.task(id, { ticket })`. */
  async ticket({ cancel = false }: { readonly cancel?: boolean } = {}): Promise<Ticket> {
    return this.#json('POST', '/ticket', { body: { cancel } })
  }

  async *#streamed(
    options: WatchOptions & { readonly signal: AbortSignal },
  ): AsyncGenerator<Frame, void, undefined> {
    const { http, ticket } = this.#connection
    let last = options.after ?? 0
    const query = () => ({ after: last, ticket })
    const { signal, onConnection } = options
    for await (const frame of streamFrames(http, this.#path('/stream'), { query, signal, onConnection })) {
      if (frame.type === 'heartbeat' || (frame.seq !== undefined && frame.seq <= last)) continue
      last = frame.seq ?? last
      yield frame
      if (frame.type === 'result' || frame.type === 'error') return
    }
  }

  #path(rest: string): string {
    return `/api/tasks/${encodeURIComponent(this.id)}${rest}`
  }

  #json<Reply>(method: string, rest: string, options: Parameters<Http['json']>[2] = {}): Promise<Reply> {
    const { http, ticket } = this.#connection
    const query = { ...options.query, ticket }
    return http.json<Reply>(method, this.#path(rest), { ...options, query })
  }
}
