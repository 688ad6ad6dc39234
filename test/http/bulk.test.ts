import { expect, test } from 'vitest'
import { z } from 'zod'
import { defineTask } from '../../src/handler/define-task.ts'
import { maskMessage } from '../../src/journal/failure-groups.ts'
import { TaskError } from '../../src/task/failure.ts'
import { startServer, tokenFor } from '../support/server.ts'
import { heldType } from '../support/types.ts'

const broken = defineTask({
  type: 'broken',
  input: z.object({ page: z.number(), why: z.string().default('Page has no text') }),
  run: ({ page, why }) => {
    throw new TaskError('no_text', `${why}: ${page} of "file ${page}.pdf".`)
  },
})

async function setup(settings = {}) {
  const held = heldType()
  const [ann, ben, op] = [
    tokenFor('ann', { maxPriority: 2 }),
    tokenFor('ben'),
    tokenFor('op', { role: 'operator' }),
  ]
  const tokens = [ann.record, ben.record, op.record]
  const server = await startServer({ tasks: [broken, held.definition], settings: { tokens, ...settings } })
  const as = { ann: server.as(ann.headers), ben: server.as(ben.headers), op: server.as(op.headers) }
  const submit = async (who: keyof typeof as, type: string, input: unknown = {}) =>
    (await as[who].post('/api/tasks', { type, input })).body['task_id'] as string
  const fail = async (who: keyof typeof as, page: number, why?: string) => {
    const id = await submit(who, 'broken', { page, ...(why === undefined ? {} : { why }) })
    await as[who].ended(id)
    return id
  }
  return { ...as, submit, fail, held: held.held }
}

test('failures are grouped by type, reason and message without what differs; callers see their own', async () => {
  const { ann, op, fail } = await setup()
  const first = await fail('ann', 1)
  const second = await fail('ann', 22)
  await fail('ben', 3)
  await fail('ben', 4, 'Page is a picture')
  const { groups } = (await op.get('/api/tasks/failures')).body
  expect(groups).toMatchObject([
    { type: 'broken', error_type: 'no_text', message: 'Page has no text: # of "…".', count: 3 },
    { message: 'Page is a picture: # of "…".', count: 1 },
  ])
  expect(groups[0].newest).toHaveLength(3)
  expect(Date.parse(groups[0].first_at)).toBeLessThanOrEqual(Date.parse(groups[0].last_at))
  const own = (await ann.get('/api/tasks/failures?hours=1&ids=1')).body['groups']
  expect(own).toMatchObject([{ count: 2, newest: [second] }])
  expect(JSON.stringify(own)).not.toContain(first)
  expect((await ann.get('/api/tasks/failures?hours=0')).status).toBe(422)
})

test('a message is masked in linear time, and only where it differs', () => {
  expect(maskMessage('Task 0199c0de-0000-7000-8000-000000000000 took 3.5 s')).toBe('Task … took # s')
  expect(maskMessage('https://a.example/x?y=1 answered 503')).toBe('… answered #')
  expect(maskMessage("'a' and “b” failed")).toBe('"…" and "…" failed')
  expect(maskMessage('deadbeefcafe is a word, deadbeef0000cafe an id')).toBe(
    'deadbeefcafe is a word, … an id',
  )
  const startedAt = performance.now()
  for (const text of ['"', "'", '“', '0-', 'a', '1.', 'http://']) maskMessage(text.repeat(200_000))
  expect(performance.now() - startedAt).toBeLessThan(20_000)
})

test('many tasks are cancelled, lifted, tried again and erased at once, each as by its own route', async () => {
  const { ann, op, submit, fail, held } = await setup({ slots: 1 })
  const running = await submit('ann', 'held')
  await expect.poll(() => held.length).toBe(1)
  const waiting = [await submit('ann', 'held'), await submit('ann', 'held')]
  const others = await submit('ben', 'held')
  const lift = { op: 'priority', priority: 'HIGH', ids: [...waiting, running, others] }
  const trial = (await ann.post('/api/tasks/bulk', { ...lift, dry_run: true })).body
  expect(trial).toMatchObject({ dry_run: true, matched: 4, done: 2, refused: 2, task_ids: waiting })
  expect((await ann.get(`/api/tasks/${waiting[0]}`)).body['priority']).toBe(1)
  const lifted = (await ann.post('/api/tasks/bulk', lift)).body
  expect(lifted['refusals']).toEqual([
    { task_id: running, error_type: 'already_started', message: `Task ${running} is running.` },
    { task_id: others, error_type: 'task_not_found', message: 'There is no such task.' },
  ])
  expect((await ann.get(`/api/tasks/${waiting[1]}`)).body['priority_name']).toBe('HIGH')
  const tooHigh = await ann.post('/api/tasks/bulk', { op: 'priority', priority: 'URGENT', ids: waiting })
  expect(tooHigh.body).toMatchObject({ done: 0, refusals: [{ error_type: 'forbidden' }, {}] })

  const cancel = { op: 'cancel', filter: { type: 'held', status: ['queued'] } }
  expect((await ann.post('/api/tasks/bulk', cancel)).body).toMatchObject({
    matched: 2,
    done: 2,
    has_more: false,
  })
  expect((await ann.get('/api/tasks?status=cancelled')).body['tasks']).toHaveLength(2)
  expect((await op.get(`/api/tasks/${others}`)).body['status']).toBe('queued')
  expect((await op.post('/api/tasks/bulk', cancel)).body['done']).toBe(1)
  held[0]?.end()
  await ann.ended(running)

  const failed = [await fail('ann', 1), await fail('ann', 2)]
  const retried = (await ann.post('/api/tasks/bulk', { op: 'retry', filter: { error_type: 'no_text' } })).body
  expect(retried).toMatchObject({ matched: 2, done: 2, refused: 0 })
  for (const id of retried['created'] as string[]) {
    expect(failed).toContain((await ann.ended(id))['retry_of'])
  }
  const erased = (await ann.post('/api/tasks/bulk', { op: 'delete', ids: failed })).body
  expect(erased).toMatchObject({ done: 2 })
  expect((await ann.get(`/api/tasks/${failed[0]}`)).status).toBe(410)
})

test('a retry of more than there are places for says how many were refused', async () => {
  const { ann, submit, fail, held } = await setup({ slots: 1, capacity: 3 })
  const failed = [await fail('ann', 1), await fail('ann', 2), await fail('ann', 3), await fail('ann', 4)]
  await submit('ann', 'held')
  await expect.poll(() => held.length).toBe(1)
  const reply = (await ann.post('/api/tasks/bulk', { op: 'retry', ids: failed })).body
  expect(reply).toMatchObject({ matched: 4, done: 3, refused: 1, refusals: [{ error_type: 'queue_full' }] })
})

test('what a bulk operation means has to be said once and plainly', async () => {
  const { ann } = await setup()
  for (const wrong of [
    { op: 'cancel' },
    { op: 'cancel', ids: [] },
    { op: 'cancel', ids: ['a'], filter: {} },
    { op: 'priority', ids: ['a'] },
    { op: 'cancel', ids: ['a'], priority: 'HIGH' },
    { op: 'explode', ids: ['a'] },
    { op: 'cancel', filter: { status: ['lost'] } },
    { op: 'cancel', filter: { state: 'x' } },
    { op: 'cancel', ids: Array.from({ length: 1001 }, (_, index) => `${index}`) },
  ]) {
    expect((await ann.post('/api/tasks/bulk', wrong)).status, JSON.stringify(wrong)).toBe(422)
  }
})
