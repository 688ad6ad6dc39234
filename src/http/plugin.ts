import cors from '@fastify/cors'
import multipart from '@fastify/multipart'
import websocket from '@fastify/websocket'
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import type { FastifyInstance } from 'fastify'
import type { IncomingMessage } from 'node:http'
import type { TaskType } from '../handler/define-task.ts'
import { HeadgateError } from '../task/errors.ts'
import { descriptionRoutes } from './openapi/docs-routes.ts'
import type { Route } from './openapi/openapi-document.ts'
import { Authenticator } from './gate/authenticate.ts'
import { gate } from './gate/gate.ts'
import { Board } from './board/board.ts'
import { readJsonBodies } from './gate/json-body.ts'
import type { App, HttpDeps } from './deps.ts'
import { handleError } from './problem/error-handler.ts'
import { answerUnknownRoutes } from './problem/not-found.ts'
import { sessionRoutes } from './routes/session.ts'
import { healthRoutes } from './routes/health.ts'
import { forecastRoutes } from './routes/queue/forecast.ts'
import { historyRoute } from './routes/queue/history.ts'
import { operateRoutes } from './routes/queue/operate.ts'
import { workersRoute } from './routes/queue/workers.ts'
import { metricsRoute } from './routes/queue/metrics.ts'
import { createStats, type Stats } from './routes/queue/stats.ts'
import { readQueueRoutes } from './routes/queue/queue.ts'
import { uiRoutes } from './routes/ui.ts'
import { batchRoute } from './routes/submit/batch.ts'
import { retryRoute } from './routes/submit/retry.ts'
import { genericSubmitRoute, submitRoute, unavailableRoute } from './routes/submit/submit.ts'
import { uploadRoute, type UploadType } from './routes/submit/upload.ts'
import { eraseRoute } from './routes/task/erase.ts'
import { readTaskRoutes } from './routes/task/tasks.ts'
import { reprioritiseRoute } from './routes/task/reprioritise.ts'
import { resultRoute } from './routes/task/result.ts'
import { bulkRoute } from './routes/task/bulk.ts'
import { failuresRoute } from './routes/task/failures.ts'
import { cancelRoute } from './routes/task/cancel.ts'
import { ticketRoute } from './routes/task/ticket.ts'
import { streamRoutes } from './stream/routes.ts'
import { answerHandshakeError } from './server/client-errors.ts'
import { MAX_MESSAGE_BYTES } from './stream/web-socket.ts'

/** What a client may send at once, and in how many pieces. */
const WEB_SOCKET = { maxPayload: MAX_MESSAGE_BYTES, maxFragments: 16, maxBufferedChunks: 64 }

/** Headers that the API reads, and those that it answers with. */
const REQUEST_HEADERS = [
  'authorization',
  'content-type',
  'idempotency-key',
  'last-event-id',
  'prefer',
  'traceparent',
  'tracestate',
  'x-request-id',
]
const REPLY_HEADERS = [
  'content-disposition',
  'idempotency-replayed',
  'location',
  'preference-applied',
  'retry-after',
  'x-request-id',
]

/** Browsers may remember the answer to a preflight for this long. */
const PREFLIGHT_SECONDS = 600

/** The HTTP plugin: schemas, errors and routes stay inside its own context. */
export async function httpPlugin(instance: FastifyInstance, deps: HttpDeps): Promise<void> {
  const { queue, storage, rules, access, streams, limits, process } = deps
  const app = instance.withTypeProvider<ZodTypeProvider>()
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  app.setErrorHandler(handleError)
  const routes: Route[] = []
  app.addHook('onRoute', (route) => void routes.push(route))
  const answerUnknown = answerUnknownRoutes(app)
  if (app.hasContentTypeParser('text/plain')) app.removeContentTypeParser('text/plain')
  readJsonBodies(app)
  if (limits.corsOrigins.length > 0) await allowOrigins(app, limits.corsOrigins)
  const authenticator = new Authenticator({ ...access, ...storage, ...process })
  await gate(app, { ...limits, ...streams, authenticator }, answerUnknown)
  const { freshen } = queue
  // What changes a task decides over its newest version; what is read is read as it is now. Health and pages read nothing.
  if (freshen !== null) {
    app.addHook('preHandler', async ({ method, routeOptions }) => {
      if (method === 'GET' && routeOptions.config.gate?.isPublic !== true) await freshen()
    })
  }
  // Registered before the websocket plugin, whose own hook would close the sockets without a code.
  app.addHook('preClose', (done) => {
    streams.connections.closeAll()
    done()
  })
  const stats = createStats({ queue, health: storage.health, process })
  submitRoutes(app, deps)
  taskRoutes(app, deps)
  queueRoutes(app, deps, stats)
  sessionRoutes(app, { ...access, ...rules, ...process })
  healthRoutes(app, { ...queue, ...storage, ...process })
  if (process.isWebOn) uiRoutes(app)
  descriptionRoutes(app, { ...rules, ...process }, routes)
  // Each in a context of its own, so that its hooks run for its routes alone.
  await app.register((scope) => uploadRoutes(scope, deps))
  const board = new Board({ ...queue, ...storage, ...streams, ...process, stats })
  const streamDeps = { ...queue, ...storage, ...streams, authenticator, board }
  await app.register(async (scope) => {
    await addWebSockets(scope)
    streamRoutes(scope.withTypeProvider<ZodTypeProvider>(), streamDeps)
  })
}

