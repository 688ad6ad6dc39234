import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
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

  const documents = await Promise.all(Array.from({ length: 3 }, () => upload(url, bigText())))
  const whileParsing = quantile(await statsTimes(url), 0.99)
  for (const id of documents) await ended(url, id)

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
    await (await fetch(`${url}/api/queue/stats`)).arrayBuffer()
    times.push(performance.now() - startedAt)
    await sleep(PAUSE_MS)
  }
  return times
}

/** 50 MB of prose. */
function bigText(): string {
  const line = 'A bounded queue protects a slow service from more requests than it can take at one time. '
  return line.repeat(Math.floor((50 * 1024 * 1024 - 1000) / line.length))
}

async function upload(url: string, content: string): Promise<string> {
  const form = new FormData()
  form.append('file', new Blob([content]), 'file')
  const response = await fetch(`${url}/analyze-document`, { method: 'POST', body: form })
  return ((await response.json()) as { task_id: string }).task_id
}

async function ended(url: string, id: string) {
  for (;;) {
    const response = await fetch(`${url}/api/tasks/${id}?wait=30`)
    const task = (await response.json()) as {
      done: boolean
      status: string
      run_ms: number
      error: { error_type: string } | null
    }
    if (task.done) return task
  }
}
