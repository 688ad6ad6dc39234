import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import { expectStatus, getJson } from './replies.ts'
import { quantile } from './support.ts'

const REQUESTS = 400
const PAUSE_MS = 10
const SPIN_LIMIT_SECONDS = 5

export interface ParsingResult {
  /** p99 of GET /api/queue/stats, ms. */
  readonly idle: number
  readonly whileParsing: number
  /** How the spinning document ended, and how long after its limit its child was dead, s. */
  readonly spinError: string
  readonly spinOverrun: number
}

/** Answers of the stats while 50 MB documents are read, and the end of a document that makes its reader spin. */
export async function parsingBench(): Promise<ParsingResult> {
  const server = fork(fileURLToPath(new URL('http-server.ts', import.meta.url)), ['headgate'], {
    env: { ...process.env, PARSER_CPU_SECONDS: `${SPIN_LIMIT_SECONDS}` },
  })
  const [port] = (await once(server, 'message')) as [number]
  const url = `http://127.0.0.1:${port}`
  await statsTimes(url)
  const idle = quantile(await statsTimes(url), 0.99)

  const documents = await Promise.all(Array.from({ length: 3 }, (_, index) => upload(url, bigText(index))))
  const whileParsing = quantile(await statsTimes(url), 0.99)
  for (const id of documents) {
    const { status } = await ended(url, id)
    if (status !== 'completed') throw new Error(`a document ended as ${status}`)
  }

  const spinning = await upload(url, `<html><body>${'<div>'.repeat(60_000)}text`)
  const task = await ended(url, spinning)
  const exited = once(server, 'exit')
  server.disconnect()
  await exited
  return {
    idle,
    whileParsing,
    spinError: task.error?.error_type ?? task.status,
    spinOverrun: task.run_ms / 1000 - SPIN_LIMIT_SECONDS,
  }
}

async function statsTimes(url: string): Promise<number[]> {
  const times: number[] = []
  for (let request = 0; request < REQUESTS; request += 1) {
    const startedAt = performance.now()
    await (await expectStatus(await fetch(`${url}/api/queue/stats`), 200)).arrayBuffer()
    times.push(performance.now() - startedAt)
    await sleep(PAUSE_MS)
  }
  return times
}

/** 50 MB of prose, another one for each number: equal ones would be one task. */
function bigText(number: number): string {
  const line = `Number ${number}: a bounded queue protects a slow service from more requests than it can take at one time. `
  return line.repeat(Math.floor((50 * 1024 * 1024 - 1000) / line.length))
}

async function upload(url: string, content: string): Promise<string> {
  const form = new FormData()
  form.append('file', new Blob([content]), 'file')
  const response = await fetch(`${url}/analyze-document`, { method: 'POST', body: form })
  return ((await (await expectStatus(response, 202)).json()) as { task_id: string }).task_id
}

async function ended(url: string, id: string) {
  for (;;) {
    const task = await getJson<{
      done: boolean
      status: string
      run_ms: number
      error: { error_type: string } | null
    }>(`${url}/api/tasks/${id}?wait=30`)
    if (task.done) return task
  }
}
