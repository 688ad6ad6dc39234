import type { FastifyReply } from 'fastify'
import { Readable } from 'node:stream'
import { sendProblem } from '../problem/problem.ts'
import type { ReplyMemory } from '../server/reply-memory.ts'
import { turn } from '../server/fair-turns.ts'

/** A body up to this length is sent as it is. */
const SHORT_BYTES = 64 * 1024
const PIECE_BYTES = 16 * 1024
const RETRY_SECONDS = 5

/** Sends text that may be long: memory for it is reserved, or the client is asked to retry later. */
export function sendText(reply: FastifyReply, text: string, memory: ReplyMemory): FastifyReply {
  // A UTF-16 unit has three bytes of UTF-8 at the most.
  if (text.length * 3 <= SHORT_BYTES) return reply.send(text)
  const bytes = Buffer.from(text)
  const release = memory.take(bytes.length)
  return release === null ? sendBusy(reply) : sendBytes(reply, [bytes], release)
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
  reply.raw.once('close', release)
  // It may have left while the body was read: its `close` has been.
  if (reply.raw.destroyed) release()
  if (length <= SHORT_BYTES) return reply.send(Buffer.concat(parts))
  reply.header('content-length', length)
  return reply.send(Readable.from(splitPieces(parts), { objectMode: false, highWaterMark: PIECE_BYTES }))
}

/** Long replies hold as much memory as they may. */
export function sendBusy(reply: FastifyReply): FastifyReply {
  const detail = `Long replies to slow readers hold all the memory there is for them. Try again in ${RETRY_SECONDS} s.`
  return sendProblem(reply, 'responses-busy', { detail, retryAfter: RETRY_SECONDS })
}

async function* splitPieces(parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    for (let start = 0; start < part.length; start += PIECE_BYTES) {
      await turn()
      yield part.subarray(start, start + PIECE_BYTES)
    }
  }
}
