import { RequestFailed } from './errors.ts'
import { readFailure, type Http } from './http.ts'
import { Outbox } from './outbox.ts'
import type { Frame } from './types.ts'
import { pauseMs, Queue } from './wait.ts'

/** The server sends a heartbeat every 15 s: a socket that is silent for longer is dead. */
const SILENCE_MS = 45_000
/** A connection that lasted so long did well: the next one is made at once. */
const LASTING_MS = 5000
/** Tasks that the server lets one socket watch. */
const MAX_TASKS = 100
/** Sockets that never opened, after which event streams are used. */
const MAX_REFUSED = 3

/** No socket can be had, though the server answers: a proxy may let none through. */
export class SocketUnavailable extends Error {
  override readonly name = 'SocketUnavailable'
}

type OnConnection = ((isOpen: boolean) => void) | undefined

interface QueueWatch {
  readonly frames: Queue<Frame>
  readonly onConnection: OnConnection
}

interface TaskWatch extends QueueWatch {
  /** Number of the newest event that has come. */
  last: number
  hasEnded: boolean
}

export interface WatchTask {
  readonly after: number
  readonly signal: AbortSignal
  readonly onConnection: OnConnection
}

/** One WebSocket for everything that a client watches; it is open while something is watched, and resumes by number. */
export class LiveSocket {
  readonly #http: Http
  readonly #tasks = new Map<string, Set<TaskWatch>>()
  readonly #queues = new Set<QueueWatch>()
  /** Unanswered `unsubscribe`s by task: until then frames of the old subscription may come. */
  readonly #leaving = new Map<string, number>()
  readonly #outbox = new Outbox((text) => this.#socket?.send(text))
  #socket: WebSocket | null = null
  #openedAt: number | null = null
  #tries = 0
  #refused = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #reconnectAfterMs: number | null = null

  constructor(http: Http) {
    this.#http = http
  }

  /** Whether another task can be watched. */
  get hasRoom(): boolean {
    return this.#refused < MAX_REFUSED && this.#tasks.size < MAX_TASKS
  }

