/** A webhook of one submit, to be sent when its task ends. */
export interface NewDelivery {
  /** The `webhook-id` of every try. */
  readonly id: string
  readonly caller: string
  readonly url: string
  /** Signs it; null: the server's own secret does. */
  readonly secret: string | null
}

/** When a delivery is due whose task has not ended. */
export const NOT_DUE = Number.MAX_SAFE_INTEGER

/** One webhook that is owed: it is written with the end of its task, or with the submit that joins a known one. */
export interface Delivery extends NewDelivery {
  readonly taskId: string
  /** Tries so far. */
  readonly attempt: number
  /** When to try next, epoch ms. */
  readonly nextAt: number
}

/** Memory of deliveries that are not done. */
export interface DeliveryJournal {
  /** Those that are due, the longest due first, without the first `offset`. */
  due(now: number, limit: number, offset?: number): Promise<readonly Delivery[]>
  /** Adds one for a task that has ended. */
  add(delivery: Delivery): Promise<void>
  /** When the next one is due after `now`, epoch ms; null: none is, or their tasks have not ended. */
  nextAt(now?: number): Promise<number | null>
  /** Writes down a try that did not succeed. */
  postpone(id: string, attempt: number, nextAt: number): Promise<void>
  /** Strikes it out: delivered, or given up. */
  settle(id: string): Promise<void>
  /** Strikes out all that a caller is owed at an address that wants no more. */
  settleAll(caller: string, url: string): Promise<void>
}
