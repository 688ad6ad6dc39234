import { connect } from 'node:net'
import { expect } from 'vitest'
import { PROBLEM_STATUS, type ProblemCode } from '../../src/http/problem/problem.ts'
import { startServer, tokenFor } from './server.ts'
import { heldType } from './types.ts'

export interface RawReply {
  readonly status: number
  readonly text: string
}

/** A server that lets one caller in, with a task that runs and one that waits. */
export async function setup(settings: Record<string, unknown> = {}) {
  const { definition, held } = heldType()
  const { record, headers, token } = tokenFor('ann')
  const limits = { tokens: [record], slots: 1, stopWaitMs: 1, stopGraceMs: 1, ...settings }
  const server = await startServer({ tasks: [definition], settings: limits })
  const client = server.as(headers)
  const { body: running } = await client.post('/held')
  const { body: waiting } = await client.post('/held')
  const ids = { running: running['task_id'] as string, waiting: waiting['task_id'] as string }
  const post = (path: string, body: string | Buffer, more: Record<string, string> = {}) =>
    rawReply(
      fetch(server.url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers, ...more },
        body: new Uint8Array(Buffer.from(body)),
      }),
    )
  const get = (path: string, more: Record<string, string> = {}) =>
    rawReply(fetch(server.url + path, { headers: { ...headers, ...more } }))
  const raw = (text: string | Buffer) => rawRequest(server.url, text)
  return { ...server, client, headers, token, held, ids, post, get, raw }
}
export type Given = Awaited<ReturnType<typeof setup>>

async function rawReply(reply: Promise<Response>): Promise<RawReply> {
  const { status } = await reply
  return { status, text: await (await reply).text() }
}

/** Sends bytes as they are and reads until the server closes, or has answered once. */
export function rawRequest(url: string, text: string | Buffer): Promise<RawReply> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname, () => socket.write(text))
    let answer = ''
    const done = () => {
      socket.destroy()
      const body = answer.slice(answer.indexOf('\r\n\r\n') + 4)
      resolve({ status: Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 0), text: body })
    }
    socket.on('data', (chunk) => {
      answer += chunk.toString()
      const length = Number(/content-length: (\d+)/i.exec(answer)?.[1] ?? NaN)
      const body = answer.indexOf('\r\n\r\n')
      if (body >= 0 && Buffer.byteLength(answer.slice(body + 4)) >= length) done()
    })
    socket.on('close', done)
    socket.on('error', () => undefined)
  })
}

/** Sentences that only a stack, a path or a library would say. */
const LEAKS = /\n\s+at |node_modules|\/src\/|node:internal|Error:|undefined|\[object/

/** A refusal is a problem with just this code and its status, and tells nothing of the inside. */
export function expectProblem({ status, text }: RawReply, code: ProblemCode): void {
  expect(text).not.toMatch(LEAKS)
  const problem = JSON.parse(text) as Record<string, unknown>
  expect([status, problem['type'], problem['status']], text).toEqual([
    PROBLEM_STATUS[code],
    `urn:headgate:problem:${code}`,
    PROBLEM_STATUS[code],
  ])
}

/** One row of a table of bad inputs: what is sent, and the code that it gets; a number where it is welcome. */
export type Row = readonly [
  id: string,
  name: string,
  send: (given: Given) => Promise<RawReply>,
  answer: ProblemCode | number,
]

export function check(reply: RawReply, answer: ProblemCode | number): void {
  if (typeof answer === 'number') expect(reply.status, reply.text).toBe(answer)
  else expectProblem(reply, answer)
}
