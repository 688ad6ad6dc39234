import websocket from '@fastify/websocket'
import Fastify, { type FastifyRequest } from 'fastify'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'
import { defineTask, headgate, type Caller } from 'headgate'

/** An application that had users, a chat and rules of its own before Headgate moved in. */

/** Its users, by the cookie that they send. */
const USERS: Readonly<Record<string, Caller>> = {
  'session=ann': { name: 'ann', role: 'caller', maxPriority: 2 },
  'session=ben': { name: 'ben', role: 'caller', maxPriority: 1 },
  'session=eve': { name: 'eve', role: 'operator', maxPriority: 3 },
}

const poster = defineTask({
  type: 'print-poster',
  input: z.object({ text: z.string().max(40) }),
  run: async ({ text }, ctx) => {
    ctx.progress(50, 'Printing')
    return { poster: `*** ${text.toUpperCase()} ***` }
  },
})

export async function createApplication(dataDir: string) {
  const app = Fastify()

  // Rules of the host, which Headgate leaves as they are.
  app.setValidatorCompiler(() => (value) => ({ value }))
  app.setSerializerCompiler(() => (value) => JSON.stringify({ host: value }))
  app.setErrorHandler((_error, _request, reply) =>
    reply.code(500).type('text/plain').send('the host is sorry'),
  )
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).type('text/plain').send('the host has no such page'),
  )

  await app.register(websocket)
  app.get('/chat', { websocket: true }, (socket) => {
    socket.on('message', (text: Buffer) => socket.send(`you said ${text.toString()}`))
  })
  app.get('/', { schema: { response: { 200: {} } } }, () => ({ page: 'front' }))
  app.get('/broken', () => {
    throw new Error('a fault of the host')
  })

  await app.register(headgate, {
    prefix: '/jobs',
    tasks: [poster],
    settings: { DATA_DIR: dataDir, MAX_CONCURRENT_ANALYSIS_TASKS: 2 },
    callerOf: ({ headers }: FastifyRequest) => USERS[headers.cookie ?? ''] ?? null,
    onFatal: () => void app.close(),
  })
  return app
}

// Run as a program, not imported by the test.
if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const app = await createApplication('./data')
  const url = await app.listen({ host: '127.0.0.1', port: Number(process.env['PORT'] ?? 3000) })
  process.stdout.write(`${url}\n`)
}
