import multipart from '@fastify/multipart'
import websocket from '@fastify/websocket'
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import type { FastifyInstance } from 'fastify'
import type { TaskType } from '../handler/define-task.ts'
import { handleError, handleNotFound } from './error-handler.ts'
import type { EdgeParts } from './parts.ts'
import { healthRoutes } from './routes/health.ts'
import { queueRoutes } from './routes/queue.ts'
import { genericSubmitRoute, submitRoute } from './routes/submit.ts'
import { taskRoutes } from './routes/tasks.ts'
import { uploadRoute, type UploadType } from './routes/upload.ts'
import { streamRoutes } from './stream/routes.ts'

/** A client of a task's WebSocket only ever says `ping`. */
const MAX_CLIENT_FRAME_BYTES = 4096

/** The edge as a Fastify plugin: schemas, errors and routes stay inside its own context. */
export async function edge(instance: FastifyInstance, parts: EdgeParts): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  app.setErrorHandler(handleError)
  app.setNotFoundHandler(handleNotFound)
  app.removeContentTypeParser('text/plain')
  // Registered before the websocket plugin, whose own hook would close the sockets without a code.
  app.addHook('preClose', (done) => {
    parts.connections.closeAll()
    done()
  })
  for (const type of parts.registry.all) if (!takesUpload(type)) submitRoute(app, parts, type)
  genericSubmitRoute(app, parts)
  taskRoutes(app, parts)
  queueRoutes(app, parts)
  healthRoutes(app, parts)
  // Each in a context of its own, so that its hooks run for its routes alone.
  await app.register((scope) => uploads(scope, parts))
  await app.register((scope) => streams(scope, parts))
}

async function uploads(instance: FastifyInstance, parts: EdgeParts): Promise<void> {
  if (!instance.hasContentTypeParser('multipart/form-data')) await instance.register(multipart)
  const app = instance.withTypeProvider<ZodTypeProvider>()
  for (const type of parts.registry.all) if (takesUpload(type)) uploadRoute(app, parts, type)
}

async function streams(instance: FastifyInstance, parts: EdgeParts): Promise<void> {
  if (!instance.hasDecorator('websocketServer')) {
    await instance.register(websocket, { options: { maxPayload: MAX_CLIENT_FRAME_BYTES } })
  }
  streamRoutes(instance.withTypeProvider<ZodTypeProvider>(), parts)
}

function takesUpload(type: TaskType): type is UploadType {
  return type.upload !== undefined
}
