import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { startServer, tokenFor, type ServerGiven } from '../support/server.ts'
import { heldType } from '../support/types.ts'

const BYTES = 3_000_000
/** More than is taken of any request. */
const MOST_SENT = 400_000_000

/** A server whose queue of one place is full. */
async function setup(more: NonNullable<ServerGiven['settings']> = {}, tasks = 2) {
  const { definition } = heldType()
  const { record, headers } = tokenFor('ann')
  const settings = { tokens: [record], slots: 1, capacity: 1, ratePerMinute: 0, addressRatePerMinute: 0 }
  const server = await startServer({
    tasks: [definition],
    settings: { ...settings, maxBodyBytes: 100_000, ...more },
  })
  const ann = server.as(headers)
  for (let count = 0; count < tasks; count += 1) expect((await ann.post('/held')).status).toBe(202)
  const send = (path: string, type: string, own = headers) =>
    fetch(server.url + path, {
      method: 'POST',
      headers: { ...own, 'content-type': type },
      body: 'x'.repeat(BYTES),
      signal: AbortSignal.timeout(20_000),
    })
  return { ...server, ann, own: headers, send }
}

test.each([
  ['too long', 413, '/held', 'application/json'],
  ['of a type that is not taken', 415, '/held', 'image/png'],
  ['for nothing', 404, '/nothing', 'application/json'],
] as const)(
  'a client that sends all of a body that is %s reads the answer',
  async (_name, status, path, type) => {
    const { send } = await setup()
    const replies = await Promise.all(Array.from({ length: 50 }, () => send(path, type)))
    expect(new Set(replies.map((reply) => reply.status))).toEqual(new Set([status]))
  },
)

test('a client without a token reads the answer, however long its body is', async () => {
  const { send } = await setup()
  const replies = await Promise.all(
    Array.from({ length: 50 }, () => send('/held', 'application/json', {} as never)),
  )
  expect(new Set(replies.map((reply) => reply.status))).toEqual(new Set([401]))
})

test('an upload to a full queue reads 503 with the time to come back', async () => {
  const { ann } = await setup()
  const replies = await Promise.all(
    Array.from({ length: 50 }, () => ann.upload('/analyze-document', 'word '.repeat(BYTES / 5))),
  )
  for (const { status, headers } of replies) {
    expect([status, Number(headers.get('retry-after')) > 0]).toEqual([503, true])
  }
})

test('an upload that is several times too long reads 413, also where the limit is small', async () => {
  const { ann } = await setup({ maxUploadBytes: 1_000_000 }, 0)
  const replies = await Promise.all(
    Array.from({ length: 50 }, () => ann.upload('/analyze-document', 'word '.repeat((4 * BYTES) / 5))),
  )
  expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([413]))
})

test('what is sent after the answer is not taken without end', async () => {
  const { url, own } = await setup()
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  const head = `POST /held HTTP/1.1\r\nhost: localhost\r\nauthorization: ${own.authorization}\r\n`
  socket.write(`${head}content-type: image/png\r\ntransfer-encoding: chunked\r\n\r\n`)
  const [reply] = (await once(socket, 'data')) as [Buffer]
  expect(reply.toString()).toContain('HTTP/1.1 415')
  const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`
  let sent = 0
  const write = () => {
    while (!socket.destroyed && sent < MOST_SENT) {
      sent += chunk.length
      if (!socket.write(chunk)) return
    }
  }
  socket.on('drain', write)
  write()
  await new Promise((resolve) => socket.once('close', resolve))
  expect(sent).toBeLessThan(MOST_SENT)
})

test('a stop that comes while a client still sends its refused body waits for the body only', async () => {
  const { url, app, own } = await setup()
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  const head = `POST /held HTTP/1.1\r\nhost: localhost\r\nauthorization: ${own.authorization}\r\n`
  socket.write(`${head}content-type: image/png\r\ncontent-length: 1000\r\n\r\n`)
  const [reply] = (await once(socket, 'data')) as [Buffer]
  expect(reply.toString()).toContain('HTTP/1.1 415')
  const startedAt = performance.now()
  const closed = app.close()
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(socket.destroyed).toBe(false)
  socket.write('x'.repeat(1000))
  await closed
  // An idle connection would be kept for 65 s.
  expect(performance.now() - startedAt).toBeLessThan(30_000)
})
