import type { WebSocket } from '@fastify/websocket'
import { z } from 'zod'
import type { FastifyRequest } from 'fastify'
import type { Authenticator } from '../gate/authenticate.ts'
import { accessOf, viewOptions, visibleTask, type Access } from '../gate/access.ts'
import type { Board } from '../board/board.ts'
import type { StorageServices, StreamServices } from '../deps.ts'
import { isErased } from '../problem/missing-task.ts'
import type { ProblemCode } from '../problem/problem.ts'
import { Connection, type Sink, type StreamEnd } from './connection.ts'
import type { Member } from './connections.ts'
import { unnumbered } from './frames.ts'
import { framesFor, openStream, type CursorDeps } from './cursor.ts'
import { waiter } from '../schemas/requests.ts'
import { endSocket, webSocketSink } from './web-socket.ts'

/** What is needed of the server. */
export type MultiplexedDeps = CursorDeps &
  Pick<StreamServices, 'connections'> &
  Pick<StorageServices, 'erased'> & { readonly board: Board; readonly authenticator: Authenticator }

/** Tasks that one socket may watch at once. */
const MAX_TASKS = 100

const taskId = z.string().min(1).max(100)
const clientOp = z.discriminatedUnion('op', [
  z.strictObject({
    op: z.literal('subscribe'),
    task_id: taskId,
    after: z.int().min(0).default(0),
    ticket: z.string().optional(),
  }),
  z.strictObject({ op: z.literal('unsubscribe'), task_id: taskId }),
  z.strictObject({ op: z.literal('cancel'), task_id: taskId, waiter: waiter.optional() }),
  z.strictObject({ op: z.literal('watch-queue') }),
  z.strictObject({ op: z.literal('unwatch-queue') }),
  z.strictObject({ op: z.literal('ping') }),
])
type ClientOp = z.output<typeof clientOp>
type Subscribe = Extract<ClientOp, { op: 'subscribe' }>

/** What is wrong with an op, or that there is none. */
function describeFault({ issues: [issue] }: z.ZodError): string {
  const { path = [], code, message } = issue ?? {}
  if (code === 'unrecognized_keys') return String(message)
  return path.length > 0 && path[0] !== 'op'
    ? `${path.join('.')}: ${message}`
    : 'expected an op: subscribe, unsubscribe, cancel, watch-queue, unwatch-queue, ping'
}

/** `WS /api/ws`: one socket that watches many tasks, each with its own numbers, and may cancel them. */
export class MultiplexedSocket implements Member {
  readonly #deps: MultiplexedDeps
  readonly #socket: WebSocket
  readonly #request: FastifyRequest
  readonly #access: Access
  readonly #sink: Sink
  #unwatchQueue: (() => void) | null = null
  /** By task; while a subscription opens, a mark of its own. */
  readonly #watched = new Map<string, Connection | symbol>()

