import { connect } from 'node:net'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { z } from 'zod'
import { defineTask, TaskError } from '../../src/index.ts'
import { startServer, type Json } from '../support/server.ts'
import { heldType, talkingType } from '../support/types.ts'
import { EventBus } from '../../src/events/event-bus.ts'
import { Connections } from '../../src/http/stream/connections.ts'
import { splitFrames } from '../../src/http/stream/frames.ts'
import { actsOn } from '../journal/acts.ts'
import { memoryJournal } from '../support/core.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

async function setup(settings = {}) {
  const held = heldType()
  const talking = talkingType()
  const server = await startServer({ tasks: [held.definition, talking.definition], settings })
  const submit = async (type: string, input: unknown = {}): Promise<string> =>
    (await server.post(`/${type}`, input)).body['task_id']

  /** Reads a WebSocket to its end. */
  const overWebSocket = async (id: string, query = '') => {
    const socket = new WebSocket(`${server.ws}/ws/${id}${query}`)
    const frames: Json[] = []
    socket.on('message', (data) => frames.push(JSON.parse((data as Buffer).toString()) as Json))
    const [code] = (await once(socket, 'close')) as [number]
    return { code, frames }
  }
  /** Reads an event stream to its end. */
  const overEventStream = async (id: string, headers: Record<string, string> = {}) => {
    const response = await fetch(`${server.url}/api/tasks/${id}/stream`, { headers })
    const text = await response.text()
    const frames = [...text.matchAll(/^data: (.*)$/gm)].map((match) => JSON.parse(match[1]!) as Json)
    return { response, text, frames }
  }
  return { ...server, held: held.held, open: talking.open, submit, overWebSocket, overEventStream }
}

const numbered = (frames: readonly Json[]) => frames.filter((frame) => frame['seq'] !== undefined)
const numbers = (frames: readonly Json[]) => numbered(frames).map((frame) => frame['seq'] as number)

test('fifty WebSockets and fifty event streams see the same numbered events, whenever they came', async () => {
  const { submit, open, overWebSocket, overEventStream } = await setup()
  const id = await submit('talk', { count: 200 })
  const early = Array.from({ length: 25 }, () => [overWebSocket(id), overEventStream(id)] as const).flat()
  open()
  await new Promise((resolve) => setTimeout(resolve, 20))
  const late = Array.from({ length: 25 }, () => [overWebSocket(id), overEventStream(id)] as const).flat()
  const readers = await Promise.all([...early, ...late])
  const expected = Array.from({ length: 203 }, (_, index) => index + 1)
  for (const { frames } of readers) {
    expect(frames[0]).toMatchObject({ type: 'snapshot', task: { task_id: id, type: 'talk' } })
    expect(numbers(frames)).toEqual(expected)
    expect(numbered(frames)).toEqual(numbered(readers[0]!.frames))
  }
  expect(readers[0]!.frames.at(-1)).toMatchObject({
    type: 'result',
    title: 'Talked',
    result_url: `/api/tasks/${id}/result`,
  })
})

test('a WebSocket closes with 1000 after the end', async () => {
  const { submit, open, overWebSocket } = await setup()
  open()
  expect((await overWebSocket(await submit('talk', { count: 1 }))).code).toBe(1000)
})

test('a reader that comes back with its last number sees no gap and no repeat', async () => {
  const { submit, open, overWebSocket, overEventStream, url } = await setup()
  const id = await submit('talk', { count: 300 })
  const first = await fetch(`${url}/api/tasks/${id}/stream`)
  open()
  let text = ''
  for await (const chunk of first.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk
    if (text.length > 20_000) break
  }
  const seen = [...text.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]))
  const last = seen.at(-1)!
  const rest = [
    numbers((await overEventStream(id, { 'last-event-id': `${last}` })).frames),
    numbers((await overWebSocket(id, `?after=${last}`)).frames),
  ]
  const all = Array.from({ length: 303 }, (_, index) => index + 1)
  for (const numbersAfter of rest) expect([...seen, ...numbersAfter]).toEqual(all)
  expect(last).toBeLessThan(303)
})

test('an event stream is framed as browsers read it', async () => {
  const { submit, open, overEventStream } = await setup()
  open()
  const { response, text } = await overEventStream(await submit('talk', { count: 1 }))
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
  })
  const [retry, snapshot, first] = text.split('\n\n')
  expect(retry).toBe('retry: 3000')
  expect(snapshot).toMatch(/^event: message\ndata: \{"task_id"/)
  expect(first).toMatch(/^event: message\nid: 1\ndata: \{"seq":1/)
})

