/** What processes of one contender have used of the processors since they were started, ms. */
export interface CpuTimes {
  readonly database: number
  readonly workers: number
  /** Who takes submissions: a web process, or the one that measures where a library is called. */
  readonly submits: number
}

/** One system with its workers running, which does the same work as the others. */
export interface Contender {
  readonly name: string
  /** Submits tasks, some at once, and settles when all of them are done; throws when a reply is not what it has to be. */
  readonly run: (tasks: number) => Promise<void>
  readonly cpu: () => CpuTimes
  readonly stop: () => Promise<void>
}

/** Submissions under way at once. */
export const AT_ONCE = Number(process.env['AT_ONCE'] ?? 32)

/** Calls `work` with each number once, some at once, each lane with its own index. */
export async function inLanes(
  count: number,
  work: (index: number, lane: number) => Promise<void>,
): Promise<void> {
  let next = 0
  const lane = async (_: unknown, index: number) => {
    while (next < count) {
      next += 1
      await work(next, index)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
}

export async function until(isTrue: () => Promise<boolean> | boolean, what: string): Promise<void> {
  const givenUpAt = performance.now() + 120_000
  while (!(await isTrue())) {
    if (performance.now() > givenUpAt) throw new Error(`gave up waiting: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
