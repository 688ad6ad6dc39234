import { array, assert, asyncProperty, constantFrom, nat, record } from 'fast-check'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { createClient } from '../../src/client/index.ts'
import { Board, type Watcher } from '../../src/http/board/board.ts'
import type { Stats } from '../../src/http/routes/queue/stats.ts'
import { createCore } from '../support/core.ts'
import { settled } from '../support/settle.ts'
import { startServer, tokenFor, type Json } from '../support/server.ts'
import { heldType } from '../support/types.ts'

/** What a watcher that has got these frames shows: its rows by number, and the order of those that wait. */
function applied(frames: readonly Json[]) {
  let rows = new Map<number, Json>()
  let order: number[] = []
  for (const frame of frames) {
    if (frame['type'] === 'board') {
      const lists = ['running', 'waiting', 'parked', 'recent'].flatMap((name) => frame[name] as Json[])
      rows = new Map(lists.map((row) => [row['row'] as number, row]))
      order = (frame['waiting'] as Json[]).map((row) => row['row'] as number)
    } else if (frame['type'] === 'tick') {
      for (const row of frame['changed'] as Json[]) rows.set(row['row'] as number, row)
      for (const row of frame['gone'] as number[]) rows.delete(row)
      order = (frame['order'] as number[] | undefined) ?? order
    }
  }
  const byNumber = [...rows.values()].sort((a, b) => (a['row'] as number) - (b['row'] as number))
  return { rows: byNumber, order: order.filter((row) => rows.has(row)) }
}

async function setup() {
  const { definition, held } = heldType()
  const [ann, ben, op] = [tokenFor('ann'), tokenFor('ben'), tokenFor('op', { role: 'operator' })]
  const tokens = [ann.record, ben.record, op.record]
  const server = await startServer({ tasks: [definition], settings: { tokens, slots: 1 } })
  const submit = async (who: typeof ann, title: string) => {
    const body = { type: 'held', input: {}, metadata: { title } }
    return (await server.as(who.headers).post('/api/tasks', body)).body['task_id'] as string
  }
  const watch = async (headers: Record<string, string>, query = '') => {
    const socket = new WebSocket(`${server.ws}/api/ws${query}`, { headers })
    onTestFinished(() => socket.terminate())
    const frames: Json[] = []
    socket.on('message', (data: Buffer) => frames.push(JSON.parse(data.toString()) as Json))
    await once(socket, 'open')
    socket.send('{"op":"watch-queue"}')
    return { socket, frames }
  }
  return { ...server, ann, ben, op, held, submit, watch }
}

test('the queue is shown whole, then as it changes, to WebSocket and event stream alike', async () => {
  const { submit, ann, ben, op, held, watch, url, as } = await setup()
  const first = await submit(ann, 'First')
  await expect.poll(() => held.length).toBe(1)
  const second = await submit(ben, 'Second')
  const { frames } = await watch(op.headers)
  await expect.poll(() => frames.length).toBe(1)
  const [board] = frames as [Json]
  expect(board).toMatchObject({
    type: 'board',
    stats: { queue_size: 1, current_processing: 1 },
    running: [{ task_id: first, title: 'First', caller: 'ann', status: 'running' }],
    waiting: [{ task_id: second, title: 'Second', caller: 'ben', status: 'queued' }],
    parked: [],
    recent: [],
  })
  held[0]?.end()
  await expect.poll(() => applied(frames).rows.map((row) => row['status'])).toEqual(['completed', 'running'])
  await as(op.headers).post(`/api/tasks/${second}/cancel`)
  await expect
    .poll(() => applied(frames).rows.map((row) => row['status']))
    .toEqual(['completed', 'cancelled'])
  const stats = frames.findLast((frame) => frame['stats'] !== undefined)?.['stats'] as Json
  expect(stats).toMatchObject({ total_success: 1, total_cancelled: 1, current_processing: 0 })

  const response = await fetch(`${url}/api/queue/stream`, { headers: op.headers })
  onTestFinished(() => response.body?.cancel())
  expect(response.headers.get('content-type')).toContain('text/event-stream')
  let text = ''
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += Buffer.from(chunk).toString()
    if (/^data: .*\n\n/m.test(text)) break
  }
  const again = JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? '') as Json
  expect(again['recent']).toMatchObject([{ task_id: second }, { task_id: first }])
  expect(applied([again]).rows).toEqual(applied(frames).rows)
})

test('however many of one level wait, the first of the others are shown', async () => {
  const { definition } = heldType()
  const { url, post } = await startServer({ tasks: [definition], settings: { slots: 0, capacity: 300 } })
  const leave = new AbortController()
  onTestFinished(() => leave.abort())
  const submit = async (count: number, priority: string) => {
    const given = Array.from({ length: count }, () => ({ type: 'held', input: {}, priority }))
    expect((await post('/api/tasks/batch', { tasks: given })).body['accepted']).toBe(count)
  }
  await submit(30, 'LOW')
  for (let n = 0; n < 3; n += 1) await submit(80, 'URGENT')
  const { value } = await createClient({ url }).queue.watch({ signal: leave.signal }).next()
  const levels = value?.waiting.map((row) => row.priority_name)
  expect(levels).toEqual([...Array<string>(200).fill('URGENT'), ...Array<string>(20).fill('LOW')])
})

