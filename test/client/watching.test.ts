import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { applyFrame, type Board } from '../../src/client/board.ts'
import { createClient } from '../../src/client/index.ts'
import { startServer, tokenFor } from '../support/server.ts'
import { TASKS } from './tasks.ts'

test('a hundred and thirty tasks are watched at once over one socket, and none is cut off', async () => {
  const { url } = await startServer({
    tasks: TASKS,
    settings: { slots: 50, capacity: 500, ratePerMinute: 0 },
  })
  const client = createClient({ url })
  const submitted = await Promise.all(
    Array.from({ length: 130 }, () => client.submit('write', { words: 2, pauseMs: 5 })),
  )
  const results = await Promise.all(submitted.map((task) => task.result()))
  expect(results).toEqual(results.map(() => ({ words: 2 })))
})

test('a second watcher that comes while text flows gets every event, and takes none from the first', async () => {
  const { url } = await startServer({ tasks: TASKS })
  const client = createClient({ url })
  for (let round = 0; round < 8; round += 1) {
    const task = await client.submit('write', { words: 150, pauseMs: 1 })
    const read = async () => {
      const seen: number[] = []
      for await (const event of client.task(task.id).events()) if ('seq' in event) seen.push(event.seq)
      return seen
    }
    const first = read()
    await new Promise((resolve) => setTimeout(resolve, 30 + round * 10))
    const second = read()
    // One that leaves, and comes again at once.
    const short = client.task(task.id).events()
    await short.next()
    await short.return()
    const third = read()
    for (const seen of await Promise.all([first, second, third])) {
      expect(seen.length).toBeGreaterThan(150)
      expect(seen).toEqual(seen.map((_, index) => index + 1))
    }
  }
})

test('where no WebSocket comes through, event streams are used', { timeout: 60_000 }, async () => {
  const { url } = await startServer({ tasks: TASKS })
  const { hostname, port } = new URL(url)
  const proxy = createServer((incoming, outgoing) => {
    const { method, headers, url: path } = incoming
    const forwarded = request({ hostname, port, path, method, headers }, (response) => {
      outgoing.writeHead(response.statusCode ?? 502, response.headers)
      response.pipe(outgoing)
    })
    forwarded.on('error', () => outgoing.destroy())
    incoming.pipe(forwarded)
  })
  proxy.on('upgrade', (_request, socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  onTestFinished(() => {
    proxy.close()
    proxy.closeAllConnections()
  })
  const client = createClient({ url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` })
  const task = await client.submit('write', { words: 20 })
  expect(await task.result()).toEqual({ words: 20 })
  const board = client.queue.watch()
  expect((await board.next()).value?.stats.total_success).toBe(1)
  await board.return()
})

test('frames that are no board and no tick change nothing', () => {
  const board = { stats: {}, running: [], waiting: [], parked: [], recent: [] } as unknown as Board
  for (const type of ['heartbeat', 'shutdown', 'reply', 'problem', 'pong', 'news']) {
    expect(applyFrame(board, { type })).toBe(board)
    expect(applyFrame(null, { type })).toBeNull()
  }
})

test('what is no answer about the capacity is an error', async () => {
  const { url } = await startServer({ tasks: TASKS, settings: { tokens: [tokenFor('ann').record] } })
  const client = createClient({ url, token: 'hg_wrong' })
  await expect(client.queue.capacity()).rejects.toMatchObject({ status: 401 })
})

test('a result is read again when its connection is lost, before the reply and in its middle', async () => {
  const { url } = await startServer({ tasks: TASKS })
  const { hostname, port } = new URL(url)
  let reads = 0
  const proxy = createServer((incoming, outgoing) => {
    const { method, headers, url: path = '' } = incoming
    const isResult = method === 'GET' && /^\/api\/tasks\/[^/]+$/.test(path)
    if (isResult) reads += 1
    if (isResult && reads === 1) return void incoming.socket.destroy()
    const forwarded = request({ hostname, port, path, method, headers }, (response) => {
      outgoing.writeHead(response.statusCode ?? 502, response.headers)
      if (!isResult || reads > 2) return void response.pipe(outgoing)
      response.once('data', (chunk: Buffer) =>
        outgoing.write(chunk.subarray(0, 100), () => incoming.socket.destroy()),
      )
    })
    forwarded.on('error', () => outgoing.destroy())
    incoming.pipe(forwarded)
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  onTestFinished(() => proxy.close().closeAllConnections())
  const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  const client = createClient({ url: address, transport: 'sse' })
  const task = await client.submit('write', { words: 3 })
  expect(await task.result()).toEqual({ words: 3 })
  expect(reads).toBe(3)
  const impatient = createClient({ url: address, transport: 'sse', maxWaitMs: 0 }).task(task.id)
  reads = 0
  await expect(impatient.result()).rejects.toThrow('fetch failed')
})

test('an erased task is one over either kind of connection', async () => {
  const { url } = await startServer({ tasks: TASKS })
  const submitted = await createClient({ url }).submit('write', { words: 1 })
  await submitted.result()
  expect((await fetch(`${url}/api/tasks/${submitted.id}`, { method: 'DELETE' })).status).toBe(204)
  for (const transport of ['websocket', 'sse'] as const) {
    const task = createClient({ url, transport }).task(submitted.id)
    await expect(task.result()).rejects.toMatchObject({ status: 410, errorType: 'task_gone' })
  }
})
