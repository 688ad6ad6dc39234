import { execFile } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'vite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createClient, QueueFull, RequestFailed, verifyWebhook } from '../../src/client/index.ts'
import { openBrowser } from '../support/browser.ts'
import { ROOT } from '../support/process.ts'
import { realPart } from '../support/real-parts.ts'
import { startServer, tokenFor } from '../support/server.ts'
import { runScenarios } from './scenarios.ts'
import { TASKS } from './tasks.ts'

const EXPECTED = {
  results: {
    result: { words: 30 },
    text: Array.from({ length: 30 }, (_, index) => `word${index} `).join(''),
    inOrder: true,
    resumed: true,
    twice: [{ words: 30 }, { words: 30 }],
    atEnd: [],
    title: '标题',
    input: { words: 30 },
    failure: ['no_text', 'Nothing to read.', 'Run OCR.'],
  },
  aborted: {
    early: 'before',
    reason: 'during',
    afterDetach: 'running',
    ended: 'cancelled',
    result: { words: 1 },
    late: 'after',
  },
  upload: { result: '10000 octets', name: '报告.txt', title: '报告.txt', isWhole: true },
  listed: { found: ['标题'], errors: ['no_text'] },
  queue: { seen: ['running', 'cancelled', 'seen'], workers: 3, free: true },
  refused: {
    input: '422 validation',
    type: '404 unknown_task_type',
    task: '404 task_not_found',
    events: '404 task_not_found',
  },
}

const ann = tokenFor('ann')
const withTokens = { tokens: [ann.record] }

test.each(['websocket', 'sse'] as const)(
  'it does what it says, without a token, by %s',
  async (transport) => {
    const { url } = await startServer({ tasks: TASKS })
    expect(await runScenarios({ url, transport })).toEqual(EXPECTED)
  },
)

test('it does what it says with a token, below a path', async () => {
  const { url } = await startServer({ tasks: TASKS, settings: withTokens })
  expect(await runScenarios({ url: `${url}/`, token: ann.token })).toEqual(EXPECTED)
})

test('a ticket opens one task and nothing else', async () => {
  const { url } = await startServer({ tasks: TASKS, settings: withTokens })
  const task = await createClient({ url, token: ann.token }).submit('write', { words: 3 })
  const { ticket } = await task.ticket()
  const guest = createClient({ url })
  expect(await guest.task(task.id, { ticket }).result()).toEqual({ words: 3 })
  await expect(guest.task(task.id).get()).rejects.toMatchObject({ status: 401 })
  await expect(guest.task(task.id, { ticket }).cancel()).rejects.toMatchObject({ status: 403 })
})

test('a full queue is waited out as it asks, or reported', async () => {
  const { url, get } = await startServer({ tasks: TASKS, settings: { slots: 1, capacity: 1 } })
  // What the server asks for is some 30 s.
  const hurried = async (...args: Parameters<typeof fetch>) => {
    const response = await fetch(...args)
    if (response.headers.has('retry-after') && isHurried) {
      const headers = { 'content-type': 'application/problem+json', 'retry-after': '0.1' }
      return new Response(response.body, { status: response.status, headers })
    }
    return response
  }
  let isHurried = false
  const client = createClient({ url, maxWaitMs: 0, fetch: hurried })
  const running = await client.submit('hang', {})
  // Over PostgreSQL a task takes its slot a moment after its 202.
  await expect.poll(async () => (await get('/api/queue/stats')).body['current_processing']).toBe(1)
  const waiting = await client.submit('hang', {})
  const full: unknown = await client.submit('hang', {}).catch((error: unknown) => error)
  expect(full).toBeInstanceOf(QueueFull)
  expect(full).toMatchObject({ errorType: 'queue_full', retryAfter: expect.any(Number) })
  isHurried = true
  const patient = client.submit('write', { words: 1 }, { maxWaitMs: 60_000 })
  await running.cancel()
  await waiting.cancel()
  expect(await (await patient).result()).toEqual({ words: 1 })
})

test.each([undefined, '', 'nope', '/queue', 'ftp://127.0.0.1'])(
  'without a page the address %j is refused at once',
  (url) => {
    expect(() => createClient(url === undefined ? {} : { url })).toThrow('expected http://')
  },
)

test('an input that is no JSON fails at once, however long a lost connection is waited out', async () => {
  const { url } = await startServer({ tasks: TASKS })
  const client = createClient({ url, maxWaitMs: 3_600_000 })
  const cyclic: Record<string, unknown> = {}
  cyclic['self'] = cyclic
  for (const input of [{ words: 1n }, cyclic]) {
    await expect(client.submit('write', input)).rejects.toThrow(TypeError)
  }
})

