import type { FastifyReply } from 'fastify'
import { Readable } from 'node:stream'

/** Text up to this length is sent as it is. */
const SHORT_CHARS = 64 * 1024
const PIECE_CHARS = 16 * 1024
/** Pieces of all readers together in one turn of the event loop, so that everybody else has a turn too. */
const PIECES_PER_TURN = 32

/**
 * Sends text that may be long (a result has up to 10 MB) at the pace of its reader: what many slow readers
 * have not taken yet is held once, as the text, and not once for each.
 */
export function sendText(reply: FastifyReply, text: string): FastifyReply {
  if (text.length <= SHORT_CHARS) return reply.send(text)
  reply.header('content-length', Buffer.byteLength(text))
  return reply.send(Readable.from(piecesOf(text), { objectMode: false, highWaterMark: PIECE_CHARS }))
}

async function* piecesOf(text: string): AsyncGenerator<Buffer> {
  for (let start = 0; start < text.length;) {
    const end = start + PIECE_CHARS
    // A pair of surrogates is one character and stays together.
    const isPair = end < text.length && (text.charCodeAt(end - 1) & 0xfc00) === 0xd800
    const next = isPair ? end - 1 : end
    await turn()
    yield Buffer.from(text.slice(start, next))
    start = next
  }
}

const waiting: (() => void)[] = []
let isTurning = false

/** Settles when it is this piece's turn. */
function turn(): Promise<void> {
  if (!isTurning) {
    isTurning = true
    setImmediate(giveTurns)
  }
  return new Promise((resolve) => waiting.push(resolve))
}

function giveTurns(): void {
  for (const resolve of waiting.splice(0, PIECES_PER_TURN)) resolve()
  isTurning = waiting.length > 0
  if (isTurning) setImmediate(giveTurns)
}
