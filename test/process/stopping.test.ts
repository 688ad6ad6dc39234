import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { startProcess } from '../support/process.ts'
import { clientOf, type Json } from '../support/server.ts'

/** `STOP_ROUNDS=20 vitest run test/process/stopping.test.ts` does them all. */
const ROUNDS = Number(process.env['STOP_ROUNDS'] ?? 1)
const agent = new Agent({ keepAlive: true })
const TASKS_FILE = 'test/support/stop-tasks.ts'

/** The status of a reply with its code, or 0 where the connection was refused or closed. */
function ask(url: string, method: string, path: string): Promise<string> {
  return new Promise((resolve) => {
    const sent = request(url + path, { method, agent }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += chunk.toString()))
      response.on('end', () => {
        const { error_type: type = '' } = response.statusCode === 503 ? (JSON.parse(text) as Json) : {}
        resolve(`${response.statusCode} ${type}`.trim())
      })
    })
    sent.on('error', () => resolve('0'))
    sent.end()
  })
}

async function round(signal: NodeJS.Signals) {
  const env = {
    TASKS_FILE,
    RATE_LIMIT_PER_MINUTE: '0',
    MAX_CONCURRENT_ANALYSIS_TASKS: '1',
    STOP_WAIT_SECONDS: '0',
  }
  const server = await startProcess({ ...env, ANALYSIS_QUEUE_MAX_SIZE: '1000' })
  const { url, dataDir } = server
  const { post } = clientOf(url)
  const tasks = Array.from({ length: 100 }, () => ({ type: 'obedient', input: {} }))
  const ids: string[] = []
  for (let batch = 0; batch < 5; batch += 1) {
    const { body } = await post('/api/tasks/batch', { tasks })
    for (const { reply } of body['tasks'] as { reply: Json }[]) ids.push(reply['task_id'])
  }
  const seen = new Set<string>()
  const cancelled: string[] = []
  const over = new AbortController()
  const pollers = Array.from({ length: 8 }, async () => {
    for (let at = 0; !over.signal.aborted; at += 1) {
      seen.add(await ask(url, 'GET', `/api/tasks/${ids[at % ids.length]}`))
      await sleep(1)
    }
  })
  const left = ids.slice(1)
  const cancellers = Array.from({ length: 4 }, async () => {
    for (let id = left.pop(); !over.signal.aborted && id !== undefined; id = left.pop()) {
      const answer = await ask(url, 'POST', `/api/tasks/${id}/cancel`)
      seen.add(answer)
      if (answer === '200') cancelled.push(id)
      await sleep(1)
    }
  })
  await sleep(100)
  const { code } = await server.end(signal)
  over.abort()
  await Promise.all([...pollers, ...cancellers])
  return { code, seen, ids, cancelled, dataDir, env }
}

test.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const)(
  '%s under polling and cancels: code 0, nothing but 503 draining, nothing lost, nothing interrupted',
  async (signal) => {
    for (let count = 0; count < ROUNDS; count += 1) {
      const { code, seen, ids, cancelled, dataDir, env } = await round(signal)
      expect(code).toBe(0)
      for (const answer of seen) expect(['0', '200', '202', '409', '503 draining']).toContain(answer)
      const again = await startProcess({ ...env, DATA_DIR: dataDir, MAX_CONCURRENT_ANALYSIS_TASKS: '0' })
      const { get } = clientOf(again.url)
      for (const id of ids) {
        const { status, body } = await get(`/api/tasks/${id}`)
        expect([status, body['interruptions']]).toEqual([200, 0])
        // What was confirmed as cancelled stays so.
        if (cancelled.includes(id)) expect(body['status']).toBe('cancelled')
      }
      await again.end('SIGKILL')
    }
  },
  ROUNDS * 120_000,
)

test('a signal during the load of the modules ends the process in order', async () => {
  // Its reply comes when the process has ended: it writes no address.
  const server = startProcess({ TASKS_FILE: 'test/support/slow-to-load.ts' })
  const { code, stdout } = await server.then(async ({ exited, stdout: output }) => ({
    code: await exited,
    stdout: output(),
  }))
  expect([code, stdout]).toEqual([0, ''])
})

test.each(['json', 'pretty'])(
  'a log of LOG_FORMAT=%s whose reader has gone does not hold a stop',
  async (format) => {
    const { child, exited, url } = await startProcess({ LOG_FORMAT: format, LOG_LEVEL: 'debug' })
    child.stdout.destroy()
    const { post } = clientOf(url)
    for (let count = 0; count < 50; count += 1)
      await post('/summarize', { text: `One ${count}. Two. Three.` })
    child.kill('SIGTERM')
    expect(await exited).toBe(0)
  },
)
