import { readFailure, type Http } from './http.ts'
import { RequestFailed } from './errors.ts'
import type { Frame } from './types.ts'
import { pauseMs, Queue } from './wait.ts'

/** The server sends a heartbeat every 15 s: a socket that is silent for longer is dead. */
const SILENCE_MS = 45_000
/** Tasks that the server lets one socket watch. */
const MAX_TASKS = 100

interface TaskWatch {
  readonly frames: Queue<Frame>
  /** Number of the newest event that has come. */
  last: number
}

interface QueueWatch {
  readonly frames: Queue<Frame>
  readonly onConnection: ((isOpen: boolean) => void) | undefined
}

/** One WebSocket for everything that a client watches; it is open while something is watched, and resumes by number. */
export class LiveSocket {
  readonly #http: Http
  readonly #tasks = new Map<string, Set<TaskWatch>>()
  readonly #queues = new Set<QueueWatch>()
  #socket: WebSocket | null = null
  #hasOpened = false
  #tries = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #reconnectAfterMs: number | null = null

  constructor(http: Http) {
    this.#http = http
  }

  /** Whether another task can be watched. */
  get hasRoom(): boolean {
    return this.#tasks.size < MAX_TASKS
  }

  /** Frames of a task from after this number, until its end, or until the consumer stops. */
  async *watchTask(id: string, after: number, signal: AbortSignal): AsyncGenerator<Frame, void, undefined> {
    const watch: TaskWatch = { frames: new Queue(), last: after }
    const group = this.#tasks.get(id) ?? new Set()
    const isFirst = group.size === 0
    this.#tasks.set(id, group.add(watch))
    // A second watcher of one task has a subscription anew, from its own place: all of them drop what they have had.
    if (isFirst) this.#subscribe(id)
    else this.#resubscribe(id)
    this.#open()
    try {
      yield* untilAborted(watch.frames, signal)
    } finally {
      group.delete(watch)
      if (group.size === 0) {
        this.#tasks.delete(id)
        this.#send({ op: 'unsubscribe', task_id: id })
      }
      this.#closeIfIdle()
    }
  }

  /** `board` and `tick` frames, until the consumer stops. */
  async *watchQueue(
    signal: AbortSignal,
    onConnection?: (isOpen: boolean) => void,
  ): AsyncGenerator<Frame, void, undefined> {
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
    socket.addEventListener('open', () => {
      this.#hasOpened = true
      this.#beat(socket)
      for (const id of this.#tasks.keys()) this.#subscribe(id)
      if (this.#queues.size > 0) this.#send({ op: 'watch-queue' })
      for (const { onConnection } of this.#queues) onConnection?.(true)
    })
    socket.addEventListener('message', ({ data }) => {
      this.#tries = 0
      this.#beat(socket)
      this.#take(JSON.parse(data as string) as Frame)
    })
    socket.addEventListener('close', ({ code, reason }) => this.#closed(socket, code, reason))
  }

  #closed(socket: WebSocket, code: number, reason: string): void {
    if (this.#socket !== socket) return
    clearTimeout(this.#timer)
    this.#socket = null
    if (code === CLOSE_POLICY) return this.#failAll(new RequestFailed(401, null, null), reason)
    if (!this.#hasOpened) void this.#probe()
    this.#hasOpened = false
    for (const { onConnection } of this.#queues) onConnection?.(false)
    if (this.#isIdle) return
    const waitMs = this.#reconnectAfterMs ?? pauseMs(this.#tries)
    this.#reconnectAfterMs = null
    this.#tries += 1
    this.#timer = setTimeout(() => this.#open(), waitMs)
  }

  /** A browser does not say why an upgrade was refused. */
  async #probe(): Promise<void> {
    const response = await this.#http.send('GET', '/api/session').catch(() => null)
    if (response === null || ![401, 403].includes(response.status)) return
    clearTimeout(this.#timer)
    this.#failAll(await readFailure(response), '')
  }

  #failAll(error: Error, reason: string): void {
    if (reason !== '') error.message = reason
    for (const group of this.#tasks.values()) for (const { frames } of group) frames.fail(error)
    for (const { frames } of this.#queues) frames.fail(error)
  }

  #beat(socket: WebSocket): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      socket.close()
      // A dead connection may take long to close.
      this.#closed(socket, 1006, 'silent')
    }, SILENCE_MS)
  }

  #take(frame: Frame): void {
    if (frame.type === 'shutdown') this.#reconnectAfterMs = Number(frame['reconnect_after_ms'])
    else if (frame.type === 'board' || frame.type === 'tick') {
      for (const { frames } of this.#queues) frames.push(frame)
    } else if (frame.task_id !== undefined) this.#takeOfTask(frame.task_id, frame)
  }

  #takeOfTask(id: string, frame: Frame): void {
    for (const watch of this.#tasks.get(id) ?? []) {
      if (frame.type === 'problem') {
        // The server may have ended the subscription with the task already.
        if (frame['op'] !== 'unsubscribe') watch.frames.fail(toFailure(frame))
      } else if (frame.type === 'reply') continue
      else if (frame.seq === undefined) {
        watch.frames.push(frame)
        if (isOver(frame, watch.last)) watch.frames.close()
      } else if (frame.seq > watch.last) {
        watch.last = frame.seq
        watch.frames.push(frame)
        if (frame.type === 'result' || frame.type === 'error') watch.frames.close()
      }
    }
  }

  #subscribe(id: string): void {
    const places = [...(this.#tasks.get(id) ?? [])].map(({ last }) => last)
    this.#send({ op: 'subscribe', task_id: id, after: Math.min(...places) })
  }

  #resubscribe(id: string): void {
    this.#send({ op: 'unsubscribe', task_id: id })
    this.#subscribe(id)
  }

  #send(message: object): void {
    if (this.#isOpen) this.#socket?.send(JSON.stringify(message))
  }

  get #isIdle(): boolean {
    return this.#tasks.size === 0 && this.#queues.size === 0
  }

  #closeIfIdle(): void {
    if (!this.#isIdle) return
    clearTimeout(this.#timer)
    this.#socket?.close()
    this.#socket = null
  }
}

const CLOSE_POLICY = 1008

/** The address of the page, where there is one. */
function pageAddress(): string | undefined {
  return (globalThis as { location?: { href: string } }).location?.href
}

/** Whether a snapshot shows a task whose end has come already. */
function isOver(frame: Frame, last: number): boolean {
  const { done, last_seq: newest } = (frame['task'] ?? {}) as { done?: boolean; last_seq?: number }
  return done === true && newest !== undefined && newest <= last
}

function toFailure(frame: Frame): RequestFailed {
  const [errorType, detail] = [String(frame['error_type']), String(frame['message'])]
  const status = errorType === 'task_not_found' ? 404 : errorType === 'validation' ? 422 : 403
  return new RequestFailed(
    status,
    {
      type: `urn:headgate:problem:${errorType.replaceAll('_', '-')}`,
      title: detail,
      status,
      detail,
      error_type: errorType,
    },
    null,
  )
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
