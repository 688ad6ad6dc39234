import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { FastifyInstance } from 'fastify'
import { compose, type Headgate } from './app/app.ts'
import { LAST_WORDS_MS } from './app/start-stop.ts'
import { findMisspelt, readEnvFile, readServiceManager, readSettings } from './config/read.ts'
import type { Settings } from './config/settings.ts'
import type { TaskType } from './handler/define-task.ts'
import { attributeStrayError } from './handler/runner.ts'
import { createServer, LISTEN_BACKLOG } from './http/server/server.ts'
import { saveCompileCache } from './config/compile-cache.ts'
import { EXIT_FATAL, EXIT_SETTINGS, exitWith, orExit } from './process/exit.ts'
import { listenMessage, toUrl } from './process/listen-address.ts'
import { createLog, type Log } from './process/log.ts'
import { connectionsWithin } from './process/open-files.ts'
import type { Signals } from './process/signals.ts'
import { ServiceManagerLink } from './process/systemd-notify.ts'
import { startWatchdog } from './process/watchdog.ts'

const STATUS_LINE_MS = 30_000
/** Signals within this time are one. */
const ONE_SIGNAL_MS = 500
/** Loads settings and tasks, opens the journal, listens, and stops on signals. */
export async function serve(signals: Signals): Promise<void> {
  const settings = await orExit(() => {
    readEnvFile()
    return readSettings()
  })
  const tasks = await loadTasks(settings.tasksFile).catch((error: unknown) => {
    return exitWith(EXIT_SETTINGS, `TASKS_FILE="${settings.tasksFile}": ${describeLoadError(error)}`)
  })
  signals.hold()
  const output = await createLog(settings.logLevel, settings.logFormat)
  const server = await orExit(() => Server.create(settings, { tasks, output }), settings.dataDir)
  signals.handle((signal) => server.stop(signal))
  await orExit(() => server.start(), settings.dataDir)
}

interface ServerDeps {
  readonly tasks: readonly TaskType[]
  readonly output: Log
}

/** The process: its HTTP server, the queue behind it, and how both end. */
class Server {
  readonly #settings: Settings
  readonly #output: Log
  readonly #app: FastifyInstance
  readonly #serviceManager: ServiceManagerLink
  #headgate!: Headgate
  #skipWait: (() => void) | null = null
  #stoppingSince = 0

  static async create(settings: Settings, { tasks, output }: ServerDeps): Promise<Server> {
    const server = new Server(settings, output)
    const onFatal = (error: unknown) => server.#end(error)
    server.#headgate = await compose({ settings, log: output.log, tasks, prefix: '', onFatal })
    return server
  }

