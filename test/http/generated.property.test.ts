import * as fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { anything, fitting, type Schema } from '../support/from-schema.ts'
import { startProcess } from '../support/process.ts'
import { tokenFor } from '../support/server.ts'

interface Parameter {
  readonly in: 'query' | 'path'
  readonly name: string
  readonly schema: Schema
}
interface Operation {
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> }
  readonly responses: Readonly<Record<string, unknown>>
}
interface Request {
  readonly method: string
  readonly path: string
  readonly url: string
  readonly body: unknown
  readonly isUpload: boolean
  readonly statuses: readonly string[]
}

const REQUESTS = Number(process.env['GENERATED_REQUESTS'] ?? 20_000)
const AT_ONCE = 16
const MB = 1024 * 1024
const LEAKS = /\n\s+at |node_modules|node:internal|\/src\//

test(
  '20 000 requests made from the description get only what it names, and memory stays flat',
  // A machine that is busy with other work answers a hundred requests a second.
  { timeout: 600_000 },
  async () => {
    const { token, record } = tokenFor('ann')
    const limits = {
      RATE_LIMIT_PER_MINUTE: '0',
      ADDRESS_RATE_LIMIT_PER_MINUTE: '0',
      MAX_CONCURRENT_ANALYSIS_TASKS: '0',
    }
    const { url, child } = await startProcess({
      ...limits,
      // With room for gigabytes V8 collects late: what it has not collected yet is no leak.
      NODE_OPTIONS: '--max-old-space-size=150',
      ANALYSIS_QUEUE_MAX_SIZE: '200',
      TOKENS: `ann:${record.sha256}`,
    })
    const headers = { authorization: `Bearer ${token}` }
    const known = await Promise.all(
      Array.from({ length: 5 }, async () => {
        const json = { ...headers, 'content-type': 'application/json' }
        const reply = await fetch(`${url}/summarize`, {
          method: 'POST',
          headers: json,
          body: '{"text":"A known task."}',
        })
        return ((await reply.json()) as { task_id: string }).task_id
      }),
    )
    const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as {
      paths: Record<string, Record<string, Operation>>
    }
    const requests = fc.sample(requestOf(paths, known), REQUESTS)
    const memory: number[] = []
    const seen = new Map<string, number>()
    for (let at = 0; at < requests.length; at += AT_ONCE) {
      await Promise.all(
        requests.slice(at, at + AT_ONCE).map(async (request) => {
          const key = await send(url, headers, request)
          seen.set(key, (seen.get(key) ?? 0) + 1)
        }),
      )
      if (at % 1000 < AT_ONCE) memory.push(residentBytes(child.pid ?? 0))
    }
    expect(child.exitCode).toBeNull()
    expect([...seen.keys()].filter((key) => key.startsWith('5') && !key.startsWith('503'))).toEqual([])
    expect(leakedBytes(memory) / MB, memory.map((bytes) => Math.round(bytes / MB)).join(' ')).toBeLessThan(10)
    expect(Object.fromEntries(seen)).toMatchObject({
      200: expect.any(Number),
      422: expect.any(Number),
      404: expect.any(Number),
    })
  },
)

/** Requests to every operation that answers at once. */
function requestOf(
  paths: Record<string, Record<string, Operation>>,
  known: readonly string[],
): fc.Arbitrary<Request> {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    // Upgrades and pages are not for this kind of request.
    /ws|docs/.test(path)
      ? []
      : Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  )
  return fc.oneof(...operations.map((each) => requestTo(each, known)))
}

