import type { FastifyReply } from 'fastify'
import { Readable } from 'node:stream'

/** Text up to this length is sent in one piece. */
const PIECE_CHARS = 64 * 1024

/**
 * Sends text that may be long (a result has up to 10 MB) at the pace of its reader: what many slow readers
 * have not taken yet is held once, as the text, and not once for each.
 */
export function sendText(reply: FastifyReply, text: string): FastifyReply {
  if (text.length <= PIECE_CHARS) return reply.send(text)
  reply.header('content-length', Buffer.byteLength(text))
  return reply.send(Readable.from(piecesOf(text), { objectMode: false }))
}

function* piecesOf(text: string): Generator<Buffer> {
  for (let start = 0; start < text.length;) {
    const end = start + PIECE_CHARS
    // A pair of surrogates is one character and stays together.
    const isPair = end < text.length && (text.charCodeAt(end - 1) & 0xfc00) === 0xd800
    const next = isPair ? end - 1 : end
    yield Buffer.from(text.slice(start, next))
    start = next
  }
}
