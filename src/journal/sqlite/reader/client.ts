import { Worker } from 'node:worker_threads'
import type { Row } from '../../rows.ts'
import type { ReaderMessage, ReadRequest } from '../thread-protocol.ts'
import { QUERIES, type AnyQuery, type QueryArgs, type QueryName, type QueryReply } from './queries.ts'
import { ownFile } from '../../../own-file.ts'
import { toError } from '../writer/client.ts'

interface Waiting {
  readonly resolve: (rows: readonly Row[]) => void
  readonly reject: (error: Error) => void
}

/** The process's end of the thread that reads. */
export class ReaderLink {
  readonly #thread: Worker
  readonly #waiting = new Map<number, Waiting>()
  readonly #died: (error: Error) => void
  #isClosing = false
  #next = 0
  #ended: Error | null = null

  /** @param died called when the thread ended unexpectedly */
  constructor(path: string, died: (error: Error) => void) {
    this.#thread = new Worker(ownFile('./thread', import.meta.url), { workerData: { path } })
    this.#thread.on('message', (message: ReaderMessage) => this.#onMessage(message))
    this.#died = died
    this.#thread.on('error', (error: Error) => this.#end(error))
    this.#thread.on('exit', () => this.#end(new Error('The thread that reads the journal has ended.')))
  }

  async read<Name extends QueryName>(name: Name, ...args: QueryArgs<Name>): Promise<QueryReply<Name>> {
    const rows = await this.#ask(name, args)
    return (QUERIES[name] as unknown as AnyQuery).toReply(rows, ...args) as QueryReply<Name>
  }

  async close(): Promise<void> {
    if (this.#ended !== null) return
    this.#isClosing = true
    const ended = new Promise((resolve) => this.#thread.once('exit', resolve))
    this.#thread.postMessage('close')
    await ended
  }

  /** At once, whatever it is doing. */
  async terminate(): Promise<void> {
    this.#isClosing = true
    this.#ended ??= new Error('stopped')
    await this.#thread.terminate()
  }

  #ask(name: QueryName, args: readonly unknown[]): Promise<readonly Row[]> {
    if (this.#ended !== null) return Promise.reject(this.#ended)
    const id = this.#next
    this.#next += 1
    const request: ReadRequest = { id, name, args }
    this.#thread.postMessage(request)
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }))
  }

  #onMessage(message: ReaderMessage): void {
    const waiting = this.#waiting.get(message.id)
    this.#waiting.delete(message.id)
    if ('rows' in message) waiting?.resolve(message.rows)
    else waiting?.reject(toError(message.fault))
  }

  #end(error: Error): void {
    if (!this.#isClosing && this.#ended === null) this.#died(error)
    this.#ended ??= error
    for (const waiting of this.#waiting.values()) waiting.reject(error)
    this.#waiting.clear()
  }
}