/** Every way to submit but uploads. */
function submitRoutes(app: App, { queue, storage, streams, rules }: HttpDeps): void {
  const deps = { ...queue, ...storage, ...streams, ...rules, rules }
  for (const type of rules.registry.all) if (!takesUpload(type)) submitRoute(app, deps, type)
  for (const [type, detail] of rules.unavailable) unavailableRoute(app, type, detail)
  genericSubmitRoute(app, deps)
  batchRoute(app, deps)
  retryRoute(app, deps)
}

/** One task, or many. */
function taskRoutes(app: App, { queue, storage, streams, rules, access, process }: HttpDeps): void {
  const deps = { ...queue, ...storage, ...streams, ...rules, ...access, ...process }
  readTaskRoutes(app, deps)
  failuresRoute(app, deps)
  bulkRoute(app, deps)
  cancelRoute(app, deps)
  ticketRoute(app, deps)
  resultRoute(app, deps)
  reprioritiseRoute(app, deps)
  eraseRoute(app, deps)
}

/** The queue as a whole. */
function queueRoutes(
  app: App,
  { queue, storage, streams, rules, process }: HttpDeps,
  stats: () => Stats,
): void {
  const deps = { ...queue, ...storage, ...streams, ...rules, ...process, stats }
  readQueueRoutes(app, deps)
  historyRoute(app, deps)
  metricsRoute(app, deps)
  operateRoutes(app, deps)
  forecastRoutes(app, deps)
  workersRoute(app, deps)
}

/** Pages of these origins may call (Fetch, CORS protocol). A host that has its own rules keeps them. */
async function allowOrigins(app: FastifyInstance, origins: readonly string[]): Promise<void> {
  if (app.hasRequestDecorator('corsPreflightEnabled')) return
  await app.register(cors, {
    origin: [...origins],
    methods: ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE'],
    allowedHeaders: [...REQUEST_HEADERS],
    exposedHeaders: [...REPLY_HEADERS],
    maxAge: PREFLIGHT_SECONDS,
  })
}

async function uploadRoutes(
  instance: FastifyInstance,
  { queue, storage, streams, rules }: HttpDeps,
): Promise<void> {
  if (!instance.hasContentTypeParser('multipart/form-data')) await instance.register(multipart)
  const app = instance.withTypeProvider<ZodTypeProvider>()
  keepForms(app)
  const deps = { ...queue, ...storage, ...streams }
  for (const type of rules.registry.all) if (takesUpload(type)) uploadRoute(app, deps, type)
}

/** With `attachFieldsToBody` the plugin of a host reads every form before its route does: it is not shown ours. */
function keepForms(app: App): void {
  app.addHook('preParsing', async (request) => {
    Object.defineProperty(request, 'isMultipart', { value: () => false, configurable: true })
  })
  app.addHook('preHandler', async (request) => void Reflect.deleteProperty(request, 'isMultipart'))
}

const REGISTER_BEFORE =
  'Register @fastify/websocket on the same instance as headgate, or above it, and before it.'

async function addWebSockets(instance: FastifyInstance): Promise<void> {
  if (instance.hasDecorator('websocketServer')) return
  if (instance.server.listenerCount('upgrade') > 0) {
    throw new HeadgateError('invalid-setting', `Another plugin answers upgrades already. ${REGISTER_BEFORE}`)
  }
  await instance.register(websocket, { options: WEB_SOCKET })
  instance.websocketServer.on('wsClientError', answerHandshakeError)
  // Node 24.9 and later ask this for each request with an Upgrade header.
  Object.assign(instance.server, { shouldUpgradeCallback: asksForWebSocket })
  // One that is registered later would have its upgrades answered with 404 by this one.
  instance.addHook('onReady', async () => {
    if (instance.server.listenerCount('upgrade') === 1) return
    throw new HeadgateError('invalid-setting', `Another plugin answers upgrades too. ${REGISTER_BEFORE}`)
  })
}

/**
 * Clients that offer HTTP/2 with a request (`Upgrade: h2c`, as that of Java does with each) are answered over HTTP/1.1:
 * an upgrade would take the body of the request from it.
 */
function asksForWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket'
}

function takesUpload(type: TaskType): type is UploadType {
  return type.upload !== undefined
}
