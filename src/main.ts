import { once } from 'node:events'
import { createServer as createTcpServer, type AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { pino, type Logger } from 'pino'
import { compose, type Headgate } from './compose.ts'
import { readEnvFile, readServiceManager, readSettings } from './config/read.ts'
import type { Settings } from './config/settings.ts'
import type { TaskType } from './handler/define-task.ts'
import { attributeStrayError } from './handler/runner.ts'
import { LOG_DISCRETION } from './http/server/log-discretion.ts'
import { createServer } from './http/server/server.ts'
import { HeadgateError, type ErrorCode } from './task/errors.ts'
import { ServiceManagerLink } from './watchdog/service-manager.ts'
import { startWatchdog } from './watchdog/watchdog.ts'

/** The process: read settings, compose, listen, stop on signals. */

const STATUS_LINE_MS = 30_000
/** Open connections have this long to take what was sent. */
const LAST_WORDS_MS = 500
/** Signals within this time are one. */
const ONE_SIGNAL_MS = 500
const EXIT_SETTINGS = 78
const EXIT_FATAL = 70
/** What a start that is refused ends with (sysexits.h), so that a service manager can tell them apart. */
const EXIT_CODES: Partial<Record<ErrorCode, number>> = {
  'journal-in-use': 73,
  'journal-missing': 66,
  'journal-too-new': 65,
  'journal-corrupt': 65,
  'journal-failed': 74,
}

const settings = await orExit(() => {
  readEnvFile()
  return readSettings()
})
const tasks = await loadTasks(settings.tasksFile).catch((error: unknown) => {
  return exitWith(EXIT_SETTINGS, `TASKS_FILE="${settings.tasksFile}": ${(error as Error).message}`)
})
const log = createLogger(settings)
const app = createServer({ log, ...settings })
const isCheck = process.argv.includes('--check')
const address = isCheck ? await freeAddress(settings) : ''
const house = await orExit(() => compose({ settings, log, tasks, prefix: '', onFatal }))
if (isCheck) {
  await house.stop()
  console.log(address)
  process.exit(0)
}

const serviceManager = new ServiceManagerLink({
  ...readServiceManager(),
  onFailure: (error) => log.warn({ err: error }, 'the service manager could not be told'),
})
let skipWait: (() => void) | null = null
let stoppingSince = 0
process.on('SIGTERM', () => stop('SIGTERM'))
process.on('SIGINT', () => stop('SIGINT'))
process.on('uncaughtException', (error) => stop('uncaughtException', error))
process.on('unhandledRejection', (error) => {
  const taskId = attributeStrayError(error)
  if (taskId === undefined) stop('unhandledRejection', error)
  else log.warn({ err: error, taskId }, 'a handler left a promise floating')
})

await app.register(house.edge)
await orExit(() => house.start())
await app.listen({ host: settings.host, port: settings.port }).catch((error: unknown) => {
  exitWith(EXIT_SETTINGS, listenMessage(error))
})
startWatchdog({
  limitMs: settings.watchdogMs,
  onLag: (lagMs) => log.warn({ lagMs }, 'the event loop stood still'),
})
log.info(bannerOf(settings, house), 'headgate is listening')
serviceManager.ready()
setInterval(() => tellStatus(house), STATUS_LINE_MS).unref()

/** What was accepted can no longer be written: waiting would change nothing, and confirm nothing. */
function onFatal(error: unknown): void {
  log.fatal({ err: error }, 'headgate cannot keep its tasks')
  app.server.closeAllConnections()
  leave(EXIT_FATAL)
}

/** The first call stops the house in order; a signal after it skips the wait for running work. */
function stop(cause: string, error?: unknown): void {
  if (error !== undefined) log.fatal({ cause, err: error }, 'headgate cannot go on')
  if (skipWait !== null) {
    // A terminal sends one Ctrl-C to every process of the group, and each passes it on.
    if (performance.now() - stoppingSince > ONE_SIGNAL_MS) skipWait()
    return
  }
  stoppingSince = performance.now()
  log.info({ cause }, 'headgate is stopping')
  serviceManager.stopping()
  const skipped = new Promise<void>((resolve) => (skipWait = resolve))
  stopInOrder(skipped).then(
    () => leave(error === undefined ? 0 : EXIT_FATAL),
    (failed: unknown) => {
      log.fatal({ err: failed }, 'headgate could not stop in order')
      leave(EXIT_FATAL)
    },
  )
}

async function stopInOrder(skipped: Promise<void>): Promise<void> {
  await house.stop(skipped)
  // What is still open has nothing to wait for: a request that is never sent to its end, a reader that is gone.
  setTimeout(() => app.server.closeAllConnections(), LAST_WORDS_MS)
  await app.close()
}

/** Deaf handlers may hold timers for ever, so the process does not wait for its event loop to be empty. */
function leave(code: number): never {
  log.info('headgate has stopped')
  process.exit(code)
}

/** A mistake of the operator ends the process with one line; a defect of ours with its stack. */
async function orExit<Value>(make: () => Value | Promise<Value>): Promise<Value> {
  try {
    return await make()
  } catch (error) {
    if (error instanceof HeadgateError)
      return exitWith(EXIT_CODES[error.code] ?? EXIT_SETTINGS, error.message)
    const { code } = error as NodeJS.ErrnoException
    if (code === undefined) throw error
    return exitWith(EXIT_SETTINGS, `DATA_DIR="${settings.dataDir}": ${(error as Error).message}`)
  }
}

/** For `--check`, which tells whether a server could start here: the address that it would take. */
async function freeAddress({ host, port }: Settings): Promise<string> {
  const probe = createTcpServer()
  const listening = once(probe, 'listening')
  probe.listen(port, host)
  await listening.catch((error: unknown) => exitWith(EXIT_SETTINGS, listenMessage(error)))
  const { port: free } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return urlOf(host, free)
}

/** The task types of the operator's own module. */
async function loadTasks(file: string): Promise<readonly TaskType[]> {
  if (file === '') return []
  const module = (await import(pathToFileURL(resolve(file)).href)) as {
    default?: TaskType | readonly TaskType[]
  }
  if (module.default === undefined) throw new Error('the module has no default export.')
  return [module.default].flat()
}

function createLogger({ logLevel, logFormat }: Settings): Logger {
  const options = { level: logLevel, ...LOG_DISCRETION }
  if (logFormat === 'json') return pino(options)
  return pino({ ...options, transport: { target: 'pino-pretty', options: { ignore: 'pid,hostname' } } })
}

function bannerOf({ host, journal, fetchAllowHosts }: Settings, { pool, registry, engines }: Headgate) {
  return {
    url: urlOf(host, (app.server.address() as AddressInfo).port),
    node: process.version,
    slots: pool.slots,
    capacity: pool.capacity,
    journal,
    taskTypes: registry.all.map(({ type }) => type),
    fetchAllowHosts,
    // With a model among them, texts leave this machine.
    engines,
  }
}

/** One line every 30 s while there is work. */
function tellStatus({ pool, intake }: Headgate): void {
  const { running, waiting, stuck } = pool
  if (running + waiting + stuck === 0) return
  const done = intake.tally.of('completed')
  log.info({ running, waiting, done, stuck, rejected: intake.tally.rejected }, 'status')
}

function listenMessage(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return code === 'EADDRINUSE'
    ? `PORT="${settings.port}": another process listens on ${settings.host}:${settings.port}.`
    : `Cannot listen on ${settings.host}:${settings.port}: ${message}`
}

function urlOf(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

function exitWith(code: number, message: string): never {
  console.error(`headgate: ${message}`)
  process.exit(code)
}
