import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { pino } from 'pino'
import { defineTask } from '../../src/index.ts'
import { Connector } from '../../src/fetch/connector.ts'
import { WEB_PORTS } from '../../src/fetch/address-policy.ts'
import { waitAfter } from '../../src/webhook/schedule.ts'
import { signHeaders } from '../../src/webhook/signature.ts'
import { Webhooks } from '../../src/webhook/webhooks.ts'
import { actsOn } from '../journal/acts.ts'
import { memoryJournal } from '../support/core.ts'
import { startServer, type Json } from '../support/server.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const SECRET = `whsec_${Buffer.alloc(24, 7).toString('base64')}`
const DAY_MS = 24 * 3_600_000

interface Heard {
  readonly headers: IncomingMessage['headers']
  readonly body: string
  /** Last part of the address. */
  readonly path: string
}

/** A receiver of webhooks that answers as the test wants. */
async function createReceiver(answer: (response: ServerResponse, count: number) => void) {
  const heard: Heard[] = []
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      heard.push({ headers: request.headers, body, path: request.url?.split('/').at(-1) ?? '' })
      answer(response, heard.length)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return { heard, host, url: `http://${host}/hook` }
}

const status = (code: number) => (response: ServerResponse) => void response.writeHead(code).end()

test('a delivery is signed as the reference vector of Standard Webhooks', () => {
  const signed = {
    id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    timestamp: 1_614_265_330,
    body: '{"test": 2432232314}',
  }
  expect(signHeaders(signed, 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')).toMatchObject({
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  })
})

test('tries continue for about a day, each wait spread by a fifth', () => {
  const waits = Array.from({ length: 20 }, (_, index) => waitAfter(index + 1, 0.5)).filter(
    (wait) => wait !== null,
  )
  const sum = waits.reduce((total, wait) => total + wait, 0)
  expect(sum).toBeGreaterThan(0.9 * DAY_MS)
  expect(sum).toBeLessThanOrEqual(DAY_MS)
  expect([waitAfter(1, 0), waitAfter(1, 1)]).toEqual([4000, 6000])
})

test('the end of a task is sent, signed with the secret of the submit or of the server', async () => {
  const receiver = await createReceiver(status(200))
  const { post, ended } = await startServer({
    tasks: [defineTask({ type: 'echo', input: z.object({ n: z.number() }), run: ({ n }) => n })],
    settings: { fetchAllowHosts: [receiver.host], webhookSecret: SECRET, journal: 'sqlite' },
  })
  const { body } = await post('/api/tasks', { type: 'echo', input: { n: 7 }, webhook: { url: receiver.url } })
  await ended(body['task_id'])
  await expect.poll(() => receiver.heard.length).toBe(1)
  const { headers, body: sent } = receiver.heard[0]!
  const payload = JSON.parse(sent) as Json
  expect(payload).toMatchObject({
    type: 'task.completed',
    data: { task_id: body['task_id'], status: 'completed' },
  })
  const id = String(headers['webhook-id'])
  const timestamp = Number(headers['webhook-timestamp'])
  expect(signHeaders({ id, timestamp, body: sent }, SECRET)['webhook-signature']).toBe(
    headers['webhook-signature'],
  )
})

test.each(['memory', 'sqlite'] as const)(
  'each submit of one task has its own delivery, also one that finds it completed (%s)',
  async (journal) => {
    const receiver = await createReceiver(status(200))
    const ends: (() => void)[] = []
    const once = defineTask({
      type: 'once',
      input: z.object({ n: z.number() }),
      dedupe: true,
      run: () => new Promise<number>((resolve) => ends.push(() => resolve(1))),
    })
    const { post, ended } = await startServer({
      tasks: [once],
      settings: { fetchAllowHosts: [receiver.host], webhookSecret: SECRET, journal },
    })
    const submit = (name: string, more: object = {}) =>
      post('/api/tasks', {
        type: 'once',
        input: { n: 7 },
        webhook: { url: `${receiver.url}/${name}` },
        ...more,
      })
    const { body: first } = await submit('first')
    const own = `whsec_${Buffer.alloc(24, 9).toString('base64')}`
    await submit('second', { webhook: { url: `${receiver.url}/second`, secret: own } })
    const { body: third } = await submit('third')
    await post(`/api/tasks/${first['task_id']}/cancel`, { waiter: third['waiter'] })
    await expect.poll(() => ends.length).toBe(1)
    ends[0]?.()
    await ended(first['task_id'])
    await submit('fourth')
    await expect
      .poll(() => receiver.heard.map(({ path }) => path).sort())
      .toEqual(['first', 'fourth', 'second'])
    expect(new Set(receiver.heard.map(({ headers }) => headers['webhook-id'])).size).toBe(3)
    const second = receiver.heard.find(({ path }) => path === 'second')!
    const { headers, body } = second
    const signed = {
      id: String(headers['webhook-id']),
      timestamp: Number(headers['webhook-timestamp']),
      body,
    }
    expect(signHeaders(signed, own)['webhook-signature']).toBe(headers['webhook-signature'])
  },
)

