import { accessSync } from 'node:fs'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { z } from 'zod'
import { defineTask } from '../../src/index.ts'
import { startProxy, type OtherProxy } from '../support/other-proxies.ts'
import { startServer, tokenFor, type Json } from '../support/server.ts'

const PROGRAMS: readonly (readonly [OtherProxy, string])[] = [
  ['haproxy', '/usr/sbin/haproxy'],
  ['apache', '/usr/sbin/apache2'],
  ['caddy', '/usr/bin/caddy'],
]
/** CI has none of them: each test is skipped where its program is missing. */
const isMissing = (path: string) => {
  try {
    accessSync(path)
    return false
  } catch {
    return true
  }
}

async function setup() {
  const { promise, resolve } = Promise.withResolvers<string>()
  const held = defineTask({ type: 'held', input: z.object({}), run: () => promise })
  const { record, token } = tokenFor('ann')
  const settings = { tokens: [record], trustProxy: ['127.0.0.1'], slots: 1, capacity: 1 }
  return { server: await startServer({ tasks: [held], settings }), token, finish: () => resolve('done') }
}

for (const [name, program] of PROGRAMS) {
  test.skipIf(isMissing(program))(
    `streams come through ${name} as they are sent, and 503 as it is`,
    async () => {
      const { server, token, finish } = await setup()
      const url = await startProxy(name, program, server.url)
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
      const submit = () => fetch(`${url}/held`, { method: 'POST', headers, body: '{}' })
      const { urls } = (await (await submit()).json()) as Json

      // A browser's: event streams are taken compressed.
      const accept = { ...headers, 'accept-encoding': 'gzip' }
      const reader = (await fetch(url + urls.events, { headers: accept })).body!.getReader()
      let text = ''
      const readUntil = async (wanted: string) => {
        while (!text.includes(wanted)) {
          const { value, done } = await reader.read()
          if (done) throw new Error(`the stream has ended: ${text}`)
          text += Buffer.from(value).toString()
        }
      }
      const socket = new WebSocket(url.replace('http', 'ws') + urls.ws, { headers })
      const [first] = (await once(socket, 'message')) as [Buffer]
      expect(first.toString()).toContain('"snapshot"')
      // While its task runs and is silent.
      await readUntil('"type":"started"')

      await submit()
      const refused = await submit()
      expect([refused.status, Number(refused.headers.get('retry-after')) > 0]).toEqual([503, true])
      expect(await refused.json()).toMatchObject({ error_type: 'queue_full' })
      finish()
      await readUntil('"type":"result"')
      const [code] = (await once(socket, 'close')) as [number]
      expect(code).toBe(1000)
    },
  )
}