  private constructor(settings: Settings, output: Log) {
    const { log } = output
    this.#settings = settings
    this.#output = output
    const maxConnections = connectionsWithin(settings.maxConnections)
    this.#app = createServer({ log, ...settings, maxConnections })
    this.#serviceManager = new ServiceManagerLink({
      ...readServiceManager(),
      onFailure: (error) => log.warn({ err: error }, 'systemd-notify failed'),
    })
  }

  async start(): Promise<void> {
    const { watchdogMs: limitMs, watchdogWallMs: wallLimitMs } = this.#settings
    const { log } = this.#output
    process.on('uncaughtException', (error) => this.stop('uncaughtException', error))
    process.on('unhandledRejection', (error) => {
      const taskId = attributeStrayError(error)
      if (taskId === undefined) this.stop('unhandledRejection', error)
      else log.warn({ err: error, taskId }, 'handler left a rejected promise unhandled')
    })
    if (this.#settings.role === 'worker') answerWatchersOnly(this.#app)
    // Routes cost time and memory.
    if (this.#hasPort) await this.#app.register(this.#headgate.httpPlugin)
    await this.#headgate.start()
    // A signal came while it started.
    if (this.#skipWait !== null) return
    await this.#listen()
    startWatchdog({
      limitMs,
      wallLimitMs,
      onLag: (lagMs) => log.warn({ lagMs }, 'event loop blocked'),
    })
    const isListening = this.#app.server.listening
    log.info(this.#banner(), isListening ? 'headgate is listening' : 'headgate is working')
    for (const { name, meant } of findMisspelt()) log.warn({ name, meant }, 'unknown setting')
    this.#serviceManager.ready()
    setImmediate(saveCompileCache)
    setInterval(() => this.#logStatus(), STATUS_LINE_MS).unref()
  }

  /** A worker has a port of its own, for what watches it, or none. */
  get #hasPort(): boolean {
    const { role, workerPort } = this.#settings
    return role !== 'worker' || workerPort !== 0
  }

  async #listen(): Promise<void> {
    const { host, role, port, workerPort } = this.#settings
    if (!this.#hasPort) return
    const address =
      role === 'worker' ? { host, port: workerPort, portSetting: 'WORKER_PORT' } : { host, port }
    await this.#app.listen({ host, port: address.port, backlog: LISTEN_BACKLOG }).catch((error: unknown) => {
      exitWith(EXIT_SETTINGS, listenMessage(error, address))
    })
  }

  /** The first call stops everything in order; a signal after it skips the wait for running work. */
  stop(cause: string, error?: unknown): void {
    const { log } = this.#output
    if (error !== undefined) log.fatal({ cause, err: error }, 'headgate failed')
    if (this.#skipWait !== null) {
      // A terminal sends one Ctrl-C to every process of the group, and each passes it on.
      if (performance.now() - this.#stoppingSince > ONE_SIGNAL_MS) this.#skipWait()
      return
    }
    this.#stoppingSince = performance.now()
    log.info({ cause }, 'headgate is stopping')
    this.#serviceManager.stopping()
    const skipped = new Promise<void>((resolve) => (this.#skipWait = resolve))
    this.#stopInOrder(skipped).then(
      () => this.#leave(error === undefined ? 0 : EXIT_FATAL),
      (failed: unknown) => {
        log.fatal({ err: failed }, 'headgate stop failed')
        return this.#leave(EXIT_FATAL)
      },
    )
  }

  /** Work first, then requests, then the journal that both need. */
  async #stopInOrder(skipped: Promise<void>): Promise<void> {
    await this.#headgate.drain(skipped)
    // Connections that are still open then are not waited for: a request that never ends, a reader that has gone.
    setTimeout(() => this.#app.server.closeAllConnections(), LAST_WORDS_MS)
    await this.#app.close()
    await this.#headgate.stop()
  }

  /** What was accepted can no longer be written: waiting would change nothing, and confirm nothing. */
  #end(error: unknown): void {
    this.#output.log.fatal({ err: error }, 'headgate failed: accepted tasks cannot be kept')
    this.#app.server.closeAllConnections()
    void this.#leave(EXIT_FATAL)
  }

  /** Unresponsive handlers may hold timers for ever, so the process does not wait for its event loop to be empty. */
  async #leave(code: number): Promise<never> {
    this.#output.log.info('headgate has stopped')
    await this.#output.flush(LAST_WORDS_MS)
    process.exit(code)
  }

  #banner() {
    const { host, role, fetchAllowHosts, databaseUrl } = this.#settings
    const journal = databaseUrl === '' ? this.#settings.journal : 'postgres'
    const { pool, registry, engines } = this.#headgate
    return {
      url: this.#app.server.listening ? toUrl(host, (this.#app.server.address() as AddressInfo).port) : null,
      role,
      node: process.version,
      slots: pool.slots,
      capacity: pool.capacity,
      maxConnections: this.#app.server.maxConnections,
      journal,
      taskTypes: registry.all.map(({ type }) => type),
      fetchAllowHosts,
      // With a model among them, texts leave this machine.
      engines,
    }
  }

  /** One line every 30 s while there is work. */
  #logStatus(): void {
    const { pool, lifecycle } = this.#headgate
    const { running, waiting, stuck } = pool
    if (running + waiting + stuck === 0) return
    const done = lifecycle.counters.of('completed')
    this.#output.log.info({ running, waiting, done, stuck, rejected: lifecycle.counters.rejected }, 'status')
  }
}

/** What a worker answers. */
const WATCHED = new Set(['/health/live', '/health/ready', '/metrics', '/api/queue/stats'])

function answerWatchersOnly(app: FastifyInstance): void {
  app.addHook('onRequest', async (request, reply) => {
    const [path = ''] = request.url.split('?', 1)
    if (!WATCHED.has(path))
      return reply.code(404).send({ error_type: 'not_found', detail: 'A worker takes no requests.' })
    return undefined
  })
}

/** `npm init` makes a package of CommonJS, in which an `import` is a syntax error. */
function describeLoadError(error: unknown): string {
  const { message } = error as Error
  const isCommonJs =
    error instanceof SyntaxError && /import statement outside a module|'export'/.test(message)
  const fix = 'Make its package one of modules (npm pkg set type=module), or name the file .mts or .mjs.'
  return isCommonJs ? `${message}. ${fix}` : message
}

type Tasks = TaskType | readonly TaskType[]
interface TaskModule {
  readonly default?: Tasks | { readonly default: Tasks }
}
const hasDefault = (exported: object): exported is { readonly default: Tasks } =>
  typeof exported === 'object' && exported !== null && 'default' in exported

/** The task types of the operator's own module. */
async function loadTasks(file: string): Promise<readonly TaskType[]> {
  if (file === '') return []
  const { default: exported } = (await import(pathToFileURL(resolve(file)).href)) as TaskModule
  if (exported === undefined) throw new Error('the module has no default export.')
  // What compilers write for an `export default` in CommonJS.
  return [hasDefault(exported) ? exported.default : exported].flat()
}