/** Deliveries of a journal, on a clock of our own. */
async function setup(
  answer: (response: ServerResponse, count: number) => void,
  tasks = 1,
  others: readonly { readonly host: string }[] = [],
) {
  const receiver = await createReceiver(answer)
  const journal = memoryJournal()
  const clock = new VirtualClock()
  const connector = new Connector({
    ports: WEB_PORTS,
    allowHosts: [receiver.host, ...others.map(({ host }) => host)],
    timeoutMs: 1000,
    maxBytes: 1000,
  })
  const { run } = actsOn(journal)
  const deliver = (id: string, url: string) => run({ id, webhook: { url, secret: SECRET } })
  for (let index = 0; index < tasks; index += 1) await deliver(`task-${index}`, receiver.url)
  const { deliveries } = journal
  const log = pino({ level: 'silent' })
  const given = { deliveries, tasks: journal.tasks, connector, secret: '', clock, random: () => 0.5, log }
  const webhooks = new Webhooks({ ...given, viewOf: ({ id }) => ({ task_id: id }) })
  onTestFinished(async () => {
    await webhooks.stop()
    await connector.close()
  })
  return { ...receiver, webhooks, clock, deliveries, deliver }
}

test('what is not accepted is sent again under the same id, later and later, until it is', async () => {
  const { webhooks, heard, clock, deliveries } = await setup((response, count) =>
    status(count < 3 ? 500 : 204)(response),
  )
  webhooks.start()
  await expect.poll(() => heard.length).toBe(1)
  await expect.poll(async () => (await deliveries.nextAt())! - clock.now()).toBe(5000)
  clock.advance(5000)
  await expect.poll(() => heard.length).toBe(2)
  await expect.poll(async () => (await deliveries.nextAt())! - clock.now()).toBe(60_000)
  clock.advance(60_000)
  await expect.poll(() => heard.length).toBe(3)
  await expect.poll(() => deliveries.nextAt()).toBeNull()
  expect(new Set(heard.map(({ headers }) => headers['webhook-id']))).toEqual(new Set(['msg_task-0']))
})

test('after a day it is given up', async () => {
  const { webhooks, heard, clock, deliveries } = await setup(status(503))
  webhooks.start()
  for (let tries = 1; (await deliveries.nextAt()) !== null; tries += 1) {
    await expect.poll(() => heard.length).toBe(tries)
    await expect.poll(async () => (await deliveries.due(clock.now(), 1)).length).toBe(0)
    const next = await deliveries.nextAt()
    if (next !== null) clock.advance(next - clock.now())
  }
  expect(heard).toHaveLength(9)
})

test('a redirect is not followed, and an address that is gone gets no more', async () => {
  const elsewhere = await createReceiver(status(200))
  const redirecting = await setup((response) => response.writeHead(302, { location: elsewhere.url }).end())
  redirecting.webhooks.start()
  await expect.poll(async () => (await redirecting.deliveries.due(Infinity, 1))[0]?.attempt).toBe(1)
  expect(elsewhere.heard).toEqual([])

  const gone = await setup(status(410), 20)
  gone.webhooks.start()
  await expect.poll(() => gone.deliveries.nextAt()).toBeNull()
  // Those under way at the same moment are sent too, the rest is not.
  expect(gone.heard.length).toBeLessThanOrEqual(8)
})