test('a reconnect at the end gets 204, so that EventSource stops', async () => {
  const { submit, open, overEventStream, ended } = await setup()
  open()
  const id = await submit('talk', { count: 1 })
  const { last_seq: last } = await ended(id)
  expect((await overEventStream(id, { 'last-event-id': String(last) })).response.status).toBe(204)
  expect((await overEventStream(id, { 'last-event-id': String(last - 1) })).frames.at(-1)).toMatchObject({
    seq: last,
  })
})

test('a WebSocket that comes back at the end is closed with 1000', async () => {
  const { submit, open, overWebSocket, ended } = await setup()
  open()
  const id = await submit('talk', { count: 1 })
  const { last_seq: last } = await ended(id)
  const { code, frames } = await overWebSocket(id, `?after=${last}`)
  expect([code, frames.map((frame) => frame['type'])]).toEqual([1000, ['snapshot']])
})

test.each(['x', '-1', '1.5', '999', '1e3'])('a stream after %j is refused', async (after) => {
  const { submit, overWebSocket, overEventStream } = await setup()
  const id = await submit('held')
  expect((await overEventStream(id, { 'last-event-id': after })).response.status).toBe(422)
  expect((await overWebSocket(id, `?after=${after}`)).code).toBe(1008)
})

test('a WebSocket of an unknown task closes with 4001', async () => {
  const { overWebSocket } = await setup()
  expect((await overWebSocket('unknown')).code).toBe(4001)
})

test('a WebSocket answers ping, in words and as JSON, and minds no other JSON', async () => {
  const { submit, ws } = await setup()
  const socket = new WebSocket(`${ws}/ws/${await submit('held')}`)
  const pongs: string[] = []
  socket.on('message', (data) => {
    const text = (data as Buffer).toString()
    if (text.includes('pong')) pongs.push(text)
  })
  await once(socket, 'open')
  for (const message of ['ping', '{"op":"ping"}', 'null']) socket.send(message)
  await expect.poll(() => pongs).toEqual(['{"type":"pong"}', '{"type":"pong"}'])
  socket.close()
})

test('a frame over 4 KB from a client closes its WebSocket with 1009', async () => {
  const { submit, ws } = await setup()
  const socket = new WebSocket(`${ws}/ws/${await submit('held')}`)
  await once(socket, 'open')
  socket.send('x'.repeat(5000))
  const [code] = (await once(socket, 'close')) as [number]
  expect(code).toBe(1009)
})

test('a reader that stops reading is cut off, and delays no other', async () => {
  // As much as one task may say in nine seconds: more than the kernel keeps for a peer.
  const { submit, open, app, core, overWebSocket } = await setup()
  const id = await submit('talk', { count: 180, chars: 50_000, pauseMs: 50 })
  const { port } = app.server.address() as { port: number }
  // A peer that never reads after its upgrade: what the kernel takes is all it gets.
  const stuck = connect(port, '127.0.0.1')
  stuck.write(
    `GET /ws/${id} HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${Buffer.alloc(16).toString('base64')}\r\n\r\n`,
  )
  await once(stuck, 'readable')
  const stuckStream = await fetch(`http://127.0.0.1:${port}/api/tasks/${id}/stream`)
  const reader = overWebSocket(id)
  await expect.poll(() => core.bus.hasSubscribers(id)).toBe(true)
  open()
  const { code, frames } = await reader
  expect([code, numbers(frames).length]).toEqual([1000, 183])
  // Nothing of the slow ones is left in the feed.
  await expect.poll(() => [...core.bus.watchedTasks].length, { timeout: 10_000 }).toBe(0)
  stuck.destroy()
  await stuckStream.body?.cancel().catch(() => undefined)
})

test('a client that goes away leaves no subscription', async () => {
  const { submit, ws, core, url } = await setup()
  const id = await submit('held')
  const socket = new WebSocket(`${ws}/ws/${id}`)
  await once(socket, 'message')
  const leave = new AbortController()
  await fetch(`${url}/api/tasks/${id}/stream`, { signal: leave.signal })
  expect([...core.bus.watchedTasks].length).toBe(1)
  socket.terminate()
  leave.abort()
  await expect.poll(() => [...core.bus.watchedTasks].length).toBe(0)
})

