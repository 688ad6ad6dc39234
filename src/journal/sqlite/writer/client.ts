import { Worker } from 'node:worker_threads'
import { HeadgateError } from '../../../task/errors.ts'
import { ownFile } from '../../../own-file.ts'
import type { Fault, NumberedReply, WriteBatch, WriterData, WriterMessage } from '../thread-protocol.ts'
import { pack } from './packing.ts'
import type { MutationArgs, MutationName, MutationReply, STALE, Write } from './mutations.ts'

export interface WriterLinkOptions extends WriterData {
  /** Monotonic, ms. */
  readonly monotonic: () => number
  readonly onNote: (note: string) => void
  /** Nothing more will be written. */
  readonly onFatal: (error: HeadgateError) => void
}

/** This many writes of one turn are sent at once where the thread has none: it commits them while the turn continues. */
const SENT_EARLY = 24
/** Writes that may be under way at once; more are refused. */
const MAX_UNDER_WAY = 100_000
/** A disk that takes longer over one sync takes no new tasks meanwhile. */
const STALLED_MS = 10_000

interface Waiting {
  readonly number: number
  readonly sentAt: number
  readonly resolve: (value: unknown) => void
  readonly reject: (error: HeadgateError) => void
}

/** The process's end of the thread that writes: one or two messages a turn of the event loop, answers in order. */
export class WriterLink {
  readonly #options: WriterLinkOptions
  readonly #thread: Worker
  readonly #opened = Promise.withResolvers<void>()
  readonly #closed = Promise.withResolvers<void>()
  #outbox: Write[] = []
  #next = 0
  /** In the order of their numbers; those before `#first` are answered. */
  #waiting: (Waiting | undefined)[] = []
  #first = 0
  #isOpen = false
  #isDiskFull = false
  #fault: Fault | null = null
  #isClosing = false

  constructor(options: WriterLinkOptions) {
    this.#options = options
    const { folder, reserveBytes, writesPerCheckpoint } = options
    const workerData: WriterData = { folder, reserveBytes, writesPerCheckpoint }
    this.#thread = new Worker(ownFile('./thread', import.meta.url), { workerData })
    this.#thread.on('message', (message: WriterMessage) => this.#onMessage(message))
    this.#thread.on('error', (error) => this.#break({ code: 'journal-failed', message: error.message }))
    this.#thread.on('exit', () => this.#heardExit())
  }

  /** @throws HeadgateError when the journal cannot be opened. */
  async whenOpen(): Promise<void> {
    await this.#opened.promise
  }

  /** Why no new task can be taken now. */
  get refusal(): 'disk-full' | 'journal-unavailable' | null {
    if (this.#isDiskFull) return 'disk-full'
    const oldest = this.#waiting[this.#first]
    const isStalled = oldest !== undefined && this.#options.monotonic() - oldest.sentAt > STALLED_MS
    const isBehind = this.#waiting.length - this.#first > MAX_UNDER_WAY
    return this.#fault !== null || isStalled || isBehind ? 'journal-unavailable' : null
  }

  /** Settles with the reply when the write is durable. Writes are carried out in the order of the calls. */
  write<Name extends MutationName>(
    name: Name,
    ...args: MutationArgs<Name>
  ): Promise<Exclude<MutationReply<Name>, typeof STALE>> {
    if (this.#fault !== null || this.#isClosing) return Promise.reject(toError(this.#fault ?? CLOSED))
    if (this.#outbox.length === 0) setImmediate(() => this.#send())
    this.#outbox.push({ name, args } as unknown as Write)
    const number = this.#next
    this.#next += 1
    const isThreadIdle = this.#waiting.length - this.#first === this.#outbox.length - 1
    if (isThreadIdle && this.#outbox.length >= SENT_EARLY) this.#send()
    return new Promise((resolve, reject) => {
      const sentAt = this.#options.monotonic()
      this.#waiting.push({ number, sentAt, resolve: resolve as Waiting['resolve'], reject })
    })
  }

  /** Writes what is under way, and ends the thread. */
  async close(): Promise<void> {
    if (this.#isClosing) return this.#closed.promise
    this.#isClosing = true
    this.#send()
    this.#thread.postMessage('close')
    if (this.#fault !== null) await this.#thread.terminate()
    await this.#closed.promise
  }

  #send(): void {
    if (this.#outbox.length === 0) return
    const batch: WriteBatch = { first: this.#next - this.#outbox.length, writes: this.#outbox.map(pack) }
    this.#outbox = []
    this.#thread.postMessage(batch)
  }

  #onMessage(message: WriterMessage): void {
    switch (message.kind) {
      case 'opened':
        this.#isOpen = true
        for (const note of message.notes) this.#options.onNote(note)
        return this.#opened.resolve()
      case 'fault':
        return this.#break(message.fault)
      case 'written':
        return this.#answer(message.upTo, message.replies)
      case 'refused':
        for (const reply of message.replies) this.#refuse(reply)
        return
      case 'disk':
        this.#isDiskFull = message.isFull
        return this.#options.onNote(message.isFull ? 'the disk is full' : 'the disk has room again')
      case 'closed':
    }
  }

  #answer(upTo: number, replies: readonly NumberedReply[]): void {
    let next = 0
    for (; this.#first < this.#waiting.length; this.#first += 1) {
      const waiting = this.#waiting[this.#first]
      if (waiting === undefined) continue
      if (waiting.number > upTo) break
      this.#waiting[this.#first] = undefined
      const reply = replies[next]?.number === waiting.number ? replies[next++] : undefined
      if (reply?.fault === undefined) waiting.resolve(reply?.value ?? null)
      else waiting.reject(toError(reply.fault))
    }
    this.#tidy()
  }

  #refuse({ number, fault }: NumberedReply): void {
    const at = this.#waiting.findIndex((waiting) => waiting?.number === number)
    const waiting = this.#waiting[at]
    if (waiting === undefined || fault === undefined) return
    this.#waiting[at] = undefined
    waiting.reject(toError(fault))
  }

  /** Answered places are given back now and then: each costs less than moving all others for it. */
  #tidy(): void {
    if (this.#first < 1024 && this.#first < this.#waiting.length) return
    this.#waiting = this.#waiting.slice(this.#first)
    this.#first = 0
  }

  #heardExit(): void {
    if (!this.#isClosing) this.#break({ code: 'journal-failed', message: 'The journal thread has ended.' })
    // What was held for a disk that stayed full.
    else this.#rejectAll(toError(CLOSED))
    this.#closed.resolve()
  }

  #rejectAll(error: HeadgateError): void {
    const waiting = this.#waiting.slice(this.#first)
    this.#waiting = []
    this.#first = 0
    for (const each of waiting) each?.reject(error)
  }

  #break(fault: Fault): void {
    if (this.#fault !== null) return
    this.#fault = fault
    const error = toError(fault)
    this.#opened.reject(error)
    this.#rejectAll(error)
    if (this.#isOpen) this.#options.onFatal(error)
  }
}

const CLOSED: Fault = { code: 'journal-unavailable', message: 'The journal is closed.' }

export function toError({ code, message }: Fault): HeadgateError {
  return new HeadgateError(code, message)
}
