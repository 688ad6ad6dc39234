import Fastify, { LogController } from 'fastify'
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import { pino } from 'pino'
import { z } from 'zod'
import { compose } from '../src/app/app.ts'
import { readSettings } from '../src/config/read.ts'
import { defineTask } from '../src/handler/define-task.ts'
import { submitReply } from '../src/http/schemas/responses.ts'
import { submitQuery } from '../src/http/schemas/requests.ts'
import { createServer } from '../src/http/server/server.ts'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** One server in a process of its own: `bare` answers at once, `headgate` queues, runs and records a task. */

const input = z.strictObject({ n: z.number() })
const log = pino({ level: 'silent' })

/** A route with our schemas; `take` puts the task wherever it goes, and gives its id. */
function route(take: (n: number) => Promise<string>) {
  const app = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
  }).withTypeProvider<ZodTypeProvider>()
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  const schema = { body: input, querystring: submitQuery, response: { 202: submitReply } }
  app.post('/empty', { schema }, async (request, reply) => {
    const id = await take(request.body.n)
    const self = `/api/tasks/${id}`
    return reply
      .code(202)
      .headers({ location: self, 'retry-after': 1 })
      .send({
        task_id: id,
        status: 'created',
        message: 'Queued with priority NORMAL, 0 ahead. Connect to its stream to watch it.',
        task_status: 'queued',
        type: 'empty',
        priority: request.query.priority ?? 1,
        priority_name: 'NORMAL',
        queue_position: 1,
        tasks_ahead: 0,
        estimated_wait_seconds: null,
        created_at: new Date().toISOString(),
        deduplicated: false,
        waiter: 'w_1',
        urls: {
          self,
          status: `${self}/status`,
          result: `${self}/result`,
          events: `${self}/stream`,
          ws: `/ws/${id}`,
          cancel: `${self}/cancel`,
        },
      })
  })
  return app
}

async function bare() {
  return route(() => Promise.resolve('01999999-0000-7000-8000-000000000000'))
}

/** The same route before BullMQ: a queue with priorities and a worker with as many slots, in the same process. */
async function bullmq() {
  const { Queue, Worker } = await import('bullmq')
  const connection = { host: '127.0.0.1', port: Number(process.env['REDIS_PORT']) }
  const queue = new Queue('empty', { connection })
  const kept = { removeOnComplete: 1000, removeOnFail: 1000 }
  const worker = new Worker('empty', () => Promise.resolve(null), { connection, concurrency: 3 })
  worker.on('error', (error) => console.error(error))
  return route(async (n) => (await queue.add('empty', { n }, { priority: 3, ...kept })).id ?? '')
}

async function headgate() {
  const dataDir = mkdtempSync(join(tmpdir(), 'headgate-bench-'))
  const settings = { ...readSettings(process.env), capacity: 1_000_000, dataDir }
  const tasks = [
    defineTask({ type: 'empty', input: z.object({ n: z.number() }), run: () => null }),
    // For the doors: one to be watched, one with much to take.
    defineTask({ type: 'held', input: z.object({}), concurrency: 1, run: () => new Promise(() => {}) }),
    defineTask({ type: 'big', input: z.object({}), run: () => 'x'.repeat(8_000_000) }),
  ]
  const core = await compose({ settings, log, tasks, prefix: '', onFatal: () => process.exit(1) })
  const app = createServer({ log, ...settings })
  await app.register(core.httpPlugin)
  await core.start()
  return app
}

const MAKERS = { bare, headgate, bullmq }
const app = await MAKERS[process.argv[2] as keyof typeof MAKERS]()
await app.listen({ host: '127.0.0.1', port: 0 })
const address = app.server.address()
process.send?.(typeof address === 'object' && address !== null ? address.port : 0)
process.on('disconnect', () => process.exit(0))
