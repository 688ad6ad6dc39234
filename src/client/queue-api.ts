import { applyFrame, type Board } from './board.ts'
import { streamFrames } from './event-stream.ts'
import { readFailure, type Http } from './http.ts'
import { SocketUnavailable, type LiveSocket } from './live-socket.ts'
import type { Capacity, Controls, Forecast, Frame, History, PriorityName, Stats } from './types.ts'

export interface ForecastQuery {
  readonly workers?: number
  readonly arrivals_per_minute?: number
  readonly burst?: number
  readonly pattern?: 'steady' | 'random'
  readonly minutes?: number
  readonly run_seconds?: number
  readonly target_p90_seconds?: number
}

export type Scope = 'intake' | 'processing'

/** Tasks of one type, of one caller, or of one type of one caller; without either, all. */
export interface TaskGroup {
  readonly type?: string
  readonly caller?: string
}

export interface QueueConfig {
  readonly max_workers?: number
  readonly max_queue_size?: number
  readonly resources?: Readonly<Record<string, string>>
}

/** The queue as a whole: its numbers, its board, and, for operators, its controls. */
export class QueueApi {
  readonly #http: Http
  readonly #socket: LiveSocket | null

  constructor(http: Http, socket: LiveSocket | null) {
    this.#http = http
    this.#socket = socket
  }

  /** The whole queue now, and again after each change, at most twice a second; a lost connection is made anew. */
  async *watch(
    options: { readonly signal?: AbortSignal; readonly onConnection?: (isOpen: boolean) => void } = {},
  ): AsyncGenerator<Board, void, undefined> {
    const { signal = new AbortController().signal, onConnection } = options
    let board: Board | null = null
    for await (const frame of this.#frames(signal, onConnection)) {
      const next = applyFrame(board, frame)
      if (next !== null && next !== board) yield next
      board = next
    }
  }

  /** By the socket, or, where none can be had, by an event stream. */
  async *#frames(
    signal: AbortSignal,
    onConnection: ((isOpen: boolean) => void) | undefined,
  ): AsyncGenerator<Frame, void, undefined> {
    try {
      if (this.#socket !== null) return yield* this.#socket.watchQueue(signal, onConnection)
    } catch (error) {
      if (!(error instanceof SocketUnavailable)) throw error
    }
    yield* streamFrames(this.#http, '/api/queue/stream', { query: () => ({}), signal, onConnection })
  }

  stats(signal?: AbortSignal): Promise<Stats> {
    return this.#http.json('GET', '/api/queue/stats', { signal })
  }

  /** Whether a task of this level, and type, would be taken now, and how long it would wait. */
  async capacity(
    priority?: PriorityName,
    options: { readonly type?: string; readonly signal?: AbortSignal } = {},
  ): Promise<Capacity> {
    const { type, signal } = options
    const query = { priority, type }
    const response = await this.#http.send('GET', '/api/queue/capacity', { query, signal })
    const isAnswer = response.ok || response.status === 503
    const body = isAnswer ? ((await response.clone().json()) as Partial<Capacity>) : {}
    if (body.accepting === undefined) throw await readFailure(response)
    return body as Capacity
  }

  /** What happened in the last minutes; points without work are left out. */
  history(minutes = 60, signal?: AbortSignal): Promise<History> {
    return this.#http.json('GET', '/api/queue/history', { query: { minutes }, signal })
  }

  /** What would be with other workers, or another load. */
  forecast(query: ForecastQuery, signal?: AbortSignal): Promise<Forecast> {
    return this.#http.json('GET', '/api/queue/forecast', { query: { ...query }, signal })
  }

  /** `intake`: takes no more tasks; `processing`: starts no more. Of a group: of these tasks alone. */
  pause(scope: Scope, group: TaskGroup = {}): Promise<Controls> {
    return this.#http.json('POST', '/api/queue/pause', { body: { scope, ...group } })
  }

  resume(scope: Scope, group: TaskGroup = {}): Promise<Controls> {
    return this.#http.json('POST', '/api/queue/resume', { body: { scope, ...group } })
  }

  /** What is set and paused, and by whom. */
  config(signal?: AbortSignal): Promise<Controls> {
    return this.#http.json('GET', '/api/queue/config', { signal })
  }

  /** Takes no more tasks, and works until nothing is left. */
  drain(): Promise<Controls> {
    return this.#http.json('POST', '/api/queue/drain', { body: {} })
  }

  configure(config: QueueConfig): Promise<Controls> {
    return this.#http.json('PATCH', '/api/queue/config', { body: config })
  }
}
