import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { freePort, ROOT, spawnBound } from './process.ts'

/** The `location` of docs/operations.md. */
export async function documentedLocation(): Promise<string> {
  const text = await readFile(join(ROOT, 'docs/operations.md'), 'utf8')
  const location = /```nginx\n([\s\S]*?)```/.exec(text)?.[1]
  if (location === undefined) throw new Error('docs/operations.md has no configuration of nginx')
  return location
}

/**
 * A real nginx in the foreground with one `server` block, ended with the test.
 *
 * @param server directives of the block, `listen` left out
 * @returns its port on the loopback address
 */
export async function startNginx(program: string, server: string, listen = ''): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'headgate-nginx-'))
  const port = await freePort()
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join('\n')
  const configuration = `
    daemon off; worker_processes 1; pid ${folder}/pid; error_log stderr warn;
    events {}
    http {
      ${paths}
      access_log off;
      map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
      server { listen 127.0.0.1:${port} ${listen}; ${server} }
    }`
  await writeFile(join(folder, 'nginx.conf'), configuration)
  const args = ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr']
  const child = spawnBound(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  const exited = once(child, 'exit')
  onTestFinished(async () => {
    child.kill('SIGTERM')
    await exited
    await rm(folder, { recursive: true, force: true })
  })
  await untilListening(port, () => child.exitCode !== null && `nginx has ended: ${errors}`)
  return port
}

async function untilListening(port: number, ended: () => string | false): Promise<void> {
  for (;;) {
    const failure = ended()
    if (failure !== false) throw new Error(failure)
    const isUp = await fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    )
    if (isUp) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
