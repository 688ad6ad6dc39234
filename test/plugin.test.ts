import multipart from '@fastify/multipart'
import Fastify from 'fastify'
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { defineTask, headgate } from '../src/index.ts'
import type { Json } from './support/server.ts'

async function setup({
  prefix = '/gate',
  outer = '',
  before = async (_app: ReturnType<typeof Fastify>) => {},
} = {}) {
  const dataDir = await mkdtemp(join(tmpdir(), 'headgate-plugin-'))
  const slow = defineTask({
    type: 'slow',
    input: z.object({ ms: z.number() }),
    run: async ({ ms }) => {
      await new Promise((resolve) => setTimeout(resolve, ms))
      return 'done'
    },
  })
  const app = Fastify()
  app.get('/', () => 'the host')
  await before(app)
  const settings = { DATA_DIR: dataDir, STOP_WAIT_SECONDS: 5 }
  await app.register((inner) => inner.register(headgate, { prefix, tasks: [slow], settings }), {
    prefix: outer,
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  onTestFinished(async () => {
    await app.close()
    await rm(dataDir, { recursive: true, force: true })
  })
  const post = async (path: string, body: unknown) => {
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })
    return { status: response.status, body: (await response.json()) as Json }
  }
  return { app, url, post }
}

test.each([
  ['/gate', '', '/gate'],
  ['/gate/', '', '/gate'],
  ['/gate', '/v1', '/v1/gate'],
])('with the prefix %s inside "%s" every URL leads to %s', async (prefix, outer, path) => {
  const { url, post } = await setup({ prefix, outer })
  const { status, body } = await post(`${path}/slow`, { ms: 1 })
  expect([status, body['urls'].self]).toEqual([202, `${path}/api/tasks/${body['task_id']}`])
  const task = (await (await fetch(`${url}${body['urls'].self}?wait=5`)).json()) as Json
  expect(task['task_id']).toBe(body['task_id'])
})

test('it keeps its errors to itself', async () => {
  const { url } = await setup()
  const host = (await (await fetch(`${url}/nothing`)).json()) as Json
  const ours = (await (await fetch(`${url}/gate/nothing`)).json()) as Json
  expect([host['error'], ours['error_type']]).toEqual(['Not Found', 'not_found'])
})

test('it takes uploads in a host that takes some itself', async () => {
  const { url } = await setup({ before: async (app) => void (await app.register(multipart)) })
  const form = new FormData()
  form.append('file', new Blob(['A sentence of a text that is long enough.']), 'a.txt')
  expect((await fetch(`${url}/gate/analyze-document`, { method: 'POST', body: form })).status).toBe(202)
})

test('when the host closes, readers hear of it and of what still ends', async () => {
  const { app, url, post } = await setup()
  const { body } = await post('/gate/slow', { ms: 300 })
  const stream = await fetch(`${url}${body['urls'].events}`)
  let text = ''
  let closed: Promise<void> | undefined
  for await (const chunk of stream.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk
    if (text.includes('"type":"started"')) closed ??= app.close()
  }
  await closed
  const types = [...text.matchAll(/^data: .*?"type":"(\w+)"/gm)].map((match) => match[1])
  expect(types).toEqual(['snapshot', 'queued', 'started', 'shutdown', 'result'])
})

test.each([
  [{ MAX_CONCURRENT_ANALYSIS_TASKS: -1 }, 'MAX_CONCURRENT_ANALYSIS_TASKS="-1"'],
  [{ ANALYSIS_TASK_TIMEOUT: 'soon' }, 'ANALYSIS_TASK_TIMEOUT="soon"'],
  [{ slots: 5 }, 'there is no such setting'],
])('the setting %j is refused at the start', async (settings, message) => {
  await expect(Fastify().register(headgate, { prefix: '/gate', settings })).rejects.toThrow(message)
})

test('it needs a prefix', async () => {
  await expect(Fastify().register(headgate, {} as never)).rejects.toThrow('expected a path such as /headgate')
})

test.each([
  [false, []],
  [['summarize'] as const, ['summarize']],
  [true, ['summarize', 'analyze-pdf', 'analyze-document']],
])('with builtins: %j these built-in tasks are served: %j', async (builtins, served) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'headgate-plugin-'))
  const app = Fastify()
  await app.register(headgate, { prefix: '/gate', builtins, settings: { DATA_DIR: dataDir } })
  onTestFinished(async () => {
    await app.close()
    await rm(dataDir, { recursive: true, force: true })
  })
  const { paths } = (await app.inject('/gate/openapi.json')).json() as Json
  const names = ['summarize', 'analyze-pdf', 'analyze-document']
  expect(names.filter((name) => `/${name}` in (paths as object))).toEqual(served)
})