  constructor(deps: MultiplexedDeps, socket: WebSocket, request: FastifyRequest) {
    this.#deps = deps
    this.#socket = socket
    this.#request = request
    this.#access = accessOf(request)
    this.#sink = webSocketSink(socket)
    socket.on('close', () => this.#leave())
    if (socket.readyState === socket.OPEN) deps.connections.add(this)
  }

  send(body: Record<string, unknown>): void {
    if (this.#sink.isFlushed) void this.#sink.send(unnumbered(body)).catch(() => undefined)
  }

  end(reason: StreamEnd): void {
    this.#leave()
    endSocket(this.#socket, reason)
  }

  isStillGranted(): boolean {
    return this.#access.isStillGranted()
  }

  endRevoked(): void {
    for (const [id, connection] of this.#watched) {
      if (!(connection instanceof Connection) || connection.isStillGranted()) continue
      this.#watched.delete(id)
      connection.end('finished')
      this.#refuse('unauthorized', 'the ticket of this task is no longer valid', id)
    }
  }

  /** Does what a client asks; what cannot be done is answered with a `problem` frame. */
  onMessage(message: unknown): void {
    if (!this.isStillGranted()) return this.end('revoked')
    const parsed = clientOp.safeParse(message)
    if (!parsed.success) return this.#refuse('validation', describeFault(parsed.error))
    this.#handle(parsed.data).catch(() => this.end('failed'))
  }

  async #handle(asked: ClientOp): Promise<void> {
    switch (asked.op) {
      case 'subscribe':
        return this.#subscribe(asked)
      case 'unsubscribe':
        return this.#unsubscribe(asked.task_id)
      case 'cancel':
        return this.#cancel(asked.task_id, asked.waiter ?? null)
      case 'watch-queue':
        return this.#watchQueue()
      case 'unwatch-queue':
        this.#unwatchQueue?.()
        this.#unwatchQueue = null
        return
      case 'ping':
    }
  }

  async #subscribe({ task_id: id, after, ticket }: Subscribe): Promise<void> {
    if (this.#watched.has(id)) return this.#refuse('validation', 'the task is watched already', id)
    if (this.#watched.size >= MAX_TASKS) {
      return this.#refuse('rate-limited', `one socket watches at most ${MAX_TASKS} tasks`, id)
    }
    const opening = Symbol(id)
    this.#watched.set(id, opening)
    const access = await this.#accessFor(id, ticket)
    const reading =
      access === null
        ? ({ kind: 'unknown' } as const)
        : await openStream(this.#deps, this.#readerWith(access), { id, after })
    // It may have been given up, or the socket have closed, while the journal was asked.
    const isWanted = this.#watched.get(id) === opening
    if (reading.kind !== 'open') {
      if (isWanted) this.#watched.delete(id)
      if (reading.kind === 'wrong-place') this.#refuse('validation', `after: ${reading.message}`, id)
      else await this.#refuseMissing(id, access)
      return
    }
    if (!isWanted) return reading.subscription.close()
    const isStillGranted = () => access?.isStillGranted() ?? false
    const sink = this.#sinkOf(() => this.#watched.get(id) === connection && this.#watched.delete(id))
    const connection: Connection = new Connection(sink, reading.subscription, isStillGranted)
    this.#watched.set(id, connection)
    void connection.run(framesFor(this.#deps, reading))
  }

  #watchQueue(): void {
    const { caller, onlyTask } = this.#access
    if (onlyTask !== null) return this.#refuse('forbidden', 'a ticket shows its task alone')
    const { view } = this.#readerWith(this.#access)
    this.#unwatchQueue ??= this.#deps.board.watch({ viewer: caller, view, sink: this.#sink })
  }

  #unsubscribe(id: string): void {
    const connection = this.#watched.get(id)
    if (!this.#watched.delete(id)) {
      return this.#refuse('task-not-found', 'the task is not watched', id, { op: 'unsubscribe' })
    }
    if (connection instanceof Connection) connection.end('finished')
    this.#reply('unsubscribe', id, 'unsubscribed')
  }

  async #cancel(id: string, which: number | null): Promise<void> {
    if (!this.#access.mayCancel)
      return this.#refuse('forbidden', 'this ticket does not let its bearer cancel', id)
    const task = await visibleTask(this.#deps, this.#access, id)
    const result =
      task === undefined ? ({ kind: 'unknown' } as const) : await this.#deps.admission.cancel(id, which)
    if (result.kind === 'unknown-waiter')
      this.#refuse('validation', 'waiter: no submit was answered with it', id)
    else if (result.kind === 'unwritten')
      this.#refuse(result.code, 'the cancel could not be written down yet', id)
    else if (result.kind === 'unknown') await this.#refuseMissing(id, this.#access)
    else if (result.kind === 'already-finished') this.#refuse('already-finished', 'the task has ended', id)
    else this.#reply('cancel', id, result.kind)
  }

  /** By the op's own ticket, or as the socket itself was let in. */
  async #accessFor(id: string, ticket: string | undefined): Promise<Access | null> {
    if (ticket === undefined) return this.#access
    const result = await this.#deps.authenticator.byTicket(ticket, id)
    return result.kind === 'known' ? result.access : null
  }

  #readerWith(access: Access) {
    return { access, view: viewOptions(this.#request, access) }
  }

  /** The end of one task ends its subscription; a reader that is too slow loses the socket. */
  #sinkOf(ended: () => void): Sink {
    const sink = this.#sink
    return {
      get isFlushed() {
        return sink.isFlushed
      },
      send: (frame) => sink.send(frame),
      end: (reason) => {
        ended()
        if (reason !== 'finished') this.end(reason)
      },
    }
  }

  #reply(op: ClientOp['op'], id: string, status: string): void {
    this.#send({ type: 'reply', op, task_id: id, status })
  }

  /** For a task that is not there: erased, as far as the caller may know, or never seen. */
  async #refuseMissing(id: string, access: Access | null): Promise<void> {
    if (access !== null && (await isErased(this.#deps, access, id)))
      this.#refuse('task-gone', 'the task was erased', id)
    else this.#refuse('task-not-found', 'there is no such task', id)
  }

  #refuse(code: ProblemCode, message: string, id?: string, also: object = {}): void {
    const about = { ...(id === undefined ? {} : { task_id: id }), ...also }
    this.#send({ type: 'problem', ...about, error_type: code.replaceAll('-', '_'), message })
  }

  #send(body: Record<string, unknown>): void {
    void this.#sink.send(unnumbered(body)).catch(() => undefined)
  }

  #leave(): void {
    this.#deps.connections.remove(this)
    this.#unwatchQueue?.()
    this.#unwatchQueue = null
    const connections = [...this.#watched.values()]
    this.#watched.clear()
    for (const connection of connections) if (connection instanceof Connection) connection.end('finished')
  }
}
