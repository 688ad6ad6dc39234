import type { FastifyReply } from 'fastify'
import { Readable } from 'node:stream'
import { sendProblem } from '../problem/problem.ts'
import type { ReplyMemory } from '../server/reply-memory.ts'
import { turn } from '../server/fair-turns.ts'

/** A body up to this length is sent as it is. */
const SHORT_BYTES = 64 * 1024
const PIECE_BYTES = 64 * 1024
/** Of UTF-16: up to 96 KB. */
const PIECE_UNITS = 32 * 1024
const RETRY_SECONDS = 5

/**
 * Sends text that may be long: memory for it is reserved, or the client is asked to retry later.
 *
 * @param text in one piece, or in several that follow each other
 */
export function sendText(
  reply: FastifyReply,
  text: string | readonly string[],
  memory: ReplyMemory,
): FastifyReply {
  const pieces = typeof text === 'string' ? [text] : text
  // A UTF-16 unit has three bytes of UTF-8 at the most.
  if (pieces.reduce((sum, { length }) => sum + length, 0) * 3 <= SHORT_BYTES) {
    return reply.send(pieces.join(''))
  }
  const length = pieces.reduce((sum, piece) => sum + Buffer.byteLength(piece), 0)
  const release = memory.take(length)
  if (release === null) return sendBusy(reply)
  holdUntilClosed(reply, release)
  reply.header('content-length', length)
  // As strings: V8 counts a copy of each as bytes as memory that makes it collect the whole heap after some hundred replies.
  return reply.send(new PieceStream(pieces.flatMap(splitText)))
}

/**
 * Sends bytes at the pace of their reader: what many slow readers have not taken yet is held once.
 *
 * @param release called once, when nothing of them is held any more
 */
export function sendBytes(
  reply: FastifyReply,
  parts: readonly Uint8Array[],
  release: () => void,
): FastifyReply {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  holdUntilClosed(reply, release)
  if (length <= SHORT_BYTES) return reply.send(Buffer.concat(parts))
  reply.header('content-length', length)
  return reply.send(new PieceStream(parts.flatMap(splitBytes)))
}

function holdUntilClosed({ raw }: FastifyReply, release: () => void): void {
  raw.once('close', release)
  // It may have left while the body was read: its `close` has been.
  if (raw.destroyed) release()
}

/** Long replies hold as much memory as they may. */
export function sendBusy(reply: FastifyReply): FastifyReply {
  const detail = `Long replies to slow readers hold all the memory there is for them. Try again in ${RETRY_SECONDS} s.`
  return sendProblem(reply, 'responses-busy', { detail, retryAfter: RETRY_SECONDS })
}

/**
 * Pieces at the pace of their reader, each in its turn. `Readable.from` would keep what it has sent until the whole heap is
 * collected.
 */
class PieceStream extends Readable {
  readonly #pieces: readonly (string | Uint8Array)[]
  #next = 0

  constructor(pieces: readonly (string | Uint8Array)[]) {
    super({ objectMode: true, highWaterMark: 1 })
    this.#pieces = pieces
  }

  override _read(): void {
    void turn().then(() => {
      if (this.destroyed) return
      this.push(this.#pieces[this.#next])
      this.#next += 1
      // At once: the client has all of it with the last piece.
      if (this.#next === this.#pieces.length) this.push(null)
    })
  }
}

/** Views of them, without a copy. */
function splitBytes(bytes: Uint8Array): readonly Uint8Array[] {
  const count = Math.ceil(bytes.length / PIECE_BYTES)
  return Array.from({ length: count }, (_, index) => {
    return bytes.subarray(index * PIECE_BYTES, (index + 1) * PIECE_BYTES)
  })
}

function splitText(text: string): readonly string[] {
  const pieces: string[] = []
  for (let start = 0, end: number; start < text.length; start = end) {
    end = start + PIECE_UNITS
    // Not within a pair.
    if (isHighSurrogate(text.charCodeAt(end - 1))) end += 1
    pieces.push(text.slice(start, end))
  }
  return pieces
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff
}
