import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { traceText, type Deed } from './trace.ts'

/** Records the workload's writes and syncs (needs strace) into `trace.json.gz`, from which the test replays. */

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const CALLS = 'trace=write,pwrite64,ftruncate,fsync,fdatasync'
const RECORDED = new Set(['journal.db', 'journal.db-wal', 'journal.expected', 'marks'])

const folder = mkdtempSync(join(tmpdir(), 'headgate-record-'))
const log = join(folder, 'strace')
const node = [process.execPath, '--conditions=headgate-source', here('workload.ts'), folder]
spawnSync('strace', ['-f', '-y', '-xx', '-s', '70000', '-e', CALLS, '-o', log, ...node], { stdio: 'inherit' })
const deeds = deedsOf(readFileSync(log, 'utf8').split('\n'))
writeFileSync(here('trace.json.gz'), gzipSync(traceText(deeds), { level: 9 }))
rmSync(folder, { recursive: true, force: true })
console.log(`${deeds.length} deeds, ${deeds.filter(({ kind }) => kind === 'mark').length} of them marks`)

function deedsOf(lines: readonly string[]): Deed[] {
  const deeds: Deed[] = []
  // What another thread interrupted in the log, by thread.
  const open = new Map<string, { readonly call: string; readonly file: string }>()
  for (const line of lines) {
    const [, thread = '', rest = ''] = /^(\d+) +(.*)$/s.exec(line) ?? []
    const resumed = /^<\.\.\. (\w+) resumed>/.exec(rest)
    const started = /^(\w+)\((\d+)<([^>]*)>/.exec(rest)
    const call = resumed?.[1] ?? started?.[1] ?? ''
    const file =
      resumed === null
        ? basename(started?.[3] === undefined ? '' : textOf(started[3]))
        : (open.get(thread)?.file ?? '')
    if (!RECORDED.has(file)) continue
    const isSync = call === 'fsync' || call === 'fdatasync'
    if (resumed === null) {
      if (isSync) deeds.push({ kind: 'sync-start', file, thread })
      else deeds.push(...writeOf(call, file, rest))
    }
    if (rest.endsWith('<unfinished ...>')) open.set(thread, { call, file })
    else if (isSync) deeds.push({ kind: 'sync-end', file, thread })
  }
  return deeds
}

function writeOf(call: string, file: string, rest: string): Deed[] {
  if (call === 'ftruncate') return [{ kind: 'truncate', file, size: Number(/, (\d+)/.exec(rest)?.[1]) }]
  const text = /"((?:\\x[0-9a-f]{2})*)"/.exec(rest)?.[1] ?? ''
  const bytes = Buffer.from(text.replaceAll('\\x', ''), 'hex')
  if (file === 'marks') return [{ kind: 'mark', text: bytes.toString().trim() }]
  const at = call === 'pwrite64' ? Number(/", \d+, (\d+)/.exec(rest)?.[1]) : 0
  return [{ kind: 'write', file, at, bytes }]
}

/** With -xx paths come as hex too. */
function textOf(path: string): string {
  return path.startsWith('\\x') ? Buffer.from(path.replaceAll('\\x', ''), 'hex').toString() : path
}