test('a submit whose reply was lost is sent again, and makes one task', async () => {
  const { url } = await startServer({ tasks: TASKS })
  let calls = 0
  const client = createClient({
    url,
    transport: 'sse',
    fetch: async (...args) => {
      const response = await fetch(...args)
      if (args[1].method === 'POST' && (calls += 1) <= 2) throw new TypeError('lost')
      return response
    },
  })
  const task = await client.submit('write', { words: 1 })
  expect(calls).toBe(3)
  await task.result()
  expect((await client.tasks.page()).tasks.map(({ task_id: id }) => id)).toEqual([task.id])
})

test('a session that has ended fails what is watched by WebSocket', async () => {
  const { url } = await startServer({ tasks: TASKS, settings: withTokens })
  const board = createClient({ url }).queue.watch()
  await expect(board.next()).rejects.toBeInstanceOf(RequestFailed)
})

test('a webhook is verified by its secret, its body and its age', async () => {
  const secret = `whsec_${Buffer.from('x'.repeat(32)).toString('base64')}`
  const body = JSON.stringify({
    type: 'task.completed',
    timestamp: '',
    data: { task_id: 'a', status: 'completed' },
  })
  const sign = (at: number, text = body) => {
    const mac = createHmac('sha256', 'x'.repeat(32)).update(`msg_1.${at}.${text}`).digest('base64')
    return { 'webhook-id': 'msg_1', 'webhook-timestamp': `${at}`, 'webhook-signature': `v1,AAAA v1,${mac}` }
  }
  const now = Math.floor(Date.now() / 1000)
  expect(await verifyWebhook({ body, headers: sign(now) }, secret)).toMatchObject({ data: { task_id: 'a' } })
  const request = new Request('http://localhost/', { method: 'POST', body, headers: sign(now) })
  expect((await verifyWebhook(request, secret)).type).toBe('task.completed')
  for (const [wrong, why] of [
    [{ body: `${body} `, headers: sign(now) }, /signature/],
    [{ body, headers: sign(now - 600) }, /too old/],
    [{ body, headers: { ...sign(now), 'webhook-id': 'msg_2' } }, /signature/],
    [{ body, headers: {} }, /missing/],
  ] as const) {
    await expect(verifyWebhook(wrong, secret)).rejects.toThrow(why)
  }
})

const chromium = realPart('chromium')
/** The Node.js of the system, which may be older than that of the server. */
const systemNode =
  ['/usr/bin/node', '/usr/local/bin/node'].find((path) => existsSync(path)) ?? process.execPath

describe('bundled', () => {
  let folder = ''
  const bundle = async (entry: string, fileName: string, format: 'es' | 'iife') => {
    await build({
      root: ROOT,
      configFile: false,
      logLevel: 'error',
      build: {
        outDir: folder,
        emptyOutDir: false,
        lib: { entry: join(ROOT, entry), name: 'headgate', formats: [format], fileName: () => fileName },
      },
    })
    return join(folder, fileName)
  }
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'headgate-client-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  test('it is small, and has nothing of the server in it', async () => {
    const text = await readFile(await bundle('src/client/index.ts', 'client.js', 'iife'), 'utf8')
    expect(gzipSync(text).length).toBeLessThanOrEqual(8 * 1024)
    expect(text).not.toMatch(/node:|fastify|zod/)
  })

  test('it does the same in the Node.js of the system', async () => {
    const file = await bundle('test/client/scenarios.ts', 'scenarios.mjs', 'es')
    const { url } = await startServer({ tasks: TASKS, settings: withTokens })
    const program = `import(${JSON.stringify(file)}).then(async ({ runScenarios }) =>
      console.log(JSON.stringify(await runScenarios(${JSON.stringify({ url, token: ann.token })}))))`
    const { stdout } = await promisify(execFile)(systemNode, ['-e', program])
    expect(JSON.parse(stdout)).toEqual(EXPECTED)
  })

  test.skipIf(chromium === undefined)('it does the same in a browser that has logged in', async () => {
    const script = await readFile(await bundle('test/client/scenarios.ts', 'scenarios.js', 'iife'), 'utf8')
    const { url } = await startServer({ tasks: TASKS, settings: withTokens })
    const page = await openBrowser(chromium ?? '')
    await page.goto(`${url}/docs`)
    await page.evaluate(async (token) => {
      const headers = { 'content-type': 'application/json' }
      await fetch('/api/session', { method: 'POST', headers, body: JSON.stringify({ token }) })
    }, ann.token)
    const seen: unknown = await page.evaluate(`(() => { ${script}; return headgate.runScenarios({}) })()`)
    expect(seen).toEqual(EXPECTED)
  })
})
