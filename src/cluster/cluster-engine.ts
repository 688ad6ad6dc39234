import type { Client } from 'pg'
import type { Logger } from 'pino'
import { HeadgateError } from '../task/errors.ts'
import type { StopLimits } from '../lifecycle/queue-view.ts'
import type { Clock } from '../time/clock.ts'
import { Ticker } from '../time/ticker.ts'
import { settledWithin } from '../time/within.ts'
import type { Cluster } from './cluster.ts'
import type { ClusterView } from './cluster-view.ts'
import type { Feed } from './hints/feed.ts'
import { Listener, type Hint } from './hints/hints.ts'
import type { Housekeeping } from './housekeeping.ts'
import { listMembers, report, type Member } from './members/members.ts'
import type { ClusterResources } from './resources/cluster-resources.ts'
import type { ClusterWorker } from './worker/cluster-worker.ts'

export interface ClusterEngineDeps {
  readonly view: ClusterView
  readonly worker: ClusterWorker
  readonly housekeeping: Housekeeping
  readonly feed: Feed
  readonly resources: ClusterResources
  readonly clock: Clock
  readonly log: Logger
  readonly hinted: HintHandlers
}

/** What hints of other processes are about beside the queue. */
export interface HintHandlers {
  /** A webhook is due. */
  readonly webhooks: () => void
  /** What an operator has set may have changed. */
  readonly controls: () => void
}

/** A report of this process, and a look at the numbers, at least this often. */
const LOOK_MS = 1000
/** Behind every hint of controls, and of webhooks, stands a look. */
const POLL_MS = 5000
/** How long another process may still have the name of this one. */
const NAME_WAIT_MS = 5000
const NAME_RETRY_MS = 100
/** What was recorded has this long to be written. */
const WRITING_MS = 5000

/** How this process begins and ends its part of the queue, and what it does while it takes part. */
export class ClusterEngine {
  readonly name = 'postgres'
  readonly #cluster: Cluster
  readonly #deps: ClusterEngineDeps
  readonly #listener: Listener
  readonly #jobs: readonly { readonly start: () => void; readonly stop: () => void }[]
  #isLooking = false

  constructor(cluster: Cluster, deps: ClusterEngineDeps) {
    const { clock, housekeeping, feed, resources } = deps
    this.#cluster = cluster
    this.#deps = deps
    this.#listener = new Listener({
      url: cluster.listenUrl,
      clock,
      // Nobody watches tasks at a worker.
      hasEvents: cluster.kind !== 'worker',
      onHint: (hint) => this.#take(hint),
      onConnection: (client) => this.#connected(client),
    })
    this.#jobs = [
      new Ticker(clock, LOOK_MS, () => void this.#lookSafely()),
      new Ticker(clock, POLL_MS, () => void this.#poll()),
      housekeeping,
      feed,
      resources,
    ]
  }

  listProcesses(): Promise<readonly Member[]> {
    return listMembers(this.#cluster.db)
  }

  async takeOver(): Promise<void> {
    await this.#look()
    await this.#listener.start()
    await this.#haveName()
    for (const job of this.#jobs) job.start()
    if (this.#cluster.kind !== 'web') await this.#deps.worker.start()
  }

  /** @throws HeadgateError `journal-in-use` when another process has the name of this one. */
  async #haveName(): Promise<void> {
    const { leader, name } = this.#cluster
    const { clock } = this.#deps
    const until = clock.monotonic() + NAME_WAIT_MS
    // The connection of one that was killed a moment ago may still be there.
    while (!(await leader.tryToHave(name))) {
      if (clock.monotonic() > until) {
        await this.#listener.stop()
        throw new HeadgateError('journal-in-use', `WORKER_NAME: another process has the name "${name}".`)
      }
      await new Promise<void>((resolve) => clock.after(NAME_RETRY_MS, resolve))
    }
  }

  knowsUnfinished(id: string): boolean {
    const { worker, view } = this.#deps
    return worker.taskOf(id) !== null || view.live(id) !== undefined
  }

  async comeToRest({ skipWait, stopWaitMs, stopGraceMs }: StopLimits): Promise<void> {
    const { worker, resources, clock } = this.#deps
    const { publisher } = this.#cluster
    await settledWithin(Promise.race([worker.whenQuiet(), skipWait]), stopWaitMs, clock)
    worker.abortAll(stopGraceMs)
    await settledWithin(worker.whenQuiet(), stopGraceMs + WRITING_MS, clock)
    await settledWithin(resources.whenWritten(), WRITING_MS, clock)
    worker.stop()
    for (const job of this.#jobs) job.stop()
    await settledWithin(publisher.whenSent(), WRITING_MS, clock)
    await this.#listener.stop()
  }

  #take(hint: Hint): void {
    const { view, worker, feed, resources, hinted } = this.#deps
    if (hint.kind === 'work') {
      view.markChanged()
      view.onChange()
    } else if (hint.kind === 'controls') hinted.controls()
    else if (hint.kind === 'stop') worker.cancel(hint.ids)
    else if (hint.kind === 'resources') {
      if (hint.ids.includes(`${this.#cluster.member}`)) resources.look()
    } else if (hint.kind === 'webhooks') {
      if (this.#cluster.leader.isLeader) hinted.webhooks()
    } else {
      view.markChanged()
      feed.look(hint.ids)
    }
  }

  #connected(client: Client | null): void {
    const { leader, name } = this.#cluster
    leader.use(client)
    if (client === null) return
    void leader.tryToHave(name).catch(() => false)
    void this.#poll()
    this.#deps.feed.lookAtAll()
    this.#deps.view.onChange()
  }

  async #poll(): Promise<void> {
    const { leader } = this.#cluster
    const { hinted } = this.#deps
    hinted.controls()
    await leader.tryToLead().catch(() => undefined)
    if (leader.isLeader) hinted.webhooks()
  }

  async #lookSafely(): Promise<void> {
    if (this.#isLooking) return
    this.#isLooking = true
    try {
      await this.#look()
    } catch (error) {
      this.#deps.log.debug({ err: error }, 'the numbers of the queue could not be read')
    } finally {
      this.#isLooking = false
    }
  }

  async #look(): Promise<void> {
    const { view, worker, feed } = this.#deps
    const { db, member } = this.#cluster
    await report(db, member, { slots: view.ownSlots, busy: worker.running, stuck: worker.stuck })
    view.markChanged()
    // A worker looks when it is asked.
    if (this.#cluster.kind === 'worker') return
    // Somebody waits for the place of a task.
    if (feed.isWatched) await view.freshen()
    else await view.keepFresh()
  }
}
