import { once } from 'node:events'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { writeTokenFile } from '../../src/auth/token-file.ts'
import { tempFolder } from '../support/journal.ts'
import { startServer, tokenFor, type Json } from '../support/server.ts'
import { heldType } from '../support/types.ts'

async function setup() {
  const { definition, held } = heldType()
  const [ann, ben] = [tokenFor('ann'), tokenFor('ben')]
  const tokens = [ann.record, ben.record]
  const server = await startServer({ tasks: [definition], settings: { tokens, slots: 200, capacity: 200 } })
  const client = server.as(ann.headers)
  const submit = async (as = client) => (await as.post('/held')).body['task_id'] as string
  const open = async (headers: Record<string, string> = ann.headers, query = '') => {
    const socket = new WebSocket(`${server.ws}/api/ws${query}`, { headers })
    onTestFinished(() => socket.terminate())
    const frames: Json[] = []
    let code: number | null = null
    socket.on('message', (data: Buffer) => frames.push(JSON.parse(data.toString()) as Json))
    socket.on('close', (given) => (code = given))
    await once(socket, 'open')
    const say = (message: unknown) =>
      socket.send(typeof message === 'string' ? message : JSON.stringify(message))
    const typesOf = (id: string) =>
      frames.filter((frame) => frame['task_id'] === id).map((frame) => frame['type'])
    return { socket, frames, say, typesOf, code: () => code }
  }
  return { ...server, ann: client, ben: server.as(ben.headers), tokens: { ann, ben }, held, submit, open }
}

test('one socket watches many tasks, each from its own number to its own end', async () => {
  const { submit, open, held } = await setup()
  const [one, two] = [await submit(), await submit()]
  const { say, typesOf, frames } = await open()
  say({ op: 'subscribe', task_id: one })
  say({ op: 'subscribe', task_id: two, after: 1 })
  await expect.poll(() => typesOf(two)).toEqual(['snapshot', 'started'])
  for (const { end } of held) end()
  await expect.poll(() => typesOf(one)).toEqual(['snapshot', 'queued', 'started', 'result'])
  await expect.poll(() => typesOf(two)).toEqual(['snapshot', 'started', 'result'])
  const numbers = frames
    .filter((frame) => frame['task_id'] === one && frame['seq'])
    .map((frame) => frame['seq'])
  expect(numbers).toEqual([1, 2, 3])
})

test('after the end of a task the socket stays, and the task may be watched again', async () => {
  const { submit, open, held, ann } = await setup()
  const id = await submit()
  held[0]?.end()
  const task = await ann.ended(id)
  const { say, typesOf, frames, code } = await open()
  say({ op: 'subscribe', task_id: id, after: task['last_seq'] })
  await expect.poll(() => typesOf(id)).toEqual(['snapshot'])
  say({ op: 'subscribe', task_id: id })
  await expect.poll(() => typesOf(id)).toEqual(['snapshot', 'snapshot', 'queued', 'started', 'result'])
  say('ping')
  await expect.poll(() => frames.at(-1)).toEqual({ type: 'pong' })
  expect(code()).toBeNull()
})

test('a task that is no longer watched sends no events', async () => {
  const { submit, open, held } = await setup()
  const id = await submit()
  const { say, typesOf } = await open()
  say({ op: 'subscribe', task_id: id })
  await expect.poll(() => typesOf(id)).toContain('started')
  say({ op: 'unsubscribe', task_id: id })
  await expect.poll(() => typesOf(id).at(-1)).toBe('reply')
  held[0]?.end()
  say({ op: 'unsubscribe', task_id: id })
  await expect.poll(() => typesOf(id).at(-1)).toBe('problem')
  expect(typesOf(id)).not.toContain('result')
})

