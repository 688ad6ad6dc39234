import Fastify, { type FastifyReply } from 'fastify'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'
import { defineTask, headgate } from 'headgate'

/** A page of your own without a bundler: index.html submits a task, shows its place and progress, and can cancel it. */

const countWords = defineTask({
  type: 'count-words',
  input: z.object({ text: z.string().min(1) }),
  run: async ({ text }, ctx) => {
    const words = text.split(/\s+/).filter(Boolean)
    for (let done = 0; done < words.length; done += 1) {
      ctx.progress(Math.round((100 * done) / words.length), `Word ${done + 1} of ${words.length}`)
      await sleep(200, undefined, { signal: ctx.signal })
    }
    return { words: words.length }
  },
})

interface Named {
  readonly Params: { readonly name: string }
}

/** @param clientUrl folder of the compiled client */
export async function createApplication(
  dataDir: string,
  clientUrl = new URL('.', import.meta.resolve('headgate/client')),
) {
  const app = Fastify()
  await app.register(headgate, { prefix: '/jobs', tasks: [countWords], settings: { DATA_DIR: dataDir } })

  const send = async (reply: FastifyReply, type: string, url: URL) => {
    const content = await readFile(url).catch(() => null)
    return content === null ? reply.callNotFound() : reply.type(`${type}; charset=utf-8`).send(content)
  }
  const parserUrl = import.meta.resolve('eventsource-parser')
  app.get('/', (_request, reply) => send(reply, 'text/html', new URL('index.html', import.meta.url)))
  app.get<Named>('/client/:name.js', ({ params }, reply) =>
    send(reply, 'text/javascript', new URL(`${params.name}.js`, clientUrl)),
  )
  app.get<Named>('/parser/:name.js', ({ params }, reply) =>
    send(reply, 'text/javascript', new URL(`${params.name}.js`, parserUrl)),
  )
  return app
}

// Run as a program, not imported by the test.
if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const app = await createApplication('./data')
  const url = await app.listen({ host: '127.0.0.1', port: Number(process.env['PORT'] ?? 3000) })
  process.stdout.write(`${url}\n`)
}
