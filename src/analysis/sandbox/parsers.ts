import { TaskError } from '../../task/failure.ts'
import { ParserProcess, type ParserLimits } from './parser-process.ts'
import type { Job, JobKind, JobProgress, Jobs } from './protocol.ts'

export interface ParsersOptions extends ParserLimits {
  /** Children that are kept when idle; as many jobs may run at once as callers ask for. */
  readonly maxIdle: number
  readonly readableFolder: string
}

/** A child is replaced after this many documents, so that what leaks in it stays small. */
const JOBS_PER_PROCESS = 50

/** A child loads its libraries for most of a second; until then a start has the processor for itself. */
const WARM_UP_AFTER_MS = 2000

type Work<Kind extends JobKind> = [
  job: Job<Kind>,
  onProgress: (progress: JobProgress) => void,
  signal: AbortSignal,
]

/** The children that read documents: started when needed, kept warm, replaced when worn or killed. */
export class Parsers {
  readonly #options: ParsersOptions
  readonly #idle: ParserProcess[] = []
  readonly #busy = new Set<ParserProcess>()
  #isStopped = false
  #warmUpTimer: NodeJS.Timeout | null = null

  constructor(options: ParsersOptions) {
    this.#options = options
  }

  /** Starts one child ahead of the first document, a moment after the start of the server. */
  start(): void {
    this.#warmUpTimer = setTimeout(() => {
      if (this.#busy.size === 0) this.#warmUp()
    }, WARM_UP_AFTER_MS).unref()
  }

  /** Process ids of the children that wait for a document. */
  get idlePids(): number[] {
    return this.#idle.flatMap(({ pid }) => pid ?? [])
  }

  /**
   * A document that is out of memory in a used child is read again in a new one: WebAssembly never gives back what the
   * documents before it took.
   *
   * @throws TaskError named after what is wrong with the document; the reason of `signal`.
   */
  async run<Kind extends JobKind>(...work: Work<Kind>): Promise<Jobs[Kind]['makes']> {
    const process = this.#take()
    const isUsed = process.jobs > 0
    try {
      return await this.#runIn(process, work)
    } catch (error) {
      const isOutOfMemory = error instanceof TaskError && error.errorType === 'out_of_memory'
      if (!isUsed || !isOutOfMemory || this.#isStopped) throw error
      return this.#runIn(this.#create(), work)
    }
  }

  async #runIn<Kind extends JobKind>(process: ParserProcess, work: Work<Kind>): Promise<Jobs[Kind]['makes']> {
    this.#busy.add(process)
    try {
      return await process.run(...work)
    } finally {
      this.#busy.delete(process)
      await this.#putBack(process)
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    if (this.#warmUpTimer !== null) clearTimeout(this.#warmUpTimer)
    await Promise.all([...this.#idle.splice(0), ...this.#busy].map((process) => process.kill()))
  }

  #warmUp(): void {
    if (this.#idle.length === 0 && !this.#isStopped) this.#idle.push(this.#create())
  }

  #take(): ParserProcess {
    const idle = this.#idle.pop()
    if (idle === undefined) return this.#create()
    return idle.isDead ? this.#take() : idle
  }

  async #putBack(process: ParserProcess): Promise<void> {
    const isWorn = process.jobs >= JOBS_PER_PROCESS || this.#idle.length >= this.#options.maxIdle
    if (process.isDead) this.#warmUp()
    else if (isWorn || this.#isStopped) await process.kill()
    else this.#idle.push(process)
  }

  #create(): ParserProcess {
    const { memoryBytes, cpuMs, readableFolder } = this.#options
    return new ParserProcess({ limits: { memoryBytes, cpuMs }, readableFolder })
  }
}
