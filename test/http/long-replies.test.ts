import { connect, type Socket } from 'node:net'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { defineTask } from '../../src/index.ts'
import { ReplyMemory } from '../../src/http/server/reply-memory.ts'
import { startServer } from '../support/server.ts'

const MB = 1024 * 1024
const BIG = 4 * MB

const big = defineTask({
  type: 'big',
  input: z.object({ letter: z.string() }),
  formats: {
    txt: { mediaType: 'text/plain', write: (result) => ({ filename: 'a.txt', text: String(result) }) },
  },
  run: ({ letter }) => letter.repeat(BIG),
})

async function setup(settings: object = {}) {
  const given = { journal: 'sqlite' as const, replyBytes: 10 * MB, ratePerMinute: 0, ...settings }
  const server = await startServer({ tasks: [big], settings: given })
  const make = async (letter: string): Promise<string> => {
    const { body } = await server.post('/big', { letter })
    const { status } = await server.ended(body['task_id'])
    expect(status).toBe('completed')
    return body['task_id'] as string
  }
  /** A reader that takes the head of a reply and nothing more, until it is asked to read on. */
  const readSlowly = async (path: string) => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`)
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
