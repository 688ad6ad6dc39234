import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process'
import { setPriority } from 'node:os'
import { TaskError } from '../../task/failure.ts'
import { createLaunch } from './launch.ts'
import type { ChildMessage, Job, JobKind, JobProgress, Jobs } from './protocol.ts'
import { readUsage } from './usage.ts'
import { UnreadPages } from '../recognition/recognised-page.ts'

export interface ParserLimits {
  /** Resident memory of the child. */
  readonly memoryBytes: number
  /** Processor time of one job. */
  readonly cpuMs: number
}

export interface ParserProcessOptions {
  readonly limits: ParserLimits
  /** The only folder of data that the child may read. */
  readonly readableFolder: string
}

const CHECK_EVERY_MS = 50
/** A job that neither ends nor uses the processor is stopped after this many times its processor limit. */
const WALL_FACTOR = 3
/** Processor time of one page that is recognised: a full page takes 2 to 5 s, one that lies on its side four times that. */
const RECOGNITION_CPU_MS = 120_000
/** The lowest there is: answers go before reports. */
const BACKGROUND_PRIORITY = 19

/** One child process that reads documents, and everything that ends it. */
export class ParserProcess {
  readonly #child: ChildProcess
  readonly #limits: ParserLimits
  readonly #exited: Promise<void>
  #isDead = false
  jobs = 0

  constructor({ limits, readableFolder }: ParserProcessOptions) {
    const { command, args, env } = createLaunch(limits.memoryBytes, readableFolder)
    this.#limits = limits
    // Long texts pass: structured clones are read several times faster than JSON.
    const serialization = 'advanced'
    const stdio: StdioOptions = ['ignore', 'ignore', 'ignore', 'ipc']
    this.#child = spawn(command, args, { env, stdio, serialization, detached: true })
    this.#exited = new Promise((resolve) => {
      const ended = () => {
        this.#isDead = true
        resolve()
      }
      this.#child.once('exit', ended)
      this.#child.once('error', ended)
    })
    this.#child.unref()
    this.#child.channel?.unref()
    this.#lowerPriority()
  }

  get isDead(): boolean {
    return this.#isDead
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Kills the child and whatever it started. */
  async kill(): Promise<void> {
    if (!this.#isDead && this.#child.pid !== undefined) {
      try {
        process.kill(-this.#child.pid, 'SIGKILL')
      } catch {
        this.#child.kill('SIGKILL')
      }
    }
    await this.#exited
  }

  /**
   * Does one job. The child does not survive a limit, an abort or a death of its own.
   *
   * @throws TaskError named after what went wrong; `UnreadPages` when there are pages to be recognised first; the reason
   *   of `signal` when that ended it.
   */
  async run<Kind extends JobKind>(
    job: Job<Kind>,
    onProgress: (progress: JobProgress) => void,
    signal: AbortSignal,
  ): Promise<Jobs[Kind]['makes']> {
    signal.throwIfAborted()
    this.jobs += 1
    this.#child.ref()
    const { promise, resolve, reject } = Promise.withResolvers<Jobs[Kind]['makes']>()
    const onMessage = (message: ChildMessage) => {
      if (message.type === 'progress') onProgress(message.progress)
      else if (message.type === 'done') resolve(message.made)
      else if (message.type === 'unread') reject(new UnreadPages(message.pages))
      else if (message.type === 'failed') reject(new TaskError(message.errorType, message.message))
    }
    const onAbort = () => reject(signal.reason as Error)
    const { memoryBytes, cpuMs } = this.#limits
    const isRecognition = job.kind === 'recognition'
    const limits = { memoryBytes, cpuMs: isRecognition ? Math.max(cpuMs, RECOGNITION_CPU_MS) : cpuMs }
    const timer = this.#watch(limits, reject)
    this.#child.on('message', onMessage)
    signal.addEventListener('abort', onAbort)
    void this.#exited.then(() => reject(diedError()))
    this.#child.send(job, (error) => error !== null && reject(diedError()))
    try {
      return await promise
    } catch (error) {
      if (!isHarmless(error)) await this.kill()
      throw error
    } finally {
      clearInterval(timer)
      this.#child.off('message', onMessage)
      signal.removeEventListener('abort', onAbort)
      if (!this.#isDead) this.#child.unref()
    }
  }

  /** Samples the child's memory and CPU use until the job ends. */
  #watch({ memoryBytes, cpuMs }: ParserLimits, reject: (error: Error) => void): NodeJS.Timeout {
    const startedAt = performance.now()
    const atStart = this.#usage()?.cpuMs ?? 0
    return setInterval(() => {
      const usage = this.#usage()
      const usedMs = (usage?.cpuMs ?? 0) - atStart
      if (usage !== undefined && usage.memoryBytes > memoryBytes) reject(memoryError(memoryBytes))
      else if (usedMs > cpuMs) reject(spinError(cpuMs, ' of processor time'))
      else if (performance.now() - startedAt > cpuMs * WALL_FACTOR) reject(spinError(cpuMs * WALL_FACTOR))
    }, CHECK_EVERY_MS)
  }

  #usage() {
    return this.#child.pid === undefined ? undefined : readUsage(this.#child.pid)
  }

  #lowerPriority(): void {
    try {
      if (this.#child.pid !== undefined) setPriority(this.#child.pid, BACKGROUND_PRIORITY)
    } catch {
      // It has ended already, or the system does not allow it: the work is the same, only less polite.
    }
  }
}

/** Failures after which the child cannot be trusted with another file. */
const KILLS: ReadonlySet<string> = new Set(['out_of_memory', 'input_rejected', 'analysis_error'])

function isHarmless(error: unknown): boolean {
  return error instanceof UnreadPages || (error instanceof TaskError && !KILLS.has(error.errorType))
}

function memoryError(bytes: number): TaskError {
  const megabytes = Math.round(bytes / 1024 / 1024)
  return new TaskError('out_of_memory', `Reading the document takes more than ${megabytes} MB of memory.`)
}

function spinError(ms: number, what = ''): TaskError {
  return new TaskError('input_rejected', `The document could not be read within ${ms / 1000} s${what}.`)
}

/** V8 ends the process when its heap is full; nothing else here ends it without a word. */
function diedError(): TaskError {
  return new TaskError('out_of_memory', 'The process that read the document ran out of memory.')
}