test('a task that was erased leaves the board', async () => {
  const { submit, ann, op, held, watch, url, as } = await setup()
  const id = await submit(ann, 'To be erased')
  await expect.poll(() => held.length).toBe(1)
  const { frames } = await watch(op.headers)
  held[0]?.end()
  await expect.poll(() => applied(frames).rows.map((row) => row['status'])).toEqual(['completed'])
  await as(ann.headers).ended(id)
  await fetch(`${url}/api/tasks/${id}`, { method: 'DELETE', headers: ann.headers })
  await expect.poll(() => applied(frames).rows).toEqual([])
})

test('an operator who is one no more keeps no board of all', { timeout: 60_000 }, async () => {
  const { submit, ann, op, watch, core } = await setup()
  await submit(ann, 'Secret')
  const { socket, frames } = await watch(op.headers)
  await expect.poll(() => frames.length).toBe(1)
  const closed = once(socket, 'close')
  const { callers } = core
  const before = callers.authenticate.bind(callers)
  callers.authenticate = (token) => {
    const caller = before(token)
    return caller?.name === 'op' ? { ...caller, role: 'caller' } : caller
  }
  socket.send('{"op":"unwatch-queue"}')
  expect((await closed)[0]).toBe(1008)
})

test('a caller sees its own tasks, and of others that there are some', async () => {
  const { submit, ann, ben, held, watch } = await setup()
  await submit(ben, 'Secret of Ben')
  await expect.poll(() => held.length).toBe(1)
  const own = await submit(ann, 'Mine')
  await submit(ben, 'Another secret')
  const { frames } = await watch(ann.headers)
  await expect.poll(() => frames.length).toBe(1)
  const [board] = frames as [Json]
  expect(board['waiting']).toMatchObject([{ task_id: own, title: 'Mine' }, { type: 'held' }])
  expect(Object.keys((board['running'] as Json[])[0] as Json).sort()).toEqual([
    'created_at',
    'priority_name',
    'row',
    'status',
    'type',
  ])
  held[0]?.end()
  await expect.poll(() => frames.length).toBeGreaterThan(1)
  expect(JSON.stringify(frames)).not.toContain('ecret')
})

test('a ticket shows its task alone, and no queue', async () => {
  const { submit, ann, as, watch, get } = await setup()
  const id = await submit(ann, 'Mine')
  const { ticket } = (await as(ann.headers).post(`/api/tasks/${id}/ticket`)).body
  const { frames } = await watch({}, `?ticket=${String(ticket)}`)
  await expect.poll(() => frames[0]).toMatchObject({ type: 'problem', error_type: 'forbidden' })
  expect((await get(`/api/queue/stream?ticket=${String(ticket)}`)).status).toBe(403)
  expect((await get('/api/queue/stream')).status).toBe(401)
})

const CALLERS = ['ann', 'ben', 'cid'] as const
const action = record({
  kind: constantFrom('submit', 'submit', 'end', 'cancel', 'lift', 'tick'),
  who: nat(2),
  which: nat(30),
})

test('over random histories no caller’s board holds anything of another, and ticks lead to the same board', async () => {
  const numRuns = process.env['OPERATIONS'] === undefined ? 60 : 10_000
  await assert(
    asyncProperty(array(action, { maxLength: 40 }), async (actions) => {
      const { definition, held } = heldType()
      const core = createCore({ types: [definition], slots: 2, capacity: 50 })
      const { clock, admission, journal } = core
      const board = new Board({
        ...core,
        freshen: null,
        journal: journal.tasks,
        stats: () => ({ n: 1 }) as unknown as Stats,
      })
      const step = async () => {
        clock.advance(500)
        await settled()
      }
      const watch = (name: string, role: 'caller' | 'operator' = 'caller') => {
        const frames: Json[] = []
        let isFlushed = true
        const sink: Watcher['sink'] = {
          get isFlushed() {
            return isFlushed
          },
          send: ({ text }) => Promise.resolve(void frames.push(JSON.parse(text) as Json)),
        }
        const leave = board.watch({
          viewer: { name, role },
          view: { prefix: '', showsCaller: role === 'operator' },
          sink,
        })
        return { name, frames, leave, slow: (is: boolean) => (isFlushed = !is) }
      }
      const watchers = [...CALLERS.map((name) => watch(name)), watch('op', 'operator')]
      const ids: { id: string; who: string }[] = []
      for (const { kind, who, which } of actions) {
        const chosen = ids[which % Math.max(1, ids.length)]
        if (kind === 'submit') {
          const caller = CALLERS[who] as string
          const title = `title-of-${caller}`
          const also = { caller, metadata: { title } }
          const reply = await core.submit('held', { secret: `input-of-${caller}` }, 1, also)
          if (reply.kind === 'accepted') ids.push({ id: reply.task.id, who: caller })
        } else if (kind === 'end') held[which % Math.max(1, held.length)]?.end()
        else if (kind === 'cancel' && chosen) await admission.cancel(chosen.id)
        else if (kind === 'lift' && chosen) await admission.reprioritise(chosen.id, 3)
        else if (kind === 'tick') await step()
        watchers[who]?.slow(which % 5 === 0)
      }
      for (const { slow } of watchers) slow(false)
      await step()
      await step()
      for (const { name, frames } of watchers) {
        const fresh = watch(name, name === 'op' ? 'operator' : 'caller')
        await step()
        expect(applied(frames)).toEqual(applied(fresh.frames))
        fresh.leave()
        if (name === 'op') continue
        const text = JSON.stringify(frames)
        for (const task of ids) if (task.who !== name) expect(text).not.toContain(task.id)
        for (const other of CALLERS)
          if (other !== name) expect(text).not.toMatch(new RegExp(`of-${other}|"${other}"`))
      }
      for (const { leave } of watchers) leave()
      for (const { end } of held) end()
    }),
    { numRuns },
  )
})