test('receivers that never answer delay neither the others nor other callers', async () => {
  const hung = await Promise.all(Array.from({ length: 20 }, () => createReceiver(() => undefined)))
  const { webhooks, heard, host, url, deliver } = await setup(status(200), 0, hung)
  // First in the order: 32 for one host, as one caller with a broken receiver owes them, and two for each other one.
  for (const [index, { url: silent }] of hung.entries()) {
    for (let count = 0; count < (index === 0 ? 32 : 2); count += 1)
      await deliver(`hung-${index}-${count}`, silent)
  }
  webhooks.start()
  await expect.poll(() => hung[0]?.heard.length).toBe(2)
  await deliver('late', url)
  webhooks.start()
  await expect.poll(() => heard.length, { timeout: 3000 }).toBe(1)
  expect([host, hung[0]?.heard.length]).toEqual([host, 2])
})

test('the Retry-After of a receiver is respected', async () => {
  const { webhooks, clock, deliveries } = await setup((response) =>
    response.writeHead(429, { 'retry-after': '120' }).end(),
  )
  webhooks.start()
  await expect.poll(async () => (await deliveries.nextAt(0))! - clock.now()).toBe(120_000)
})

test('while the journal cannot be written, a delivery is not sent again and again', async () => {
  const { webhooks, heard, clock, deliveries } = await setup(status(200))
  const settle = deliveries.settle.bind(deliveries)
  let faults = 0
  deliveries.settle = () => {
    faults += 1
    return Promise.reject(new Error('disk full'))
  }
  webhooks.start()
  await expect.poll(() => faults).toBe(1)
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  webhooks.start()
  expect(heard).toHaveLength(1)
  deliveries.settle = settle
  clock.advance(5000)
  await expect.poll(() => deliveries.nextAt(0)).toBeNull()
  expect(heard).toHaveLength(2)
})

test('a delivery that ends while the journal is asked for what is due is not sent once more', async () => {
  const held: ServerResponse[] = []
  const { webhooks, heard, deliveries } = await setup((response) => held.push(response))
  webhooks.start()
  await expect.poll(() => held.length).toBe(1)
  const due = deliveries.due.bind(deliveries)
  let answers = 0
  deliveries.due = async (...given) => {
    const rows = await due(...given)
    held[0]?.end()
    await expect.poll(() => deliveries.nextAt(0)).toBeNull()
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    answers += 1
    return rows
  }
  webhooks.start()
  await expect.poll(() => answers).toBe(2)
  expect(heard).toHaveLength(1)
})

test('the webhook of a task that expired is sent at once', async () => {
  const receiver = await createReceiver(status(200))
  const { post, ended } = await startServer({
    tasks: [defineTask({ type: 'never', input: z.object({}), run: () => null })],
    settings: { fetchAllowHosts: [receiver.host], webhookSecret: SECRET, slots: 0 },
  })
  const { body } = await post('/api/tasks', {
    type: 'never',
    input: {},
    start_deadline_seconds: 1,
    webhook: { url: receiver.url },
  })
  expect((await ended(body['task_id']))['status']).toBe('expired')
  await expect.poll(() => receiver.heard.length).toBe(1)
  expect(JSON.parse(receiver.heard[0]!.body)).toMatchObject({ type: 'task.expired' })
})

test.each(['memory', 'sqlite'] as const)(
  'the webhook of a submit that joined one without a webhook is sent at the end (%s)',
  async (journal) => {
    const receiver = await createReceiver(status(200))
    const ends: (() => void)[] = []
    const once = defineTask({
      type: 'once',
      input: z.object({}),
      dedupe: true,
      run: () => new Promise<number>((resolve) => ends.push(() => resolve(1))),
    })
    const { post, ended } = await startServer({
      tasks: [once],
      settings: { fetchAllowHosts: [receiver.host], webhookSecret: SECRET, journal },
    })
    const submit = (more: object) => post('/api/tasks', { type: 'once', input: {}, ...more })
    const { body: first } = await submit({})
    const { body: second } = await submit({ webhook: { url: receiver.url } })
    expect(second['task_id']).toBe(first['task_id'])
    await expect.poll(() => ends.length).toBe(1)
    ends[0]?.()
    await ended(first['task_id'])
    await expect.poll(() => receiver.heard.length).toBe(1)
  },
)