test('of several numbers to resume after the largest counts, as when an EventSource comes back to its first address', async () => {
  const { url, submit, open, overEventStream, ended } = await setup()
  const id = await submit('talk', { count: 5 })
  open()
  await ended(id)
  const resume = async (after: number, seen: string, inAddress = '') => {
    const headers = { 'last-event-id': seen }
    const query = `after=${after}&lastEventId=${inAddress}`
    const text = await (await fetch(`${url}/api/tasks/${id}/stream?${query}`, { headers })).text()
    return [...text.matchAll(/^id: (\d+)$/gm)].map(([, number]) => Number(number))
  }
  const all = numbers((await overEventStream(id)).frames)
  expect(await resume(1, '3')).toEqual(all.slice(3))
  expect(await resume(4, '2')).toEqual(all.slice(4))
  expect(await resume(1, '2', '4')).toEqual(all.slice(4))
  expect((await fetch(`${url}/api/tasks/${id}/stream?lastEventId=none`)).status).toBe(422)
})

test('a task that runs again continues its output where it stopped, and its progress does not fall', async () => {
  let runs = 0
  const twice = defineTask({
    type: 'twice',
    input: z.object({}),
    retry: { maxAttempts: 2, baseMs: 1 },
    run: async (_input, ctx) => {
      runs += 1
      ctx.progress(runs === 1 ? 60 : 10, `run ${runs}`)
      ctx.output('one ')
      ctx.output('two ')
      await new Promise((resolve) => setTimeout(resolve, 200))
      if (runs === 1) throw new TaskError('network_timeout', 'try again')
      ctx.output('three')
    },
  })
  const { post, url, ended } = await startServer({ tasks: [twice] })
  const id = (await post('/twice')).body['task_id'] as string
  await ended(id)
  const text = await (await fetch(`${url}/api/tasks/${id}/stream`)).text()
  const events = [...text.matchAll(/^data: (.*)$/gm)].map((match) => JSON.parse(match[1]!) as Json)
  const output = events.filter(({ type }) => type === 'output')
  expect(output.map(({ index, chunk, reset }) => [index, chunk, reset])).toEqual([
    [0, 'one ', undefined],
    [1, 'two ', undefined],
    [2, 'three', undefined],
  ])
  const progress = events
    .filter(({ type }) => type === 'progress')
    .map((event) => event['progress'] as number)
  expect(progress).toEqual([...progress].sort((a, b) => a - b))
  expect(runs).toBe(2)
})

test('the number after the newest event is refused, as any that the task has not reached', async () => {
  const { submit, get, overEventStream, overWebSocket } = await setup()
  const id = await submit('held')
  const next = (await get(`/api/tasks/${id}`)).body['last_seq'] + 1
  expect((await overEventStream(id, { 'last-event-id': `${next}` })).response.status).toBe(422)
  expect((await overWebSocket(id, `?after=${next}`)).code).toBe(1008)
})

test('an event that is committed while a reader comes is sent to it once', async () => {
  const journal = memoryJournal()
  const { admit, start, complete } = actsOn(journal)
  const bus = new EventBus({ maxQueued: 100, maxQueuedChars: 10_000 })
  const running = await start(await admit({ id: 'a' }))
  const subscription = bus.subscribe('a')
  // The reader listens already, and has read nothing yet.
  for (const event of await journal.tasks.eventsAfter('a', 0, 10)) bus.publish(event)
  const given = {
    journal: journal.tasks,
    subscription,
    taskId: 'a',
    after: 0,
    view: { prefix: '', showsCaller: false },
    placeOf: () => null,
  }
  const frames = splitFrames({ ...given, take: () => () => undefined })
  const seen: (number | null)[] = []
  const reading = (async () => {
    for await (const { seq } of frames) seen.push(seq)
  })()
  await expect.poll(() => seen.length).toBe(3)
  await complete(running)
  for (const event of await journal.tasks.eventsAfter('a', 2, 10)) bus.publish(event)
  await reading
  expect(seen).toEqual([null, 1, 2, 3])
})

test('a stream is kept alive every fifteen seconds for as long as it is open', () => {
  const clock = new VirtualClock()
  const connections = new Connections(clock)
  const heard: unknown[] = []
  const member = {
    send: ({ type }: Record<string, unknown>) => void heard.push(type),
    end: () => undefined,
    isStillGranted: () => true,
  }
  connections.add(member)
  clock.advance(60_000)
  expect(heard).toEqual(Array.from({ length: 4 }, () => 'heartbeat'))
  connections.remove(member)
  clock.advance(60_000)
  expect([heard.length, clock.pending]).toEqual([4, 0])
})

test('what the events of one reader take of the memory for replies is free for the next', async () => {
  const { submit, open, ended, overWebSocket, overEventStream } = await setup({ replyBytes: 300_000 })
  open()
  // Some 200 KB are held while they are read.
  const id = await submit('talk', { count: 20, chars: 5000 })
  await ended(id)
  const counts = []
  for (const read of [overWebSocket, overEventStream, overWebSocket])
    counts.push(numbers((await read(id)).frames).length)
  expect(counts).toEqual([23, 23, 23])
})
