import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { freePort, ROOT, spawnBound } from './process.ts'

/** What each program needs beside its documented lines, and how it is started in the foreground. */
const PROXIES = {
  haproxy: {
    wrap: (documented: string, port: number) => documented.replace('bind :80', `bind 127.0.0.1:${port}`),
    args: (file: string) => ['-f', file, '-db'],
  },
  apache: {
    wrap: (documented: string, port: number, folder: string) => `
      ServerRoot ${folder}
      PidFile ${folder}/pid
      ErrorLog ${folder}/errors
      ServerName localhost
      Listen 127.0.0.1:${port}
      ${['mpm_event', 'authz_core', 'proxy', 'proxy_http', 'filter', 'deflate'].map(loadModule).join('\n')}
      AddOutputFilterByType DEFLATE application/json text/html text/event-stream
      ${documented}`,
    args: (file: string) => ['-f', file, '-DFOREGROUND'],
  },
  caddy: {
    wrap: (documented: string, port: number) =>
      `{\n  admin off\n  auto_https off\n}\n${documented.replace('http://:80', `http://127.0.0.1:${port}`)}`,
    args: (file: string) => ['run', '--config', file, '--adapter', 'caddyfile'],
  },
} as const
export type OtherProxy = keyof typeof PROXIES

function loadModule(name: string): string {
  return `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`
}

/**
 * A proxy with its lines of docs/operations.md in front of a server, ended with the test.
 *
 * @returns its address
 */
export async function startProxy(name: OtherProxy, program: string, server: string): Promise<string> {
  const text = await readFile(join(ROOT, 'docs/operations.md'), 'utf8')
  const documented = new RegExp(`\`\`\`${name}\\n([\\s\\S]*?)\`\`\``).exec(text)?.[1]
  if (documented === undefined) throw new Error(`docs/operations.md has no configuration of ${name}`)
  const folder = await mkdtemp(join(tmpdir(), `headgate-${name}-`))
  const port = await freePort()
  const { wrap, args } = PROXIES[name]
  const file = join(folder, 'proxy.conf')
  await writeFile(file, wrap(documented.replace('127.0.0.1:8001', new URL(server).host), port, folder))
  const env = { ...process.env, HOME: folder }
  const child = spawnBound(program, args(file), { stdio: ['ignore', 'ignore', 'pipe'], env })
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  const exited = once(child, 'exit')
  onTestFinished(async () => {
    child.kill('SIGTERM')
    // Caddy waits for streams that a failed test has left open.
    const late = setTimeout(() => child.kill('SIGKILL'), 3000)
    await exited
    clearTimeout(late)
    await rm(folder, { recursive: true, force: true })
  })
  const url = `http://127.0.0.1:${port}`
  for (;;) {
    if (child.exitCode !== null) throw new Error(`${name} has ended: ${errors}`)
    const reply = await fetch(`${url}/health/ready`).catch(() => null)
    if (reply?.ok === true) return url
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
