import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { setup } from '../support/model-reports.ts'
import { ROOT } from '../support/process.ts'
import { startServer, tokenFor } from '../support/server.ts'

/** `name{labels}` → value. */
function read(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => [
      line.slice(0, line.lastIndexOf(' ')),
      Number(line.slice(line.lastIndexOf(' ') + 1)),
    ]),
  )
}

test('the metrics tell the queue and what models have used and cost', async () => {
  const modelPrices = new Map([['gpt-4.1-mini', { input: 1_000_000, output: 0 }]])
  const { report, models, get } = await setup(undefined, { settings: { modelPrices } })
  const { result } = await report()
  await report({ engine: 'extractive' })
  const { status, headers, text } = await get('/metrics')
  expect([status, headers.get('content-type')]).toEqual([200, expect.stringContaining('text/plain')])
  const numbers = read(text)
  expect(numbers.get('headgate_finished_total{outcome="completed"}')).toBe(2)
  expect(numbers.get('headgate_workers{state="idle"}')).toBe(3)
  expect(numbers.get('headgate_tasks{status="queued",priority="NORMAL"}')).toBe(0)
  const model = 'model="openai:gpt-4.1-mini"'
  expect(numbers.get(`headgate_model_calls_total{${model}}`)).toBe(models.calls.length)
  expect(numbers.get(`headgate_model_tokens_total{${model},direction="in"}`)).toBe(result.usage.input_tokens)
  expect(numbers.get(`headgate_model_cost_usd_total{${model}}`)).toBe(result.usage.input_tokens)
  // Asked again, nothing is counted twice.
  expect(read((await get('/metrics')).text).get('headgate_finished_total{outcome="completed"}')).toBe(2)
})

test('the alerts of deploy/ are on metrics that there are', async () => {
  const alerts = await readFile(join(ROOT, 'deploy/prometheus-alerts.yaml'), 'utf8')
  const { get } = await startServer()
  const names = [...read((await get('/metrics')).text).keys()]
  const used = [...alerts.matchAll(/\b(headgate_\w+)(?:\{(\w+="\w+")\})?/g)]
  expect(used.length).toBeGreaterThan(5)
  for (const [, name = '', label = ''] of used) {
    expect(names).toContainEqual(expect.stringMatching(new RegExp(`^${name}(\\{.*${label}.*\\})?$`)))
  }
})

test('the metrics are for operators alone', async () => {
  const [caller, operator] = [tokenFor('a'), tokenFor('b', { role: 'operator' })]
  const server = await startServer({ settings: { tokens: [caller.record, operator.record] } })
  expect((await server.get('/metrics')).status).toBe(401)
  expect((await server.get('/metrics', caller.headers)).status).toBe(403)
  expect((await server.get('/metrics', operator.headers)).status).toBe(200)
})

test('an event loop that is not late has no delay of 20 ms, however often it is looked at', async () => {
  const { get } = await startServer()
  const lag = async () => read((await get('/metrics')).text).get('headgate_event_loop_lag_seconds')
  await expect.poll(lag, { timeout: 30_000, interval: 200 }).toBeLessThan(0.015)
})
