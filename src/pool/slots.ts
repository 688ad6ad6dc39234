import PQueue from 'p-queue'

export interface SlotWork<Job> {
  /** The next job; undefined when none may start now. */
  readonly take: () => Job | undefined
  /** Settles when the slot is free again; never rejects. */
  readonly run: (job: Job) => Promise<void>
  /** How many jobs may start now. */
  readonly startable: () => number
  /** Called whenever a slot has found nothing to do. */
  readonly rested: () => void
}

/**
 * The slots, held by p-queue: it gets at most one endless job, a worker, per slot. A worker takes
 * the best job when it is free, the next one in the same turn in which that ends, and rests when there is
 * none. So p-queue is never a second queue: what waits can be reordered and cancelled outside of it.
 */
export class Slots<Job> {
  readonly #work: SlotWork<Job>
  readonly #queue: PQueue
  /** Jobs that have begun, and wait for their worker. */
  readonly #given: Job[] = []
  /** Wake-up calls of workers that hold a slot and have nothing to do. */
  readonly #resting: (() => void)[] = []
  #count: number
  #workers = 0
  #waking = 0

  constructor(count: number, work: SlotWork<Job>) {
    this.#work = work
    this.#count = count
    this.#queue = new PQueue({ concurrency: Math.max(1, count) })
  }

  get count(): number {
    return this.#count
  }

  resize(count: number): void {
    this.#count = count
    // p-queue refuses 0; a worker that is free all the same finds no job.
    this.#queue.concurrency = Math.max(1, count)
    // Workers over the new bound end: those that rest now, the others when their job does.
    for (let over = this.#workers - count; over > 0; over -= 1) this.#wake()
    this.fill()
  }

  /** Gives a free slot a job that has begun: it goes before all others. */
  give(job: Job): void {
    this.#given.push(job)
    this.fill()
  }

  /** As many workers as there are jobs to take, those that rest before new ones. */
  fill(): void {
    while (this.#waking < this.#given.length + this.#work.startable()) {
      if (this.#wake()) continue
      if (this.#workers >= this.#count) return
      this.#workers += 1
      this.#waking += 1
      void this.#queue.add(this.#worker)
    }
  }

  #take(): Job | undefined {
    return this.#given.shift() ?? this.#work.take()
  }

  #wake(): boolean {
    const wake = this.#resting.pop()
    if (wake === undefined) return false
    this.#waking += 1
    wake()
    return true
  }

  readonly #worker = async (): Promise<void> => {
    for (;;) {
      this.#waking -= 1
      for (let job = this.#take(); job !== undefined; job = this.#take()) await this.#work.run(job)
      this.#work.rested()
      if (this.#workers > this.#count) break
      await new Promise<void>((wake) => this.#resting.push(wake))
    }
    this.#workers -= 1
    // A job that this worker was woken for is left to another.
    this.fill()
  }
}

/** Who waits for a state to be reached. */
export class Signal {
  readonly #signal = new Set<() => void>()

  /** Settles as soon as the state is reached: now, or after a change. */
  waitUntil(isReached: () => boolean): Promise<void> {
    if (isReached()) return Promise.resolve()
    return new Promise((resolve) => {
      const watcher = () => {
        if (!isReached()) return
        this.#signal.delete(watcher)
        resolve()
      }
      this.#signal.add(watcher)
    })
  }

  /** Something has changed. */
  notify(): void {
    if (this.#signal.size > 0) for (const watcher of this.#signal) watcher()
  }
}
