import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { z } from 'zod'
import { defineTask } from '../../src/index.ts'
import { tempFolder } from '../support/journal.ts'
import { listSpool } from '../support/spool.ts'
import { startServer, tokenFor, type Json } from '../support/server.ts'
import { heldType } from '../support/types.ts'

const SQLITE = { journal: 'sqlite' as const }
const HOUR = 3_600_000

const talk = defineTask({
  type: 'talk',
  input: z.object({ lines: z.number() }),
  run: ({ lines }, ctx) => {
    for (let index = 0; index < lines; index += 1) ctx.log(`line ${index}`)
    return { lines }
  },
})
const file = defineTask({
  type: 'file',
  input: z.object({}),
  upload: { accept: ['text/plain'], maxBytes: 1_000_000 },
  run: () => 'read',
})

/** The messages of an event stream, to its end. */
async function messagesOf(url: string, path: string): Promise<Json[]> {
  const text = await (await fetch(url + path)).text()
  return [...text.matchAll(/^data: (.*)$/gm)].map((match) => JSON.parse(match[1] ?? '') as Json)
}

/** The code and reason with which the server closes a WebSocket. */
async function closeOf(address: string, headers = {}): Promise<[number, string]> {
  const [code, reason] = (await once(new WebSocket(address, { headers }), 'close')) as [number, Buffer]
  return [code, reason.toString()]
}

/** The first message of the server to one of ours. */
async function answerTo(address: string, message: object): Promise<Json> {
  const socket = new WebSocket(address)
  onTestFinished(() => socket.terminate())
  await once(socket, 'open')
  socket.send(JSON.stringify(message))
  const [data] = (await once(socket, 'message')) as [Buffer]
  return JSON.parse(data.toString()) as Json
}

test('a task that ended is erased at once, with its file, and is gone from then on', async () => {
  const { upload, url, ws, ended, get, dataDir } = await startServer({ tasks: [file], settings: SQLITE })
  const { body } = await upload('/file', 'A file of text.')
  await ended(body['task_id'])
  // Over PostgreSQL it is in the database.
  if (process.env['TEST_POSTGRES'] === undefined) {
    expect(await listSpool(dataDir)).toHaveLength(1)
  }
  const erase = () => fetch(url + body['urls'].self, { method: 'DELETE' })
  expect((await erase()).status).toBe(204)
  expect(await listSpool(dataDir)).toEqual([])
  for (const path of [body['urls'].self, body['urls'].status, body['urls'].result, body['urls'].events]) {
    const { status, body: problem } = await get(path)
    expect([status, problem['error_type']]).toEqual([410, 'task_gone'])
  }
  expect(await closeOf(ws + body['urls'].ws)).toEqual([4001, 'task erased'])
  for (const op of ['subscribe', 'cancel']) {
    expect(await answerTo(`${ws}/api/ws`, { op, task_id: body['task_id'] })).toMatchObject({
      type: 'problem',
      error_type: 'task_gone',
    })
  }
  expect((await erase()).status).toBe(410)
  expect((await get('/api/tasks')).body['tasks']).toEqual([])
})

test('a task that has not ended is not erased; that of another is not there', async () => {
  const [ann, bob] = [tokenFor('ann'), tokenFor('bob')]
  const { definition } = heldType()
  const { url, ws, as } = await startServer({
    tasks: [definition],
    settings: { ...SQLITE, tokens: [ann.record, bob.record] },
  })
  const { body } = await as(ann.headers).post('/held')
  const erase = async (headers: Record<string, string>) =>
    (await fetch(url + body['urls'].self, { method: 'DELETE', headers })).status
  expect([await erase(ann.headers), await erase(bob.headers)]).toEqual([409, 404])
  await as(ann.headers).post(`/api/tasks/${body['task_id']}/cancel`)
  await as(ann.headers).ended(body['task_id'])
  expect([await erase(ann.headers), await erase(bob.headers), await erase(ann.headers)]).toEqual([
    204, 404, 410,
  ])
  expect(await closeOf(ws + body['urls'].ws, bob.headers)).toEqual([4001, 'unknown task'])
})

test('what is kept long enough is forgotten: files, events, tasks, each in its time', async () => {
  const folder = await tempFolder()
  const keep = { keepUploadsMs: 0, keepEventsMs: HOUR, keepResultsMs: 2 * HOUR, keepTracesMs: HOUR }
  const start = (settings: object) =>
    startServer({ folder, tasks: [talk, file], settings: { ...SQLITE, ...keep, ...settings } })
  const first = await start({ keepUploadsMs: HOUR })
  const [{ body: talked }, { body: sent }] = [
    await first.post('/talk', { lines: 50 }),
    await first.upload('/file', 'A file of text.'),
  ]
  await Promise.all([first.ended(talked['task_id']), first.ended(sent['task_id'])])
  await first.core.retention.prune()
  if (process.env['TEST_POSTGRES'] === undefined) {
    expect(await listSpool(folder)).toHaveLength(1)
  }
  expect(await messagesOf(first.url, talked['urls'].events)).toHaveLength(54)
  await first.stop()

  const second = await start({ keepEventsMs: 0 })
  await second.core.retention.prune()
  expect(await listSpool(folder)).toEqual([])
  const frames = await messagesOf(second.url, `${talked['urls'].events}?after=3`)
  expect(frames.map(({ type }) => type)).toEqual(['snapshot', 'gap', 'snapshot', 'result'])
  expect(frames[1]).toMatchObject({ missed_from: 4, missed_to: 52 })
  expect(frames[3]).toMatchObject({ seq: 53 })
  const seen = await fetch(`${second.url}${talked['urls'].events}?after=53`)
  expect(seen.status).toBe(204)
  expect((await second.get(talked['urls'].result)).body).toEqual({ lines: 50 })
  await second.stop()

  const third = await start({ keepResultsMs: 0 })
  await third.core.retention.prune()
  expect((await third.get(talked['urls'].self)).status).toBe(410)
  // The totals are of all that ever ended.
  expect((await third.get('/api/queue/stats')).body).toMatchObject({ total_processed: 2, total_success: 2 })
})
