import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { z } from 'zod'
import { PROBLEM_STATUS } from '../../src/http/problem/problem.ts'
import { streamMessage } from '../../src/http/openapi/events.ts'
import * as queueReplies from '../../src/http/schemas/queue-responses.ts'
import * as replies from '../../src/http/schemas/responses.ts'
import { defineTask } from '../../src/index.ts'
import { ROOT } from '../support/process.ts'
import { startServer, type Json } from '../support/server.ts'

const odd = defineTask({
  type: 'odd',
  // Parts that JSON Schema has no words for.
  input: z.object({
    when: z.date().optional(),
    how: z.custom<string>().optional(),
    text: z.string().describe('Any.'),
  }),
  run: ({ text }, ctx) => {
    ctx.progress(50, 'Half', { stage: 'reading', step: 1, totalSteps: 2 })
    ctx.log('a line')
    ctx.output('text')
    return text
  },
})

async function setup() {
  const server = await startServer({ tasks: [odd] })
  const { body } = await server.get('/openapi.json')
  return { ...server, document: body }
}

test('the description is clean under a linter', async () => {
  const { document } = await setup()
  const folder = await mkdtemp(join(tmpdir(), 'headgate-openapi-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'openapi.json')
  await writeFile(file, JSON.stringify(document))
  const redocly = join(ROOT, 'node_modules/@redocly/cli/bin/cli.js')
  const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' }
  const { stdout } = await promisify(execFile)(process.execPath, [redocly, 'lint', '--format=json', file], {
    env,
    cwd: folder,
  })
  const { totals, problems } = JSON.parse(stdout) as { totals: Json; problems: { message: string }[] }
  expect(problems.map(({ message }) => message)).toEqual([])
  expect(totals).toMatchObject({ errors: 0, warnings: 0 })
})

test('every route is described, and nothing else', async () => {
  const { document, app } = await setup()
  const described = Object.entries(document['paths'] as Record<string, Json>).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  )
  for (const route of described) {
    const [method = '', path = ''] = route.split(' ')
    const url = path.replace(/\{(\w+)\}/g, ':$1')
    expect(app.hasRoute({ method, url }), route).toBe(true)
  }
  const text = app.printRoutes({ commonPrefix: false })
  const count = [...text.matchAll(/\(([A-Z, ]+)\)/g)].flatMap((match) => (match[1] ?? '').split(', '))
  // The pages are not described: /, /ui, the files of /ui and of /docs.
  expect(described.length).toBe(count.filter((method) => method !== 'HEAD').length - 4)
})

test('every operation names its problems, each with an example of just that code', async () => {
  const { document } = await setup()
  const SHARED = '#/components/responses/'
  const inPlace: string[] = []
  for (const [path, operations] of Object.entries<Json>(document['paths'])) {
    for (const [method, operation] of Object.entries(operations)) {
      expect(operation['summary'], `${method} ${path}`).toMatch(/^[A-Z]/)
      for (const [status, given] of Object.entries<Json>(operation['responses'])) {
        const ref = given['$ref'] as string | undefined
        const reply = ref === undefined ? given : document['components'].responses[ref.replace(SHARED, '')]
        const examples = reply['content']?.['application/problem+json']?.examples ?? {}
        // An upgrade that fails is described on its own.
        if (
          ref === undefined &&
          status !== 'default' &&
          'application/problem+json' in (given['content'] ?? {})
        )
          inPlace.push(`${method} ${path} ${status}`)
        if (ref !== undefined) expect(Object.keys(examples), ref).not.toEqual([])
        for (const [code, example] of Object.entries<Json>(examples)) {
          expect(PROBLEM_STATUS[code as keyof typeof PROBLEM_STATUS]).toBe(Number(status))
          expect(example['value'].type).toBe(`urn:headgate:problem:${code}`)
        }
      }
    }
  }
  // What many operations answer is described once: a page of documentation reads all of it for each operation.
  expect(inPlace).toEqual([])
})

test('examples of replies fit the schemas that they stand beside', async () => {
  const { document } = await setup()
  const at = (path: string, method: string, status: string) =>
    document['paths'][path][method].responses[status].content['application/json'].example as unknown
  expect(replies.submitReply.parse(at('/summarize', 'post', '202'))).toEqual(at('/summarize', 'post', '202'))
  expect(replies.taskList.parse(at('/api/tasks', 'get', '200'))).toEqual(at('/api/tasks', 'get', '200'))
  expect(queueReplies.statsReply.parse(at('/api/queue/stats', 'get', '200'))).toEqual(
    at('/api/queue/stats', 'get', '200'),
  )
  for (const [path, schema] of [
    ['/api/queue/capacity', queueReplies.capacityReply],
    ['/api/queue/forecast', queueReplies.forecastReply],
  ] as const) {
    expect(schema.parse(at(path, 'get', '200'))).toEqual(at(path, 'get', '200'))
  }
  expect(replies.healthReply.parse(at('/api/health', 'get', '200'))).toEqual(at('/api/health', 'get', '200'))
})

test('real replies are just what is described', async () => {
  const { get, post, ended } = await setup()
  const { body: submitted } = await post('/odd', { text: 'x' })
  const id = submitted['task_id'] as string
  await ended(id)
  const read = async (path: string) => (await get(path)).body
  const bodies: [z.ZodType, Json][] = [
    [replies.submitReply, submitted],
    [replies.taskWithResult, await read(`/api/tasks/${id}`)],
    [replies.statusReply, await read(`/api/tasks/${id}/status`)],
    [replies.taskList, await read('/api/tasks')],
    [queueReplies.queueTasksReply, await read('/api/queue/tasks')],
    [queueReplies.statsReply, await read('/api/queue/stats')],
    [queueReplies.capacityReply, await read('/api/queue/capacity?priority=HIGH')],
    [queueReplies.forecastReply, await read('/api/queue/forecast?run_seconds=60&target_p90_seconds=30')],
    [queueReplies.controlReply, (await post('/api/queue/resume', { scope: 'intake' })).body],
    [queueReplies.batchReply, (await post('/api/tasks/batch', { tasks: [{ type: 'no', input: 1 }] })).body],
    [replies.healthReply, await read('/api/health')],
    [replies.liveReply, await read('/health/live')],
    [replies.readyReply, await read('/health/ready')],
    [replies.ticketReply, (await post(`/api/tasks/${id}/ticket`)).body],
    [replies.problemReply, await read('/api/tasks/none')],
  ]
  for (const [schema, body] of bodies) expect(schema.parse(body)).toEqual(body)
})

test('real messages of a stream are just what /events.schema.json describes', async () => {
  const { post, ws, get } = await setup()
  const { body } = await post('/odd', { text: 'x' })
  const socket = new WebSocket(ws + body['urls'].ws)
  const frames: Json[] = []
  socket.on('message', (data: Buffer) => frames.push(JSON.parse(data.toString()) as Json))
  await new Promise((resolve) => socket.on('close', resolve))
  expect(new Set(frames.map((frame) => frame['type']))).toEqual(
    new Set(['snapshot', 'queued', 'started', 'progress', 'log', 'output', 'result']),
  )
  for (const frame of frames) expect(streamMessage.parse(frame)).toEqual(frame)
  const { body: schema } = await get('/events.schema.json')
  expect(schema).toMatchObject({
    $id: '/events.schema.json',
    $schema: 'https://json-schema.org/draft/2020-12/schema',
  })
})

test('what a form and a filter take is described as theirs', async () => {
  const { document } = await setup()
  const { paths } = document as { paths: Record<string, Json> }
  const form = paths['/analyze-pdf']!['post'].requestBody.content['multipart/form-data'].schema.properties
  expect(Object.keys(form)).toEqual(expect.arrayContaining(['file', 'priority', 'force']))
  const filters = paths['/api/tasks']!['get'].parameters as Json[]
  expect(filters.find(({ name }) => name === 'priority')).toMatchObject({ description: 'Of this level.' })
})

test('the page to browse it loads nothing from elsewhere', async () => {
  const { get } = await setup()
  const page = await get('/docs')
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self'")
  expect(page.text).not.toMatch(/https?:\/\//)
  for (const [, path = ''] of page.text.matchAll(/(?:src|href)="(\/[^"]+)"/g)) {
    expect((await get(path)).status, path).toBe(200)
  }
  expect((await get('/docs/package.json')).status).toBe(404)
  expect((await get('/docs/..%2fpackage.json')).status).toBe(404)
})

test('a type that describes its result has it in the reply of a submit that waits', async () => {
  const typed = defineTask({
    type: 'typed',
    input: z.object({}),
    output: z.object({ words: z.number(), made: z.custom<Date>() }),
    run: () => ({ words: 3, made: new Date(0) }),
  })
  const { get } = await startServer({ tasks: [typed] })
  const document = (await get('/openapi.json')).body
  const reply = document['paths']['/typed'].post.responses['200'].content['application/json'].schema
  const result = (reply.anyOf as Json[]).map(({ properties }) => properties?.result).find(Boolean)
  expect(result).toMatchObject({ type: 'object', properties: { words: { type: 'number' } } })
  expect(() =>
    defineTask({ type: 'wrong', input: z.object({}), output: {} as z.ZodString, run: () => '' }),
  ).toThrow(/expected a zod schema.*output/)
})
