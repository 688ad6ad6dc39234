import type { FeedEvent, TaskEvent } from '../task/event.ts'
import type { Task } from '../task/task.ts'
import { Subscription, type SubscriptionLimits } from './subscription.ts'

/** Readers of one event that are woken in one turn of the event loop: some 10 ms of writing. */
const MAX_WOKEN_AT_ONCE = 256

/** Publishes live events to subscribers, only what is committed, in the order of the commits. */
export class EventBus {
  readonly #limits: SubscriptionLimits
  readonly #observers: ((task: Task, event: TaskEvent) => void)[] = []
  readonly #subscriptions = new Map<string, Set<Subscription>>()
  /** Those that have events and are not woken yet, in the order in which they are. */
  #toBeWoken: Subscription[] = []

  constructor(limits: SubscriptionLimits) {
    this.#limits = limits
  }

  /** Called for every committed event of every task, in the order of the commits; must not throw. */
  observe(observer: (task: Task, event: TaskEvent) => void): void {
    this.#observers.push(observer)
  }

  /** An event is committed, with the version of its task that it led to. */
  committed(task: Task, event: TaskEvent): void {
    this.publish(event)
    for (const observer of this.#observers) observer(task, event)
  }

  publish(feedEvent: FeedEvent): void {
    let woken = 0
    const isIdle = this.#toBeWoken.length === 0
    for (const subscription of this.#subscriptions.get(feedEvent.taskId) ?? []) {
      if (!subscription.offer(feedEvent)) continue
      woken += 1
      if (isIdle && woken <= MAX_WOKEN_AT_ONCE) subscription.wake()
      else this.#toBeWoken.push(subscription)
    }
    if (isIdle && this.#toBeWoken.length > 0) setImmediate(() => this.#wakeSome())
  }

  /** The next readers; other work of the event loop comes between. */
  #wakeSome(): void {
    const now = this.#toBeWoken.slice(0, MAX_WOKEN_AT_ONCE)
    this.#toBeWoken = this.#toBeWoken.slice(MAX_WOKEN_AT_ONCE)
    for (const subscription of now) subscription.wake()
    if (this.#toBeWoken.length > 0) setImmediate(() => this.#wakeSome())
  }

  /** Listens to one task from now on; iterate the reply, and close it. */
  subscribe(taskId: string): Subscription {
    const subscription = new Subscription(this.#limits, () => this.#remove(taskId, subscription))
    const group = this.#subscriptions.get(taskId) ?? new Set()
    this.#subscriptions.set(taskId, group.add(subscription))
    return subscription
  }

  hasSubscribers(taskId: string): boolean {
    return this.#subscriptions.has(taskId)
  }

  /** Tasks that somebody listens to. */
  get watchedTasks(): Iterable<string> {
    return this.#subscriptions.keys()
  }

  /** Ends every subscription. */
  close(): void {
    for (const group of this.#subscriptions.values()) for (const subscription of group) subscription.close()
  }

  #remove(taskId: string, subscription: Subscription): void {
    const group = this.#subscriptions.get(taskId)
    group?.delete(subscription)
    if (group?.size === 0) this.#subscriptions.delete(taskId)
  }
}
