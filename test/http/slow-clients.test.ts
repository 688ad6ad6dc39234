import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { defineTask } from '../../src/index.ts'
import { startServer, type ServerGiven } from '../support/server.ts'

const CLIENTS = 100
/** Limits are looked at once a second; where the machine is starved of processors, clients get 15 s more. */
const CLOSED_WITHIN = { timeout: 40_000 }

/** A server, and clients that speak to it as they like. */
async function setup(settings: NonNullable<ServerGiven['settings']> = {}) {
  const big = defineTask({ type: 'big', input: z.object({}), run: () => 'é'.repeat(4_000_000) })
  const server = await startServer({ tasks: [big], settings })
  const open = async (first: string, isReading = true) => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    socket.on('error', () => undefined)
    let received = ''
    if (isReading) socket.on('data', (chunk) => (received += chunk.toString()))
    await once(socket, 'connect')
    socket.write(first)
    return { socket, received: () => received }
  }
  return { ...server, open }
}

/** Sends a little more twice a second, as long as the other side reads. */
function drip(sockets: readonly Socket[], text: string): void {
  const timer = setInterval(() => sockets.forEach((socket) => socket.writable && socket.write(text)), 500)
  onTestFinished(() => clearInterval(timer))
}

const POST =
  'POST /summarize HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n{"text":"'

/** Headers that come drop by drop, or never, are cut off after ten seconds; others are served meanwhile. */
async function checkHeaders() {
  const { open, get } = await setup()
  const clients = await Promise.all(
    Array.from({ length: CLIENTS }, () => open('GET / HTTP/1.1\r\nhost: localhost\r\n')),
  )
  drip(
    clients.map(({ socket }) => socket),
    'x: y\r\n',
  )
  const silent = await Promise.all(Array.from({ length: CLIENTS }, () => open('')))
  expect((await get('/api/queue/stats')).status).toBe(200)
  await expect
    .poll(() => [...clients, ...silent].every(({ socket }) => socket.closed), CLOSED_WITHIN)
    .toBe(true)
  for (const { received } of clients) expect(received()).toContain('urn:headgate:problem:request-timeout')
}

/** A connection is cut off for the headers of its second request, and not for waiting or for many requests. */
async function checkSecondRequest() {
  const { open } = await setup()
  const request = 'GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n'
  const [slow, busy, waiting] = await Promise.all([open(request), open(request), open(request)])
  await expect.poll(() => slow.received()).toContain('200 OK')
  slow.socket.write('GET / HTTP/1.1\r\n')
  drip([slow.socket], 'x: y\r\n')
  drip([busy.socket], request)
  await expect.poll(() => slow.socket.closed, CLOSED_WITHIN).toBe(true)
  expect(slow.received()).toContain('urn:headgate:problem:request-timeout')
  expect([busy.socket.closed, waiting.socket.closed]).toEqual([false, false])
  expect(busy.received().match(/200 OK/g)?.length).toBeGreaterThan(15)
}

/** A body that comes drop by drop is answered 408 and cut off; one that comes at a walk is taken. */
async function checkBodies() {
  const { open, core, dataDir } = await setup({ slowBytesPerSecond: 1024 })
  const slow = await Promise.all(Array.from({ length: CLIENTS }, () => open(POST)))
  const form =
    'POST /analyze-document HTTP/1.1\r\nhost: localhost\r\ncontent-type: multipart/form-data; boundary=b\r\ncontent-length: 90000\r\n\r\n--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n'
  const uploads = await Promise.all(Array.from({ length: 10 }, () => open(form)))
  drip(
    [...slow, ...uploads].map(({ socket }) => socket),
    'ab',
  )
  const walking = await open(POST)
  drip([walking.socket], 'word '.repeat(400))
  await expect
    .poll(() => [...slow, ...uploads].every(({ socket }) => socket.closed), CLOSED_WITHIN)
    .toBe(true)
  for (const { received } of [...slow, ...uploads])
    expect(received()).toContain('urn:headgate:problem:request-timeout')
  expect(walking.socket.closed).toBe(false)
  expect(core.lifecycle.counters.rejected).toBe(0)
  const parts = async () =>
    (await readdir(dataDir, { recursive: true })).filter((name) => name.endsWith('.part'))
  await expect.poll(parts).toEqual([])
}

// Each waits for ten seconds and more, on a server of its own.
test('headers and bodies that come drop by drop are cut off, and no other connection is', async () => {
  await Promise.all([checkHeaders(), checkSecondRequest(), checkBodies()])
})

test('a reply that is not taken is cut off, and was not held once for each reader', async () => {
  const { open, post, ended, app } = await setup()
  const { body } = await post('/big')
  const id = body['task_id'] as string
  await ended(id)
  const before = process.memoryUsage.rss()
  let [highest, accepted] = [before, 0]
  const sampling = setInterval(() => (highest = Math.max(highest, process.memoryUsage.rss())), 20)
  onTestFinished(() => clearInterval(sampling))
  app.server.on('connection', () => (accepted += 1))
  const request = `GET /api/tasks/${id}/result HTTP/1.1\r\nhost: localhost\r\n\r\n`
  const readers = await Promise.all(Array.from({ length: CLIENTS }, () => open(request, false)))
  for (const { socket } of readers) socket.pause()
  await new Promise((resolve) => setTimeout(resolve, 2000))
  // Eight megabytes for each would be 800.
  expect((highest - before) / 1024 / 1024).toBeLessThan(300)
  // On a busy machine the first ones are cut off before the last ones have come.
  await expect.poll(() => accepted, CLOSED_WITHIN).toBeGreaterThanOrEqual(CLIENTS)
  const connections = () =>
    new Promise((resolve) => app.server.getConnections((_error, count) => resolve(count)))
  // A paused reader does not hear of its end, so the server is asked. Some are the test's own.
  await expect.poll(connections, CLOSED_WITHIN).toBeLessThan(10)
})

test('long text comes whole, its characters not divided', async () => {
  const pairs = defineTask({ type: 'pairs', input: z.object({}), run: () => `x${'😀'.repeat(200_000)}` })
  const { post, ended, get } = await startServer({ tasks: [pairs] })
  const { body } = await post('/pairs')
  expect((await ended(body['task_id']))['result']).toBe(`x${'😀'.repeat(200_000)}`)
  expect((await get(body['urls'].result)).body).toBe(`x${'😀'.repeat(200_000)}`)
})

test('more connections than there may be are closed, and those that are open continue', async () => {
  const { open } = await setup({ maxConnections: 5 })
  const first = await Promise.all(Array.from({ length: 5 }, () => open('')))
  const more = await Promise.all(Array.from({ length: 5 }, () => open('')))
  await expect.poll(() => more.every(({ socket }) => socket.closed)).toBe(true)
  first[0]?.socket.write('GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n')
  await expect.poll(() => first[0]?.received()).toContain('{"status":"live"}')
})
