import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { FAILPOINTS } from '../../src/failpoints.ts'
import { createVictim, whenAllEnded } from './victim.ts'

/** Kills at each place; `npm run test:kill-points` makes it 20. */
const KILLS = Number(process.env['KILLS_PER_POINT'] ?? 1)
const STEPS = 3
const SECRET = `whsec_${Buffer.alloc(24, 7).toString('base64')}`

/** A receiver of webhooks. */
async function createReceiver() {
  const ids: string[] = []
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      ids.push(String(request.headers['webhook-id']))
      response.end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return { ids, host: `127.0.0.1:${(server.address() as AddressInfo).port}` }
}

/** One task of each kind; what is accepted before the server dies is remembered, with its result. */
async function submitAll(url: string, host: string, accepted: Map<string, unknown>): Promise<void> {
  const json = async (path: string, body: unknown, result: unknown) => {
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })
    if (response.status === 202)
      accepted.set(((await response.json()) as { task_id: string }).task_id, result)
  }
  const text = 'A file of a task. '.repeat(4000)
  const form = new FormData()
  form.append('file', new Blob([text]), 'file.txt')
  const upload = async () => {
    const response = await fetch(`${url}/digest`, { method: 'POST', body: form })
    const sha256 = createHash('sha256').update(text).digest('hex')
    if (response.status === 202)
      accepted.set(((await response.json()) as { task_id: string }).task_id, { sha256 })
  }
  const webhook = { url: `http://${host}/hook`, secret: SECRET }
  const echo = { type: 'echo', input: { n: 1, ms: 0 }, webhook }
  const all = [
    upload(),
    json('/steps', { count: STEPS }, { count: STEPS }),
    json('/api/tasks', echo, { n: 1 }),
  ]
  await Promise.all(all.map((each) => each.catch(() => undefined)))
}

test.each(FAILPOINTS)(
  `a process that ends at "%s" loses nothing, leaves nothing behind, and costs one run more at the most`,
  { timeout: 120_000 + KILLS * 12_000 },
  async (place) => {
    const receiver = await createReceiver()
    const { start, kill, query, deeds, folder } = await createVictim({
      FETCH_ALLOW_HOSTS: receiver.host,
      EVENT_RETENTION_HOURS: place === 'retention-deleted' ? '0' : '1',
    })
    const accepted = new Map<string, unknown>()
    const flags = ['--import', './test/kill/die-at.ts']
    for (let kills = 0; kills < KILLS; kills += 1) {
      // A round of the retention comes once a minute.
      const dieOn = place === 'retention-deleted' ? 1 : 1 + (kills % 3)
      const doomed = await start({ DIE_AT: place, DIE_ON: `${dieOn}` }, flags)
      // It may die while it starts, when what the one before left brings it to the place.
      for (let round = 0; round < 3 && doomed.url !== '' && doomed.child.exitCode === null; round += 1) {
        await submitAll(doomed.url, receiver.host, accepted)
      }
      await doomed.exited
      expect(doomed.child.signalCode).toBe('SIGKILL')
      if (kills === KILLS - 1) break
      const next = await start()
      await whenAllEnded(next.url)
      await kill(next)
    }
    const last = await start()
    await submitAll(last.url, receiver.host, accepted)
    await whenAllEnded(last.url)
    // A stop leaves what is not delivered to the next start.
    const pending = () => query('SELECT id FROM deliveries').length
    await expect.poll(pending, { timeout: 60_000 }).toBe(0)
    expect(new Set(receiver.ids).size).toBeGreaterThanOrEqual(1)
    last.child.kill('SIGTERM')
    await last.exited

    const tasks = query('SELECT id, type, status, state FROM tasks')
    const results = new Map(query('SELECT id, result FROM results').map((row) => [row['id'], row['result']]))
    for (const [id, result] of accepted) expect(results.get(id), id).toBe(JSON.stringify(result))
    expect(tasks.filter(({ status }) => status !== 'completed')).toEqual([])
    const ends = query("SELECT task_id FROM events WHERE type IN ('result', 'error')")
    expect(ends).toHaveLength(tasks.length)
    // Each kill interrupts a task once at the most, and each interruption costs one run more.
    for (const { id, type, state } of tasks) {
      const { interruptions } = JSON.parse(String(state)) as { interruptions: number }
      const runs = deeds().filter((deed) => deed === `${id} run`).length
      if (type === 'steps') expect(runs).toBeLessThanOrEqual(1 + interruptions)
      expect(interruptions).toBeLessThanOrEqual(1)
    }
    expect(query('SELECT * FROM deliveries')).toEqual([])
    const named = query('SELECT spool_id FROM tasks WHERE spool_id IS NOT NULL').map((row) =>
      String(row['spool_id']),
    )
    expect((await readdir(join(folder, 'data', 'spool'))).toSorted()).toEqual(named.toSorted())
  },
)
