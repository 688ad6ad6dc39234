import { connect, type Socket } from 'node:net'

/**
 * A connection that is kept, with one request under way at a time: `fetch` costs as much as the server that is measured.
 */
export class HttpLane {
  readonly #socket: Socket
  readonly #host: string
  #received = ''
  #waiting: ((reply: string) => void) | null = null
  #failed: ((error: Error) => void) | null = null

  constructor(url: string) {
    const { hostname, port, host } = new URL(url)
    this.#host = host
    this.#socket = connect({ host: hostname, port: Number(port), noDelay: true })
    this.#socket.setEncoding('latin1')
    this.#socket.on('data', (chunk: string) => {
      this.#received += chunk
      this.#look()
    })
    this.#socket.on('error', (error) => this.#failed?.(error))
    this.#socket.on('close', () => this.#failed?.(new Error(`${url}: the connection was closed`)))
  }

  /** The body of the reply, which has to have this status. */
  async post(path: string, body: string, status: number): Promise<string> {
    const head = `POST ${path} HTTP/1.1\r\nhost: ${this.#host}\r\ncontent-type: application/json\r\n`
    const reply = await new Promise<string>((resolve, reject) => {
      this.#waiting = resolve
      this.#failed = reject
      this.#socket.write(`${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
    })
    if (!reply.startsWith(`HTTP/1.1 ${status} `)) throw new Error(`${path}: not ${status}: ${reply}`)
    return reply.slice(reply.indexOf('\r\n\r\n') + 4)
  }

  close(): void {
    this.#failed = null
    this.#socket.destroy()
  }

  #look(): void {
    const end = this.#received.indexOf('\r\n\r\n')
    if (end < 0) return
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(this.#received)?.[1])
    if (Number.isNaN(length)) throw new Error(`a reply without a length: ${this.#received}`)
    const all = end + 4 + length
    if (this.#received.length < all) return
    const reply = this.#received.slice(0, all)
    this.#received = this.#received.slice(all)
    this.#waiting?.(reply)
  }
}
