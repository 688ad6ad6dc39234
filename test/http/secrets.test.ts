import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { rawRequest } from '../support/bad-input.ts'
import { startProcess } from '../support/process.ts'
import { tokenFor } from '../support/server.ts'

/** Words that must stay where they were sent: each is found again if it is repeated anywhere. */
function canaries() {
  const all: string[] = []
  const canary = () => {
    const word = `canary${all.length}x${Math.random().toString(36).slice(2)}`
    all.push(word)
    return word
  }
  return { all, canary }
}

/** A site that is trusted, and fails in every way. */
async function failingSite(): Promise<string> {
  const site = createServer((request, response) => {
    const status = Number(/\/(\d+)/.exec(request.url ?? '')?.[1] ?? 200)
    if (status === 302) response.writeHead(302, { location: 'http://10.0.0.1/' }).end()
    else if (status === 1) request.socket.destroy()
    else response.writeHead(status).end(status === 200 ? '\x00\x01\x02' : 'no')
  })
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void site.close())
  return `127.0.0.1:${(site.address() as AddressInfo).port}`
}

test('thirty secrets go through all routes and failures; none is in logs, events, problems or numbers', async () => {
  const { all, canary } = canaries()
  const site = await failingSite()
  const { token, record } = tokenFor('ann')
  const server = await startProcess({
    TOKENS: `ann:${record.sha256}`,
    LOG_LEVEL: 'trace',
    STOP_WAIT_SECONDS: '0',
    FETCH_ALLOW_HOSTS: site,
    TASKS_FILE: 'test/support/stop-tasks.ts',
  })
  const { url } = server
  const heard: string[] = []
  const send = async (
    path: string,
    init: Omit<RequestInit, 'headers'> & { headers?: Record<string, string> } = {},
  ) => {
    const headers = { authorization: `Bearer ${token}`, ...init.headers }
    const reply = await fetch(url + path, { ...init, headers })
    const text = await reply.text()
    heard.push(text, JSON.stringify([...reply.headers]))
    return { status: reply.status, text }
  }
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    send(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })

  // Callers who are not let in, and what else comes in headers and queries.
  await send('/api/tasks', { headers: { authorization: `Bearer ${canary()}` } })
  await send('/api/tasks', { headers: { authorization: `Basic ${canary()}` } })
  await send('/api/tasks', {
    headers: { cookie: `session=${canary()}`, 'x-api-key': canary(), 'user-agent': canary() },
  })
  await send(`/api/tasks?secret=${canary()}`)
  await send(`/api/tasks?cursor=${canary()}&type=${canary()}`)
  await send(`/api/queue/stats?secret=${canary()}`)
  await post('/obedient', {}, { origin: `https://${canary()}.example` })
  await post('/obedient', '{}', { 'content-type': `text/${canary()}` })
  await rawRequest(
    url,
    `GET / HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${canary()}\0\r\n\r\n`,
  ).then(({ text }) => heard.push(text))
  await rawRequest(url, `${canary()} / HTTP/1.1\r\n\r\n`).then(({ text }) => heard.push(text))

  // Bodies that are refused.
  await post('/api/tasks', `{"type":"obedient","input":"${canary()}`)
  await post('/api/tasks', { type: canary(), input: {} })
  await post('/api/tasks', { type: 'obedient', input: { secret: canary() } })
  await post('/api/tasks', { type: 'obedient', input: {}, priority: canary() })
  await post(`/obedient?priority=${canary()}`, {})
  await post('/summarize', { url: `http://ann:${canary()}@example.com/` })
  await post('/summarize', { url: `http://10.0.0.1/?key=${canary()}` })
  await post('/summarize', { url: canary(), language: canary() })
  const form = new FormData()
  form.append('secret', canary())
  form.append('file', new Blob([`\x00${canary()}`]), `${canary()}.exe`)
  await send('/analyze-document', { method: 'POST', body: form })

  // Work that fails, with what it was given.
  const failing = ['404', '403', '500', '302', '1', '200'].map(
    (kind) => `http://${site}/${kind}?key=${canary()}`,
  )
  const ids = []
  for (const address of failing) {
    const { text } = await post('/summarize', { url: address })
    ids.push((JSON.parse(text) as { task_id: string }).task_id)
  }
  for (const id of ids) await send(`/api/tasks/${id}?wait=10`).then(() => send(`/api/tasks/${id}/stream`))

  // Streams, with a ticket that works and one that does not.
  const { text } = await post('/obedient', {})
  const { task_id: id } = JSON.parse(text) as { task_id: string }
  const { ticket } = JSON.parse((await post(`/api/tasks/${id}/ticket`, {})).text) as { ticket: string }
  heard.length -= 2
  await send(`/api/tasks/${id}/stream?ticket=${canary()}`, { headers: { authorization: '' } })
  await send(`/api/tasks/${id}/stream?after=${canary()}`)
  await send(`/api/tasks/${id}/stream`, { headers: { 'last-event-id': canary() } })
  const stream = await fetch(`${url}/api/tasks/${id}/stream?ticket=${ticket}`)
  const socket = new WebSocket(`${url.replace('http', 'ws')}/api/ws`, {
    headers: { authorization: `Bearer ${token}` },
  })
  socket.on('message', (data: Buffer) => heard.push(data.toString()))
  await new Promise((resolve) => socket.on('open', resolve))
  socket.send(JSON.stringify({ op: canary(), task_id: canary() }))
  socket.send(JSON.stringify({ op: 'subscribe', task_id: id, ticket: canary() }))
  await expect.poll(() => heard.filter((each) => each.includes('"type":"problem"'))).toHaveLength(2)
  socket.send(canary())
  await new Promise((resolve) => socket.on('close', resolve))
  await send('/api/queue/stats')
  await send('/api/health')
  await server.end()
  heard.push(await stream.text(), server.stdout(), server.stderr())

  expect(all.length).toBeGreaterThanOrEqual(30)
  const log = heard.join('\n')
  expect([...all, token, ticket].filter((secret) => log.includes(secret))).toEqual([])
  // The log has lines of the work, if not of what the work was given.
  expect(server.stdout()).toContain('"errorType":"ssrf_blocked"')
})
