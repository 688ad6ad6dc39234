import { connect, type Socket } from 'node:net'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { defineTask } from '../../src/index.ts'
import { ReplyMemory } from '../../src/http/server/reply-memory.ts'
import { startServer } from '../support/server.ts'

const MB = 1024 * 1024
/** More than the kernel takes for a reader that stands still: 4 MB to send, and what has arrived. */
const BIG = 8 * MB

const big = defineTask({
  type: 'big',
  input: z.object({ letter: z.string() }),
  formats: {
    txt: { mediaType: 'text/plain', write: (result) => ({ filename: 'a.txt', text: String(result) }) },
  },
  run: ({ letter }) => letter.repeat(BIG),
})

const waiting = defineTask({
  type: 'waiting',
  input: z.object({ text: z.string() }),
  run: (_input, { signal }) => once(signal, 'abort'),
})

async function setup(settings: object = {}) {
  const given = {
    journal: 'sqlite' as 'sqlite' | 'memory',
    replyBytes: 20 * MB,
    ratePerMinute: 0,
    ...settings,
  }
  const server = await startServer({ tasks: [big, waiting], settings: given })
  const make = async (letter: string): Promise<string> => {
    const { body } = await server.post('/big', { letter })
    const { status } = await server.ended(body['task_id'])
    expect(status).toBe('completed')
    return body['task_id'] as string
  }
  /** A reader that takes the head of a reply and nothing more, until it is asked to read on. */
  const readSlowly = async (path: string, connection = 'close') => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: ${connection}\r\n\r\n`)
    const [first] = (await once(socket, 'data')) as [Buffer]
    socket.pause()
    return { socket, status: Number(/^HTTP\/1\.1 (\d+)/.exec(first.toString('latin1'))?.[1]), first }
  }
  return { ...server, make, readSlowly }
}

async function readOn(socket: Socket, first: Buffer): Promise<Buffer> {
  const chunks = [first]
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.resume()
  await once(socket, 'end')
  return Buffer.concat(chunks)
}

const PLACE = Buffer.alloc(64 * 1024)
/** Takes a reply into one place again and again: the reader leaves nothing to collect. */
async function readInPlace(url: string, path: string): Promise<void> {
  const { port } = new URL(url)
  const onread = { buffer: PLACE, callback: () => true }
  const socket = connect({ port: Number(port), host: '127.0.0.1', onread })
  socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`)
  await once(socket, 'close')
  if (socket.bytesRead < 150_000) throw new Error(`${socket.bytesRead} bytes came`)
}

test('many slow readers of one result share it; what is over the bound is asked to retry later', async () => {
  const { make, readSlowly, get } = await setup()
  const [a, b, c] = [await make('a'), await make('b'), await make('c')]
  const readers = await Promise.all(Array.from({ length: 50 }, () => readSlowly(`/api/tasks/${a}/result`)))
  expect(new Set(readers.map(({ status }) => status))).toEqual(new Set([200]))
  const others = await Promise.all([readSlowly(`/api/tasks/${b}/result`), readSlowly(`/api/tasks/${b}`)])
  expect(others.map(({ status }) => status)).toEqual([200, 200])
  for (const path of [`/api/tasks/${c}/result`, `/api/tasks/${c}`, `/api/tasks/${c}/result?format=txt`]) {
    const { status, body, headers } = await get(path)
    expect([status, body['error_type'], headers.get('retry-after')]).toEqual([503, 'responses_busy', '5'])
  }
  // What needs no long body is served as before.
  expect((await get(`/api/tasks/${c}/status`)).status).toBe(200)

  for (const { socket } of others) socket.destroy()
  await expect.poll(async () => (await get(`/api/tasks/${c}/result`)).status).toBe(200)
  const { socket, first } = readers[0]!
  const whole = await readOn(socket, first)
  const body = whole.subarray(whole.indexOf('\r\n\r\n') + 4)
  expect(body.toString('latin1')).toBe(JSON.stringify('a'.repeat(BIG)))
})

