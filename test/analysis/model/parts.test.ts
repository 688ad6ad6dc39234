import { expect, test } from 'vitest'
import { RescheduleError } from '../../../src/handler/retry/reschedule-error.ts'
import { enginesFor, createEngines } from '../../../src/analysis/write/engines.ts'
import { splitParts } from '../../../src/analysis/write/model/condense.ts'
import { readOutline } from '../../../src/analysis/write/model/outline.ts'
import { createModel } from '../../../src/analysis/llm/providers.ts'
import { createTokenCounter } from '../../../src/analysis/write/model/prepare-manuscript.ts'
import { OrderedOutput } from '../../../src/analysis/llm/ordered-output.ts'
import { inParallel } from '../../../src/analysis/llm/parallel.ts'
import { Spending } from '../../../src/analysis/llm/budget.ts'
import { reportFormats } from '../../../src/analysis/render/formats.ts'
import { renderHtml } from '../../../src/analysis/render/report-html.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

const setup = { url: 'http://127.0.0.1:1/v1', windowTokens: 4096 }
const model = (price: { input: number; output: number } | null = null) =>
  createModel('openai', { ...setup, model: 'gpt-4o' }, { price, fetch })

test('parts begin with the end of the part before, and leave no passage out', () => {
  const passages = Array.from({ length: 50 }, (_, index) => ({
    number: index + 1,
    text: '',
    kind: 'prose' as const,
    tokens: 84,
    page: null,
    seconds: null,
    heading: null,
  }))
  // A passage weighs 100 with its number: ten fit, half a part of overlap takes none or one.
  const parts = splitParts(passages, 4000)
  const numbers = parts.map((part) => part.map(({ number }) => number))
  expect(new Set(numbers.flat()).size).toBe(50)
  expect(numbers[1]?.slice(0, 2)).toEqual(numbers[0]?.slice(-2))
  for (const part of parts) expect(part.length).toBeLessThanOrEqual(40)
})

test.each([
  [
    '{"title":"T","summary":"S","key_points":[{"text":"P","sources":["1",2,"x"]}],"chapters":[{"title":"C","focus":"F"}]}',
    [1, 2],
  ],
  [
    "{title: 'T', summary: 'S', key_points: [{text: 'P', sources: [1]}], chapters: [{title: 'C', focus: 'F'}],}",
    [1],
  ],
])('an outline is read as models write it: %s', (text, sources) => {
  expect(readOutline(text)).toMatchObject({
    title: 'T',
    key_points: [{ sources }],
    chapters: [{ sources: [] }],
  })
})

test('an outline that is none gets an error of what is wrong with it', () => {
  expect(readOutline('Sorry.')).toBe('it holds no JSON object')
  expect(readOutline('{"title": "T"}')).toContain('summary')
})

test('parts are streamed in order, as they are written', () => {
  const streamed: string[] = []
  const output = new OrderedOutput((text) => streamed.push(text))
  output.write(1, 'b1')
  output.write(0, 'a1')
  output.write(1, 'b2')
  output.end(1)
  output.write(0, 'a2')
  output.end(0)
  output.write(2, 'c')
  expect(streamed).toEqual(['a1', 'a2', 'b1b2', 'c'])
})

test('after a failure nothing new begins, and what has begun is waited for', async () => {
  const log: string[] = []
  const slow = Promise.withResolvers<void>()
  const running = inParallel([0, 1, 2, 3], 2, async (item) => {
    log.push(`begin ${item}`)
    if (item === 0) throw new Error('no')
    await slow.promise
    log.push(`end ${item}`)
  })
  slow.resolve()
  await expect(running).rejects.toThrow('no')
  expect(log).toEqual(['begin 0', 'begin 1', 'end 1'])
})

test('what finds no room beside others is tried again after the next of them; alone it parks the task', async () => {
  const noRoom = () => new RescheduleError({ reason: 'resource', failure: null, until: null, resource: 'x' })
  let inFlight = 0
  let tries = 0
  const values = await inParallel([1, 2, 3, 4, 5], 5, async (item) => {
    tries += 1
    if (inFlight === 2) throw noRoom()
    inFlight += 1
    await new Promise((resolve) => setImmediate(resolve))
    inFlight -= 1
    return item * 10
  })
  expect(values).toEqual([10, 20, 30, 40, 50])
  expect(tries).toBeLessThan(15)
  await expect(inParallel([1], 3, () => Promise.reject(noRoom()))).rejects.toBeInstanceOf(RescheduleError)
})

test('tokens are those of the family, control words and long runs included', async () => {
  const count = await createTokenCounter('o200k_base')
  expect([count('hello world'), count('')]).toEqual([2, 0])
  expect(count('<|endoftext|>')).toBeGreaterThan(1)
  expect(count('a'.repeat(100_000))).toBeGreaterThan(1000)
  expect((await createTokenCounter('cl100k_base'))('hello world')).toBe(2)
})

test('a day has its budget, kept over a restart, and a new day another', async () => {
  const clock = new VirtualClock()
  const notes = new Map<string, string>()
  const store = {
    loadNote: (name: string) => Promise.resolve(notes.get(name)),
    saveNote: async (name: string, text: string) => void notes.set(name, text),
  }
  const options = { maxDayTokens: 1000, maxDayUsd: 1, clock }
  const first = new Spending(options)
  await first.start(store)
  first.assertOpen()
  await first.record(model({ input: 1, output: 2 }), { calls: 1, inputTokens: 600, outputTokens: 500 })
  expect(first.totals.get('openai:gpt-4o')).toMatchObject({ calls: 1, usd: (600 + 1000) / 1_000_000 })

  const second = new Spending(options)
  await second.start(store)
  expect(() => second.assertOpen()).toThrow("The day's budget for models, 1000 tokens, is used up.")
  clock.advance(24 * 3600 * 1000)
  second.assertOpen()
})

test('engines are those that are set up, in their order; without one the extractive engine stands in', () => {
  const openai = model()
  expect(createEngines(['gemini', 'openai', 'extractive'], [openai]).map(({ kind }) => kind)).toEqual([
    'llm',
    'extractive',
  ])
  expect(createEngines(['gemini'], [])).toEqual([{ kind: 'extractive' }])
  const engines = createEngines(['openai'], [openai])
  expect(enginesFor(engines, 'extractive')).toEqual([{ kind: 'extractive' }])
  expect(enginesFor(engines, undefined)).toHaveLength(1)
})

test('reports of before can be had as files too', async () => {
  const old = {
    title: 'T',
    language: 'en',
    filename: 't-00.md',
    hash: '00',
    engine: 'extractive',
    keywords: [],
    markdown: '# T\n',
  }
  for (const format of Object.values(reportFormats(async (report) => renderHtml(report)))) {
    expect((await format.write(old, 0)).text).toContain('T')
  }
})
