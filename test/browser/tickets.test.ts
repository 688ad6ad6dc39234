import { expect, test } from 'vitest'
import { z } from 'zod'
import { defineTask } from '../../src/index.ts'
import { openBrowser, servePage } from '../support/browser.ts'
import { realPart } from '../support/real-parts.ts'
import { startServer, tokenFor } from '../support/server.ts'
import { heldType } from '../support/types.ts'

const chromium = realPart('chromium')

/** What the page asks for, with its ticket in the query. Everything but the last four is of its own task. */
const REQUESTS = [
  ['GET', '/api/tasks/ID', 200],
  ['GET', '/api/tasks/ID/status', 200],
  ['GET', '/api/tasks/ID/result', 200],
  ['POST', '/api/tasks/ID/ticket', 401],
  ['POST', '/api/tasks/ID/retry', 401],
  ['PATCH', '/api/tasks/ID', 401],
  ['DELETE', '/api/tasks/ID', 401],
  ['GET', '/api/tasks', 401],
  ['GET', '/api/queue/tasks', 401],
  ['GET', '/api/queue/forecast', 401],
  ['POST', '/held', 401],
  ['POST', '/api/tasks', 401],
  ['POST', '/api/tasks/batch', 401],
  ['PATCH', '/api/queue/config', 401],
  ['POST', '/api/queue/pause', 401],
  ['POST', '/api/queue/drain', 401],
  ['GET', '/metrics', 401],
  ['GET', '/api/tasks/OTHER', 401],
  ['GET', '/api/tasks/OTHER/status', 401],
  ['GET', '/api/tasks/OTHER/result', 401],
  ['POST', '/api/tasks/OTHER/cancel', 401],
] as const

/** In the page: statuses of requests, and of the two streams how far each came. */
const IN_PAGE = `
  window.ask = async (base, requests) => Promise.all(requests.map(async ([method, path]) => {
    const init = method === 'GET' ? {} : { method, headers: { 'content-type': 'application/json' }, body: '{}' }
    return (await fetch(base + path, init)).status
  }))
  window.watch = (url) => new Promise((resolve) => {
    const source = new EventSource(url)
    source.onmessage = ({ data }) => JSON.parse(data).type === 'result' && (source.close(), resolve('result'))
    source.onerror = () => source.readyState === EventSource.CLOSED && resolve('refused')
  })
  window.socket = (url) => new Promise((resolve) => {
    const socket = new WebSocket(url)
    let last = 'refused'
    socket.onmessage = ({ data }) => (last = JSON.parse(data).type)
    socket.onclose = () => resolve(last)
  })`

test.skipIf(chromium === undefined)(
  'a page with a ticket watches, reads its result and cancels where it may, and nothing else',
  async () => {
    const origin = await servePage('<!doctype html><title>A page of somebody</title>')
    const { record, headers } = tokenFor('ann')
    const quick = defineTask({ type: 'quick', input: z.object({}), run: () => ({ done: true }) })
    const { url, ws, as } = await startServer({
      tasks: [quick, heldType().definition],
      settings: {
        tokens: [record],
        corsOrigins: [origin],
        slots: 1,
        ratePerMinute: 0,
        addressRatePerMinute: 0,
      },
    })
    const ann = as(headers)
    const idOf = async (type: string) => (await ann.post(`/${type}`)).body['task_id'] as string
    const id = await idOf('quick')
    await ann.ended(id)
    const other = await idOf('quick')
    await ann.ended(other)
    const ticketOf = async (task: string, wish: object) =>
      (await ann.post(`/api/tasks/${task}/ticket`, wish)).body['ticket'] as string
    const ticket = await ticketOf(id, {})

    const page = await openBrowser(chromium!)
    await page.goto(origin)
    await page.evaluate(IN_PAGE)
    const ask = (requests: readonly (readonly [string, string])[]) =>
      page.evaluate(`ask(${JSON.stringify(url)}, ${JSON.stringify(requests)})`) as Promise<number[]>
    const asked = REQUESTS.map(
      ([method, path]) =>
        [method, `${path.replace('ID', id).replace('OTHER', other)}?ticket=${ticket}`] as const,
    )
    const statuses = await ask(asked)
    expect(REQUESTS.map(([method, path], index) => [method, path, statuses[index]])).toEqual(REQUESTS)

    const shown = (call: string) => page.evaluate(call)
    expect(await shown(`watch('${url}/api/tasks/${id}/stream?ticket=${ticket}')`)).toBe('result')
    expect(await shown(`watch('${url}/api/tasks/${other}/stream?ticket=${ticket}')`)).toBe('refused')
    expect(await shown(`socket('${ws}/ws/${id}?ticket=${ticket}')`)).toBe('result')
    expect(await shown(`socket('${ws}/ws/${other}?ticket=${ticket}')`)).toBe('refused')
    // Without a ticket the page is nobody.
    expect(await ask([['GET', `/api/tasks/${id}`]])).toEqual([401])

    const held = await idOf('held')
    const cancel = (granted: string) => ask([['POST', `/api/tasks/${held}/cancel?ticket=${granted}`]])
    expect(await cancel(await ticketOf(held, {}))).toEqual([403])
    expect((await cancel(await ticketOf(held, { cancel: true })))[0]).toBeLessThan(300)
    expect((await ann.ended(held))['status']).toBe('cancelled')
  },
)
