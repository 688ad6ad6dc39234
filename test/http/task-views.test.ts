import { expect, test } from 'vitest'
import { z } from 'zod'
import { defineTask } from '../../src/handler/define-task.ts'
import { startServer, tokenFor } from '../support/server.ts'
import { heldType } from '../support/types.ts'

const read = defineTask({
  type: 'read',
  input: z.object({ url: z.string().optional(), title: z.string().optional() }),
  run: () => 'done',
})
const file = defineTask({
  type: 'file',
  input: z.object({}),
  upload: { accept: ['text/plain', 'application/pdf'], maxBytes: 1000 },
  run: () => 'done',
})

test('a task is named by its metadata, its input, its file, or its address without the query', async () => {
  const { post, upload, get } = await startServer({ tasks: [read, file] })
  const titleOf = async (submitted: Promise<{ body: Record<string, unknown> }>) =>
    (await get(`/api/tasks/${String((await submitted).body['task_id'])}`)).body['title']
  const generic = {
    type: 'read',
    input: { title: 'From the input' },
    metadata: { title: 'From the metadata' },
  }
  expect(await titleOf(post('/api/tasks', generic))).toBe('From the metadata')
  expect(await titleOf(post('/read', { title: 'From the input', url: 'https://a.example/' }))).toBe(
    'From the input',
  )
  const address = 'https://user:secret@a.example/paper?token=secret&v=7#part'
  expect(await titleOf(post('/read', { url: address }))).toBe('https://a.example/paper?v=7')
  expect(await titleOf(post('/read'))).toBeNull()
  const uploaded = await upload('/file', '%PDF-1.7 and more', { name: '年报.pdf' })
  const task = (await get(`/api/tasks/${String(uploaded.body['task_id'])}`)).body
  expect(task['title']).toBe('年报.pdf')
  expect(task['upload']).toEqual({ name: '年报.pdf', bytes: 17, media_type: 'application/pdf' })
})

test('who submitted a task is shown to operators, not to callers, bearers of tickets and webhooks', async () => {
  const held = heldType()
  const [ann, op] = [tokenFor('ann'), tokenFor('op', { role: 'operator' })]
  const server = await startServer({
    tasks: [held.definition],
    settings: { tokens: [ann.record, op.record] },
  })
  const id = String((await server.as(ann.headers).post('/held')).body['task_id'])
  expect((await server.as(op.headers).get(`/api/tasks/${id}`)).body['caller']).toBe('ann')
  expect((await server.as(op.headers).get('/api/tasks')).body['tasks'][0].caller).toBe('ann')
  const own = (await server.as(ann.headers).get(`/api/tasks/${id}`)).body
  expect(Object.keys(own)).not.toContain('caller')
  const { ticket } = (await server.as(op.headers).post(`/api/tasks/${id}/ticket`)).body
  const byTicket = (await server.get(`/api/tasks/${id}?ticket=${String(ticket)}`)).body
  expect(byTicket['task_id']).toBe(id)
  expect(Object.keys(byTicket)).not.toContain('caller')
})

test('a list is filtered by all that is asked for, and callers find their own tasks only', async () => {
  const held = heldType()
  const [ann, ben, op] = [tokenFor('ann'), tokenFor('ben'), tokenFor('op', { role: 'operator' })]
  const server = await startServer({
    tasks: [held.definition, read],
    settings: { tokens: [ann.record, ben.record, op.record], slots: 1 },
  })
  const submit = async (who: typeof ann, title: string, priority = 1): Promise<string> => {
    const body = { type: 'held', input: {}, priority, metadata: { title } }
    return String((await server.as(who.headers).post('/api/tasks', body)).body['task_id'])
  }
  const first = await submit(ann, 'Oak')
  const second = await submit(ben, 'Oak and elm', 3)
  const third = await submit(ann, 'Ash', 3)
  const ids = async (who: typeof ann, query: string) => {
    const { status, body } = await server.as(who.headers).get(`/api/tasks?${query}`)
    return status === 200 ? (body['tasks'] as { task_id: string }[]).map((task) => task.task_id) : status
  }
  expect(await ids(op, 'q=oak')).toEqual([second, first])
  expect(await ids(ann, 'q=oak')).toEqual([first])
  expect(await ids(ann, 'caller=ben')).toEqual([third, first])
  expect(await ids(op, 'caller=ben')).toEqual([second])
  expect(await ids(op, 'priority=URGENT&status=queued,running')).toEqual([third, second])
  expect(await ids(op, 'status=completed,error')).toEqual([])
  expect(await ids(op, `until=${new Date(Date.now() - 3_600_000).toISOString()}`)).toEqual([])
  expect(await ids(op, `since=${new Date(Date.now() - 3_600_000).toISOString()}`)).toHaveLength(3)
  for (const wrong of ['status=lost', 'status=queued,lost', 'since=yesterday', 'q=', 'priority=9', 'x=1'])
    expect(await ids(op, wrong), wrong).toBe(422)
})

test('input and steps of a task are shown where they are asked for', async () => {
  const { promise: goOn, resolve } = Promise.withResolvers<void>()
  const stepped = defineTask({
    type: 'stepped',
    input: z.object({ text: z.string() }),
    run: async (_input, ctx) => {
      await ctx.step('parse', () => 'parsed')
      ctx.progress(50)
      await goOn
      return 'done'
    },
  })
  const { post, get, ended } = await startServer({ tasks: [stepped] })
  const id = String((await post('/stepped', { text: 'abc' })).body['task_id'])
  await expect.poll(async () => (await get(`/api/tasks/${id}`)).body['progress']).toBe(50)
  const { body } = await get(`/api/tasks/${id}?include=input,steps`)
  expect(body['input']).toEqual({ text: 'abc' })
  expect(body['steps']).toEqual([{ name: 'parse', saved_at: expect.stringMatching(/^20.*Z$/) }])
  expect(Object.keys((await get(`/api/tasks/${id}`)).body)).not.toContain('input')
  resolve()
  await ended(id)
  expect((await get(`/api/tasks/${id}?include=input`)).body).toMatchObject({ input: { text: 'abc' } })
  expect((await get(`/api/tasks/${id}?include=everything`)).status).toBe(422)
})
