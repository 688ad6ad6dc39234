import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import { expectStatus, getJson } from './replies.ts'
import { quantile } from './support.ts'

const REQUESTS = 400
const PAUSE_MS = 10
/** Text of 50 MB takes more memory than a reader may have. */
export const DOCUMENT_MB = 10
const SPIN_LIMIT_SECONDS = 5
/** Long texts take longer than that. */
const READING_LIMIT_SECONDS = 120

export interface ParsingResult {
  /** p99 of GET /api/queue/stats, ms. */
  readonly idle: number
  readonly whileParsing: number
  /** How the spinning document ended, and how long after its limit its child was dead, s. */
  readonly spinError: string
  readonly spinOverrun: number
}

/** Answers of the stats while long documents are read, and the end of a document that makes its reader spin. */
export async function parsingBench(): Promise<ParsingResult> {
  const reading = await startServer(READING_LIMIT_SECONDS)
  const { url } = reading
  await statsTimes(url)
  const idle = quantile(await statsTimes(url), 0.99)

  const documents = await Promise.all(Array.from({ length: 3 }, (_, index) => upload(url, bigText(index))))
  const whileParsing = quantile(await statsTimes(url), 0.99)
  for (const id of documents) {
    const { status, error } = await ended(url, id)
    if (status !== 'completed') throw new Error(`a document ended as ${status}: ${JSON.stringify(error)}`)
  }

  await reading.stop()

  const spinning = await startServer(SPIN_LIMIT_SECONDS)
  const id = await upload(spinning.url, `<html><body>${'<p>a <b>b</b> '.repeat(1_000_000)}`)
  const task = await ended(spinning.url, id)
  if (task.error?.error_type !== 'input_rejected')
    throw new Error(`a document that spins ended as ${task.status}`)
  await spinning.stop()
  return {
    idle,
    whileParsing,
    spinError: task.error?.error_type ?? task.status,
    spinOverrun: task.run_ms / 1000 - SPIN_LIMIT_SECONDS,
  }
}

/** A server whose documents may use so much processor time. */
async function startServer(cpuSeconds: number) {
  const server = fork(fileURLToPath(new URL('http-server.ts', import.meta.url)), ['headgate'], {
    env: { ...process.env, PARSER_CPU_SECONDS: `${cpuSeconds}` },
  })
  const [port] = (await once(server, 'message')) as [number]
  const stop = async () => {
    const exited = once(server, 'exit')
    server.disconnect()
    await exited
  }
  return { url: `http://127.0.0.1:${port}`, stop }
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

/** Prose, another one for each number: equal ones would be one task. */
function bigText(number: number): string {
  const line = `Number ${number}: a bounded queue protects a slow service from more requests than it can take at one time. `
  return line.repeat(Math.floor((DOCUMENT_MB * 1024 * 1024) / line.length))
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