test('a task is sent with its result in it, and a format is written once for all who ask', async () => {
  const { make, get } = await setup()
  const id = await make('z')
  const { body } = await get(`/api/tasks/${id}`)
  expect([body['status'], body['result'].length]).toEqual(['completed', BIG])
  const texts = await Promise.all(Array.from({ length: 5 }, () => get(`/api/tasks/${id}/result?format=txt`)))
  for (const { status, text } of texts) expect([status, text.length]).toEqual([200, BIG])
})

test('long text is sent whole, also where a piece ends within a pair of UTF-16', async () => {
  const { post, get } = await setup()
  const text = `x${'😀'.repeat(100_000)}`
  const { body: task } = await post('/waiting', { text })
  const { body } = await get(`/api/tasks/${task['task_id']}?include=input`)
  expect(body['input']['text']).toBe(text)
})

test('a stop that comes while a long reply is taken waits for the reply only', async () => {
  const { make, readSlowly, app } = await setup()
  const { socket } = await readSlowly(`/api/tasks/${await make('a')}/result`, 'keep-alive')
  const startedAt = performance.now()
  const closed = app.close()
  await sleep(200)
  expect(socket.destroyed).toBe(false)
  socket.resume()
  await closed
  // An idle connection would be kept for 65 s.
  expect(performance.now() - startedAt).toBeLessThan(30_000)
})

test('what long replies have sent is collected with the young objects', async () => {
  // What a journal on disk reads is long text too, and V8 puts it among the old objects at once.
  const { post, url } = await setup({ journal: 'memory', databaseUrl: '' })
  const { body: task } = await post('/waiting', { text: 'x'.repeat(150_000) })
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as (options: { readonly type: 'minor' | 'major' }) => void
  const path = `/api/tasks/${task['task_id']}?include=input`
  const read = async (count: number) => {
    for (let each = 0; each < count; each += 1) {
      await readInPlace(url, path)
      // Twice, and what is left is promoted.
      if (each % 5 === 0) collect({ type: 'minor' })
    }
    collect({ type: 'minor' })
    collect({ type: 'minor' })
  }
  const oldBytes = () =>
    getHeapSpaceStatistics()
      .filter(({ space_name }) => ['old_space', 'large_object_space'].includes(space_name))
      .reduce((sum, { space_used_size }) => sum + space_used_size, process.memoryUsage().arrayBuffers)
  await read(20)
  const grown: number[] = []
  // While V8 marks the old objects, a minor collection may keep what it collects at other times.
  for (let round = 0; round < 3; round += 1) {
    collect({ type: 'major' })
    const before = oldBytes()
    await read(200)
    grown.push((oldBytes() - before) / 200)
  }
  expect(Math.min(...grown), grown.join(' ')).toBeLessThan(30_000)
})

test('memory that replies hold is given back once, also when loading fails', async () => {
  const memory = new ReplyMemory(100)
  const loaded: number[] = []
  const load = (bytes: number) => ({
    bytes: () => Promise.resolve(bytes),
    load: () => {
      loaded.push(bytes)
      return Promise.resolve({ bytes: new Uint8Array(bytes) })
    },
  })
  const first = await memory.share('a', load(60))
  const second = await memory.share('a', load(60))
  expect([memory.usedBytes, second?.loaded]).toEqual([60, first?.loaded])
  // What does not fit is not read either.
  expect([await memory.share('b', load(61)), loaded]).toEqual([null, [60]])
  first?.release()
  first?.release()
  expect(memory.usedBytes).toBe(60)
  second?.release()
  expect(memory.usedBytes).toBe(0)
  const failing = { ...load(60), load: () => Promise.reject(new Error('no')) }
  await expect(memory.share('c', failing)).rejects.toThrow('no')
  // One body larger than the bound goes alone.
  const large = await memory.share('d', load(500))
  expect([memory.usedBytes, memory.take(1)]).toEqual([500, null])
  large?.release()
  expect(memory.take(1)).not.toBeNull()
  await sleep(0)
})
