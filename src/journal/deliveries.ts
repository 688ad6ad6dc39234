/** One webhook that is owed: it is written with the end of its task. */
export interface Delivery {
  /** The `webhook-id` of every try. */
  readonly id: string
  readonly taskId: string
  readonly caller: string
  readonly url: string
  /** Tries so far. */
  readonly attempt: number
  /** When to try next, epoch ms. */
  readonly nextAt: number
}

/** Memory of deliveries that are not done. */
export interface DeliveryJournal {
  /** Those that are due, the longest due first. */
  due(now: number, limit: number): Promise<readonly Delivery[]>
  /** When the next one is due, epoch ms; null: none is owed. */
  nextAt(): Promise<number | null>
  /** Writes down a try that did not succeed. */
  postpone(id: string, attempt: number, nextAt: number): Promise<void>
  /** Strikes it out: delivered, or given up. */
  settle(id: string): Promise<void>
  /** Strikes out all that a caller is owed at an address that wants no more. */
  settleAll(caller: string, url: string): Promise<void>
}