function requestTo(
  { path, method, operation }: { path: string; method: string; operation: Operation },
  known: readonly string[],
): fc.Arbitrary<Request> {
  const { parameters = [], requestBody, responses } = operation
  const [[type, { schema }] = ['', { schema: {} }]] = Object.entries(requestBody?.content ?? {})
  const isUpload = type.startsWith('multipart')
  return fc
    .record({
      query: fc.tuple(...parameters.filter((each) => each.in === 'query').map(queryOf)),
      extra: rarely(fc.tuple(fc.string(), fc.string())),
      id: fc.oneof(fc.constantFrom(...known), fc.string().filter(isOwnSegment), fc.uuid()),
      body: type === '' ? fc.constant(undefined) : anything(schema),
    })
    .map(({ query, extra, id, body }) => {
      const pairs = [...query.flat(), ...(extra === null ? [] : [extra])]
      const search = pairs
        .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
        .join('&')
      const at = path.replace('{id}', encodeURIComponent(id))
      return {
        method,
        path,
        url: search === '' ? at : `${at}?${search}`,
        body,
        isUpload,
        statuses: Object.keys(responses),
      }
    })
}

/** `.` and `..` are resolved before they are sent. */
function isOwnSegment(text: string): boolean {
  return !/^\.{0,2}$/.test(text)
}

function rarely<Value>(arbitrary: fc.Arbitrary<Value>): fc.Arbitrary<Value | null> {
  return fc.oneof({ weight: 19, arbitrary: fc.constant(null) }, { weight: 1, arbitrary })
}

/** A parameter left out, as it should be, or as it should not. A long poll is kept short. */
function queryOf({ name, schema }: Parameter): fc.Arbitrary<[string, string][]> {
  const good = name === 'wait' ? fc.constantFrom(0, 61, -1) : fitting(schema)
  const value = fc.oneof(
    { weight: 3, arbitrary: good },
    { weight: 1, arbitrary: name === 'wait' ? fc.constant('x') : fc.string() },
  )
  return fc.option(value).map((given) => (given === null ? [] : [[name, given as string]]))
}

/** Sends one request and checks its reply against its description; returns the status. */
async function send(url: string, headers: Record<string, string>, request: Request): Promise<string> {
  const { method, path, url: at, body, isUpload, statuses } = request
  const form = isUpload ? formOf(body) : undefined
  const json = form === undefined && body !== undefined ? JSON.stringify(body) : undefined
  // An event stream does not end by itself.
  const limit = path.endsWith('/stream') ? { signal: AbortSignal.timeout(5000) } : {}
  const reply = await fetch(url + at, {
    method: method.toUpperCase(),
    headers: { ...headers, ...(json === undefined ? {} : { 'content-type': 'application/json' }) },
    ...((form ?? json) ? { body: form ?? json ?? '' } : {}),
    ...limit,
  })
  const what = `${method} ${at} ${json} → ${reply.status}`
  expect(statuses, what).toContain(`${reply.status}`)
  if (reply.headers.get('content-type')?.startsWith('text/event-stream') === true) await reply.body?.cancel()
  else {
    const text = await reply.text()
    expect(text, what).not.toMatch(LEAKS)
    if (reply.status >= 400 && !/^\/(health|api\/queue\/capacity)/.test(path)) {
      const { type, status } = JSON.parse(text) as { type: string; status: number }
      expect([type.startsWith('urn:headgate:problem:'), status], what).toEqual([true, reply.status])
    }
  }
  return `${reply.status}`
}

function formOf(body: unknown): FormData {
  const form = new FormData()
  const fields = typeof body === 'object' && body !== null ? Object.entries(body) : []
  for (const [name, value] of fields) {
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    if (name === 'file') form.append(name, new Blob([text.toWellFormed()]), 'file.txt')
    else form.append(name.toWellFormed(), text.toWellFormed())
  }
  return form
}

/**
 * How much the memory grew in each of the last two quarters. What is allocated once (a thread, a collection that
 * comes late) makes one of them larger, a leak both.
 */
function leakedBytes(memory: readonly number[]): number {
  const [, second = 0, third = 0, fourth = 0] = [0, 1, 2, 3].map((quarter) => {
    const from = (quarter * memory.length) / 4
    return median(memory.slice(from, from + memory.length / 4))
  })
  return Math.min(third - second, fourth - third)
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

function residentBytes(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4096
}