  /** Frames of a task from after this number, until its end, or until the consumer stops. */
  async *watchTask(id: string, watched: WatchTask): AsyncGenerator<Frame, void, undefined> {
    const { after, signal, onConnection } = watched
    const watch: TaskWatch = { frames: new Queue(), last: after, hasEnded: false, onConnection }
    const group = this.#tasks.get(id) ?? new Set()
    // A second watcher needs a subscription anew, from its own place: the others drop what they have had.
    if (group.size > 0) this.#unsubscribe(id)
    this.#tasks.set(id, group.add(watch))
    this.#subscribe(id)
    this.#open()
    if (this.#isOpen) onConnection?.(true)
    try {
      yield* untilAborted(watch.frames, signal)
    } finally {
      group.delete(watch)
      if (group.size === 0 && this.#tasks.get(id) === group) {
        this.#tasks.delete(id)
        // The server has ended the subscription with the task.
        if (!watch.hasEnded) this.#unsubscribe(id)
      }
      this.#closeIfIdle()
    }
  }

  /** `board` and `tick` frames, until the consumer stops. */
  async *watchQueue(signal: AbortSignal, onConnection: OnConnection): AsyncGenerator<Frame, void, undefined> {
    const watch: QueueWatch = { frames: new Queue(), onConnection }
    this.#queues.add(watch)
    this.#open()
    if (this.#isOpen) {
      // Everybody gets a new board.
      this.#send({ op: 'unwatch-queue' })
      this.#send({ op: 'watch-queue' })
      onConnection?.(true)
    }
    try {
      yield* untilAborted(watch.frames, signal)
    } finally {
      this.#queues.delete(watch)
      if (this.#queues.size === 0) this.#send({ op: 'unwatch-queue' })
      this.#closeIfIdle()
    }
  }

  get #isOpen(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN
  }

  #open(): void {
    if (this.#socket !== null) return
    clearTimeout(this.#timer)
    const address = new URL(this.#http.address('/api/ws'), pageAddress())
    address.protocol = address.protocol.replace('http', 'ws')
    const socket = new WebSocket(address)
    this.#socket = socket
    this.#openedAt = null
    socket.addEventListener('open', () => this.#opened(socket))
    socket.addEventListener('message', ({ data }) => {
      this.#beat(socket)
      this.#take(JSON.parse(data as string) as Frame)
    })
    socket.addEventListener('close', ({ code }) => this.#closed(socket, code))
  }

  #opened(socket: WebSocket): void {
    this.#openedAt = Date.now()
    this.#refused = 0
    this.#outbox.open()
    this.#leaving.clear()
    this.#beat(socket)
    for (const id of this.#tasks.keys()) this.#subscribe(id)
    if (this.#queues.size > 0) this.#send({ op: 'watch-queue' })
    this.#report(true)
  }

  #closed(socket: WebSocket, code: number): void {
    if (this.#socket !== socket) return
    clearTimeout(this.#timer)
    this.#outbox.close()
    this.#socket = null
    // A browser does not say why an upgrade was refused, nor what a policy was.
    if (this.#openedAt === null || code === CLOSE_POLICY) void this.#probe(this.#openedAt === null)
    if (this.#openedAt !== null && Date.now() - this.#openedAt > LASTING_MS) this.#tries = 0
    this.#report(false)
    if (this.#isIdle) return
    const waitMs = this.#reconnectAfterMs ?? pauseMs(this.#tries)
    this.#reconnectAfterMs = null
    this.#tries += 1
    this.#timer = setTimeout(() => this.#open(), waitMs)
  }

  #report(isOpen: boolean): void {
    for (const group of this.#tasks.values()) for (const { onConnection } of group) onConnection?.(isOpen)
    for (const { onConnection } of this.#queues) onConnection?.(isOpen)
  }

  /** Asks the server, by an ordinary request, whether it is there and who asks may watch. */
  async #probe(isRefused: boolean): Promise<void> {
    const response = await this.#http.send('GET', '/api/session').catch(() => null)
    if (response === null) return
    if ([401, 403].includes(response.status)) return this.#failAll(await readFailure(response))
    if (isRefused && response.ok) this.#refused += 1
    if (this.#refused >= MAX_REFUSED) this.#failAll(new SocketUnavailable('No WebSocket can be opened.'))
  }

  #failAll(error: Error): void {
    clearTimeout(this.#timer)
    for (const group of this.#tasks.values()) for (const { frames } of group) frames.fail(error)
    for (const { frames } of this.#queues) frames.fail(error)
  }

  #beat(socket: WebSocket): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      socket.close()
      // A dead connection may take long to close.
      this.#closed(socket, CLOSE_SILENT)
    }, SILENCE_MS)
  }

  #take(frame: Frame): void {
    if (frame.type === 'shutdown') this.#reconnectAfterMs = Number(frame['reconnect_after_ms'])
    else if (frame.type === 'board' || frame.type === 'tick') {
      for (const { frames } of this.#queues) frames.push(frame)
    } else if (frame.task_id !== undefined) this.#takeOfTask(frame.task_id, frame)
  }

  #takeOfTask(id: string, frame: Frame): void {
    const leaving = this.#leaving.get(id) ?? 0
    if (frame['op'] === 'unsubscribe') {
      if (leaving > 1) this.#leaving.set(id, leaving - 1)
      else this.#leaving.delete(id)
      return
    }
    // It is of the subscription that is being left; the next one begins again at the right place.
    if (leaving > 0) return
    for (const watch of this.#tasks.get(id) ?? []) {
      if (frame.type === 'problem') watch.frames.fail(toFailure(frame))
      else if (frame.type !== 'reply') this.#push(watch, frame)
    }
  }

  #push(watch: TaskWatch, frame: Frame): void {
    if (frame.seq !== undefined) {
      if (frame.seq <= watch.last) return
      watch.last = frame.seq
      this.#tries = 0
    }
    watch.frames.push(frame)
    const isEnd = frame.type === 'result' || frame.type === 'error'
    if (!isEnd && !isOver(frame, watch.last)) return
    watch.hasEnded = true
    watch.frames.close()
  }

  #subscribe(id: string): void {
    const places = [...(this.#tasks.get(id) ?? [])].map(({ last }) => last)
    this.#send({ op: 'subscribe', task_id: id, after: Math.min(...places) })
  }

  #unsubscribe(id: string): void {
    if (!this.#isOpen) return
    this.#leaving.set(id, (this.#leaving.get(id) ?? 0) + 1)
    this.#send({ op: 'unsubscribe', task_id: id })
  }

  #send(message: object): void {
    if (this.#isOpen) this.#outbox.push(JSON.stringify(message))
  }

  get #isIdle(): boolean {
    return this.#tasks.size === 0 && this.#queues.size === 0
  }

  #closeIfIdle(): void {
    if (!this.#isIdle) return
    clearTimeout(this.#timer)
    this.#outbox.close()
    const socket = this.#socket
    this.#socket = null
    socket?.close()
  }
}

const CLOSE_POLICY = 1008
const CLOSE_SILENT = 1006

/** The address of the page, where there is one. */
function pageAddress(): string | undefined {
  return (globalThis as { location?: { href: string } }).location?.href
}

/** Whether a snapshot shows a task whose end has come already. */
function isOver(frame: Frame, last: number): boolean {
  const { done, last_seq = Infinity } = (frame['task'] ?? {}) as { done?: boolean; last_seq?: number }
  return done === true && last_seq <= last
}

/** The status of a problem, as HTTP has it; a frame has none. */
const STATUS: Readonly<Record<string, number>> = {
  unauthorized: 401,
  task_not_found: 404,
  task_gone: 410,
  validation: 422,
  rate_limited: 429,
}

function toFailure(frame: Frame): RequestFailed {
  const { error_type, message: detail } = frame as unknown as { error_type: string; message: string }
  const status = STATUS[error_type] ?? 403
  const type = `urn:headgate:problem:${error_type.replaceAll('_', '-')}`
  return new RequestFailed(status, { type, title: detail, status, detail, error_type }, null)
}

async function* untilAborted<Value>(
  queue: Queue<Value>,
  signal: AbortSignal,
): AsyncGenerator<Value, void, undefined> {
  const abort = () => queue.fail(signal.reason)
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  try {
    yield* queue
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
