import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { problemBody, PROBLEM_STATUS, type ProblemCode } from '../problem/problem.ts'

/** Errors of Node's HTTP parser, for requests that never became one. */
const CODE_OF_NODE: Readonly<Record<string, readonly [code: ProblemCode, detail: string]>> = {
  HPE_HEADER_OVERFLOW: ['headers-too-large', 'The headers are larger than 8 KB.'],
  ERR_HTTP_REQUEST_TIMEOUT: ['request-timeout', 'The request did not come in time.'],
}
const MALFORMED = ['bad-request', 'The request is not valid HTTP.'] as const

/** Answers what is no request, and closes its connection. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  // In the middle of a reply there is no place for another.
  const { _httpMessage: open } = socket as { _httpMessage?: { headersSent: boolean } | null }
  if (open?.headersSent === true) return void socket.destroy()
  const [code, detail] = CODE_OF_NODE[error.code ?? ''] ?? MALFORMED
  sendRaw(socket, code, detail)
}

/** Answers a request whose headers did not come in time, and closes its connection. */
export function answerLateRequest(socket: Socket): void {
  answerClientError(
    Object.assign(new Error('headers too late'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }),
    socket,
  )
}

/** Answers a request for a WebSocket that is not one, and says which version there is (RFC 6455, 4.4). */
export function answerHandshakeError({ message }: Error, socket: Duplex): void {
  sendRaw(socket, 'bad-request', `No WebSocket was opened. ${message}.`, ['sec-websocket-version: 13'])
}

/** CONNECT asks for a tunnel, which this server is not; Node keeps it from the routes. */
export function refuseTunnels(server: Server): void {
  server.on('connect', (_request, socket) => {
    // Node has taken its own listener away: without one a reset would end the process.
    socket.on('error', () => socket.destroy())
    sendRaw(socket, 'method-not-allowed', 'This server is no proxy.')
  })
}

/** Node keeps a request that expects anything but 100-continue from the routes, too. */
export function refuseExpectations(server: Server): void {
  server.on('checkExpectation', (_request, response) => {
    const problem = problemBody('bad-request', {
      detail: 'Expect: 100-continue alone is taken.',
      status: 417,
    })
    const body = JSON.stringify(problem)
    const headers = { 'content-type': 'application/problem+json', 'content-length': Buffer.byteLength(body) }
    response.writeHead(problem.status, { ...headers, connection: 'close' }).end(body)
  })
}

function sendRaw(socket: Duplex, code: ProblemCode, detail: string, headers: readonly string[] = []): void {
  if (!socket.writable) return void socket.destroy()
  const body = JSON.stringify(problemBody(code, { detail }))
  const head = [
    `HTTP/1.1 ${PROBLEM_STATUS[code]} ${code}`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
    ...headers,
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy())
}