test('orders that overtake each other leave one subscription, or none', async () => {
  const { submit, open, held } = await setup()
  const [one, two] = [await submit(), await submit()]
  const { say, frames, typesOf } = await open()
  for (let round = 0; round < 5; round += 1) {
    say({ op: 'subscribe', task_id: one, after: 999 })
    say({ op: 'unsubscribe', task_id: one })
    say({ op: 'subscribe', task_id: one })
    say({ op: 'unsubscribe', task_id: one })
    say({ op: 'subscribe', task_id: two })
    say({ op: 'unsubscribe', task_id: two })
  }
  say({ op: 'subscribe', task_id: one })
  say('ping')
  await expect.poll(() => frames.at(-1)?.['type'] === 'pong' || typesOf(one).includes('started')).toBe(true)
  await expect.poll(() => typesOf(one)).toContain('started')
  for (const { end } of held) end()
  await expect.poll(() => typesOf(one).filter((type) => type === 'result')).toHaveLength(1)
  expect(typesOf(two)).not.toContain('result')
})

test('a task is cancelled over the socket', async () => {
  const { submit, open } = await setup()
  const id = await submit()
  const { say, frames, typesOf } = await open()
  say({ op: 'subscribe', task_id: id })
  await expect.poll(() => typesOf(id)).toContain('started')
  say({ op: 'cancel', task_id: id })
  await expect.poll(() => typesOf(id).at(-1)).toBe('error')
  expect(frames).toContainEqual({ type: 'reply', op: 'cancel', task_id: id, status: 'cancelling' })
  say({ op: 'cancel', task_id: id })
  await expect.poll(() => frames.at(-1)?.['error_type']).toBe('already_finished')
})

test.each([
  ['a task of somebody else', { op: 'subscribe', task_id: 'OTHERS' }, 'task_not_found'],
  ['a task of somebody else, to end it', { op: 'cancel', task_id: 'OTHERS' }, 'task_not_found'],
  ['a task that there is not', { op: 'subscribe', task_id: 'nothing' }, 'task_not_found'],
  ['a number that it has not reached', { op: 'subscribe', task_id: 'OWN', after: 999 }, 'validation'],
  ['a number that is none', { op: 'subscribe', task_id: 'OWN', after: -1 }, 'validation'],
  ['an unknown op', { op: 'dance' }, 'validation'],
  ['an unknown field', { op: 'subscribe', task_id: 'OWN', extra: 1 }, 'validation'],
  ['no object', 'null', 'validation'],
  ['a ticket that is none', { op: 'subscribe', task_id: 'OWN', ticket: 'x' }, 'task_not_found'],
])('%s is answered by a problem, and the socket stays', async (_what, message, errorType) => {
  const { submit, ben, open } = await setup()
  const [own, others] = [await submit(), await submit(ben)]
  const { say, frames, code } = await open()
  say(
    JSON.stringify(message)
      .replace('OWN', own)
      .replace('OTHERS', others)
      .replace(/^"(.*)"$/, '$1'),
  )
  await expect.poll(() => frames).toHaveLength(1)
  expect(frames[0]).toMatchObject({ type: 'problem', error_type: errorType })
  expect(code()).toBeNull()
})

test.each([
  [{ op: 'subscribe' }, /^task_id: Invalid input/],
  [{ op: 'subscribe', task_id: 'x', more: 1 }, /^Unrecognized key: "more"/],
  [{ op: 'dance' }, /^expected an op: subscribe,/],
])('what is wrong with the op %j is named', async (message, sentence) => {
  const { say, frames } = await (await setup()).open()
  say(message)
  await expect.poll(() => frames.at(-1)?.['message']).toMatch(sentence)
})

test('the same task twice, and more than a hundred, are refused', async () => {
  const { submit, open } = await setup()
  const ids = await Promise.all(Array.from({ length: 101 }, () => submit()))
  const { say, frames } = await open()
  for (const id of ids) say({ op: 'subscribe', task_id: id })
  const refused = () => frames.filter((frame) => frame['type'] === 'problem')
  await expect.poll(refused).toMatchObject([{ task_id: ids[100], error_type: 'rate_limited' }])
  say({ op: 'subscribe', task_id: ids[0] })
  await expect.poll(() => refused().at(-1)).toMatchObject({ task_id: ids[0], error_type: 'validation' })
})

test.each([
  ['text that is no JSON', 1003, (socket: WebSocket) => socket.send('hello')],
  ['bytes', 1003, (socket: WebSocket) => socket.send(Buffer.from('{}'))],
  ['5 KB', 1009, (socket: WebSocket) => socket.send('x'.repeat(5000))],
  [
    'two hundred messages at once',
    1008,
    (socket: WebSocket) => Array.from({ length: 200 }, () => socket.send('ping')),
  ],
])('%s closes the socket with %d', async (_what, code, act) => {
  const given = await (await setup()).open()
  act(given.socket)
  await expect.poll(given.code).toBe(code)
})

