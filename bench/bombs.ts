import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import { readUsage } from '../src/analysis/sandbox/usage.ts'
import { expectStatus } from './replies.ts'
import { docxOf, zipOf } from '../test/support/zip.ts'

/**
 * `npm --prefix bench run bombs`: files that want to bring a server down, two at a time: how each ends, what its reader
 * held at most, and how the stats were answered meanwhile.
 */

const MB = 1024 * 1024
const CAP_MB = 512
const CPU_SECONDS = 10
const AT_ONCE = 2
const LOOK_MS = 20

const zeros = Buffer.alloc(400 * MB)
const word = 'A bounded queue protects a slow service from more requests than it can take. '
const entity =
  '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY f SYSTEM "file:///etc/passwd">]>'
const page = (body: string) => `<!DOCTYPE html><html><head><title>T</title></head><body>${body}</body></html>`
const cycle =
  '%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 1000000 >>\nendobj\ntrailer\n<< /Size 3 /Root 1 0 R >>\n%%EOF\n'

const FILES: Readonly<Record<string, () => Buffer | string>> = {
  'docx of 400 MB of zeros': () => docxOf(['x'], [{ name: 'word/media/zeros', data: zeros }]),
  'docx that claims 10 bytes': () =>
    docxOf(['x'], [{ name: 'word/lie', data: zeros.subarray(0, 50 * MB), claimedBytes: 10 }]),
  'docx of entities': () => docxOf(['&c; and &f;'], [], entity),
  'docx of 6000 entries': () =>
    docxOf(
      ['x'],
      Array.from({ length: 6000 }, (_, index) => ({ name: `word/${index}`, data: 'x' })),
    ),
  'docx of 90 MB of text': () => docxOf(Array.from({ length: 60_000 }, () => word.repeat(18))),
  'archive inside an archive': () =>
    docxOf(
      ['x'],
      [{ name: 'word/inner.zip', data: zipOf([{ name: 'zeros', data: zeros.subarray(0, 99 * MB) }]) }],
    ),
  'page of 60 000 nested elements': () => page('<div>'.repeat(60_000)),
  'page of 1 000 000 elements': () => page('<p>Some words.</p>'.repeat(1_000_000)),
  'page of 1 000 000 attributes': () =>
    page(`<p ${Array.from({ length: 1_000_000 }, (_, index) => `a${index}=1`).join(' ')}>x</p>`),
  'page of 45 MB of text': () => page(`<article><p>${word.repeat((45 * MB) / word.length)}</p></article>`),
  'text of one line of 45 MB': () => 'x'.repeat(45 * MB),
  'PDF whose pages hold themselves': () => cycle,
  'PDF that is cut off': () => cycle.slice(0, 80),
  'program called a document': () => readFileSync('/bin/true'),
}

const server = fork(fileURLToPath(new URL('http-server.ts', import.meta.url)), ['headgate'], {
  env: { ...process.env, PARSER_MEMORY_MB: `${CAP_MB}`, PARSER_CPU_SECONDS: `${CPU_SECONDS}` },
})
const [port] = (await once(server, 'message')) as [number]
const url = `http://127.0.0.1:${port}`
const over = new AbortController()
let peakMb = 0
const watcher = fork(fileURLToPath(new URL('stats-watch.ts', import.meta.url)), [url])
const watching = watchReaders()
const left = Object.entries(FILES)
await Promise.all(Array.from({ length: AT_ONCE }, drop))
over.abort()
watcher.send('over')
const [{ p50, p99, count }] = (await once(watcher, 'message')) as [Record<'p50' | 'p99' | 'count', number>]
await watching
const isAlive = (await fetch(`${url}/health/live`)).ok
console.log(
  `server ${isAlive ? 'alive' : 'DEAD'}; stats p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms (aim ≤ 20) of ${count}`,
)
console.log(
  `readers held ${peakMb.toFixed(0)} MB at most: ${(peakMb / CAP_MB).toFixed(2)} × their cap of ${CAP_MB} MB (aim ≤ 1.2)`,
)
const exited = once(server, 'exit')
server.disconnect()
await exited

async function drop(): Promise<void> {
  for (let next = left.shift(); next !== undefined; next = left.shift()) {
    const [name, make] = next
    const startedAt = performance.now()
    const end = await endOf(make())
    console.log(`${name}: ${end}, ${((performance.now() - startedAt) / 1000).toFixed(1)} s`)
  }
}

async function endOf(content: Buffer | string): Promise<string> {
  const form = new FormData()
  form.append('file', new Blob([content]), 'file')
  const response = await expectStatus(
    await fetch(`${url}/analyze-document`, { method: 'POST', body: form }),
    202,
    413,
    415,
    422,
  )
  const { task_id: id, error_type: refusal } = (await response.json()) as {
    task_id?: string
    error_type?: string
  }
  if (id === undefined) return `refused, ${response.status} ${refusal}`
  for (;;) {
    const task = (await (await expectStatus(await fetch(`${url}/api/tasks/${id}?wait=20`), 200)).json()) as {
      done: boolean
      status: string
      error: { error_type: string } | null
    }
    if (task.done) return task.error?.error_type ?? task.status
  }
}

/** Resident memory of the server's children, from /proc. */
async function watchReaders(): Promise<void> {
  while (!over.signal.aborted) {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
        const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
        if (parent !== server.pid) continue
        peakMb = Math.max(peakMb, (readUsage(Number(pid))?.memoryBytes ?? 0) / MB)
      } catch {
        // It has ended meanwhile.
      }
    }
    await sleep(LOOK_MS)
  }
}