test('a ticket opens the socket for its task alone; others come with their own, and none is ended', async () => {
  const { submit, ann, url, open } = await setup()
  const [one, two, three] = [await submit(), await submit(), await submit()]
  const ticketOf = async (id: string) => (await ann.post(`/api/tasks/${id}/ticket`)).body['ticket'] as string
  const { say, typesOf } = await open({ origin: url }, `?ticket=${await ticketOf(one)}`)
  say({ op: 'subscribe', task_id: one })
  say({ op: 'subscribe', task_id: two })
  say({ op: 'subscribe', task_id: three, ticket: await ticketOf(three) })
  say({ op: 'cancel', task_id: one })
  await expect.poll(() => typesOf(three)).toContain('started')
  expect(typesOf(two)).toEqual(['problem'])
  // The refusal may come before the events are read.
  const types = new Set(typesOf(one))
  expect(types).toEqual(new Set(['snapshot', 'queued', 'started', 'problem']))
})

test('a stop of the server is announced once, and closes the socket with 1001', async () => {
  const { submit, open, stop } = await setup()
  const ids = [await submit(), await submit()]
  const { say, frames, typesOf, code } = await open()
  for (const id of ids) say({ op: 'subscribe', task_id: id })
  await expect.poll(() => typesOf(ids[1] ?? '')).toContain('started')
  await stop()
  await expect.poll(code).toBe(1001)
  expect(frames.filter((frame) => frame['type'] === 'shutdown')).toHaveLength(1)
})

test('of several submits of one task the socket takes away the one that is named', async () => {
  const { ann, open } = await setup()
  const submit = () => ann.post('/api/tasks', { type: 'held', input: {}, dedupe: true })
  const [first] = [await submit(), await submit()]
  const id = first.body['task_id'] as string
  const { say, frames } = await open()
  const replies = () => frames.filter(({ type }) => type === 'reply').map(({ status }) => status as string)
  for (const count of [1, 2]) {
    say({ op: 'cancel', task_id: id, waiter: first.body['waiter'] })
    // The second time it has left already, and the other still waits.
    await expect.poll(replies).toEqual(Array.from({ length: count }, () => 'detached'))
  }
  expect((await ann.get(`/api/tasks/${id}`)).body).toMatchObject({ status: 'running', waiters: 1 })
})

test('a task that is watched by a ticket ends when the token behind the ticket does; the socket stays', async () => {
  const [ann, short] = [tokenFor('ann'), tokenFor('ben')]
  const { definition } = heldType()
  const tokensFile = join(await tempFolder(), 'tokens.json')
  writeTokenFile(tokensFile, [short.record])
  const server = await startServer({
    tasks: [definition],
    settings: { tokens: [ann.record], tokensFile, slots: 5 },
  })
  const ben = server.as(short.headers)
  const id = (await ben.post('/held')).body['task_id'] as string
  const ticket = (await ben.post(`/api/tasks/${id}/ticket`)).body['ticket'] as string
  const socket = new WebSocket(`${server.ws}/api/ws`, { headers: ann.headers })
  onTestFinished(() => socket.terminate())
  const frames: Json[] = []
  socket.on('message', (data: Buffer) => frames.push(JSON.parse(data.toString()) as Json))
  await once(socket, 'open')
  socket.send(JSON.stringify({ op: 'subscribe', task_id: id, ticket }))
  await expect.poll(() => frames.map(({ type }) => type as string)).toContain('snapshot')
  // Its time is over when the subscription stands, however long that took. Grants are checked every 7.5 s.
  writeTokenFile(tokensFile, [{ ...short.record, expiresAt: Date.now() - 1000 }])
  const refusals = () => frames.filter(({ type }) => type === 'problem')
  await expect.poll(refusals, { timeout: 40_000 }).toHaveLength(1)
  expect(refusals()[0]).toMatchObject({ task_id: id, error_type: 'unauthorized' })
  socket.send('ping')
  await expect.poll(() => frames.at(-1)).toEqual({ type: 'pong' })
})
