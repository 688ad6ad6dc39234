import { NOT_DUE, type Delivery, type DeliveryJournal } from '../journal.ts'
import type { Memory } from './records.ts'

export class MemoryDeliveries implements DeliveryJournal {
  readonly #deliveries: Map<string, Delivery>

  constructor({ deliveries }: Memory) {
    this.#deliveries = deliveries
  }

  due(now: number, limit: number, offset = 0): Promise<readonly Delivery[]> {
    const due = this.#inOrder().filter(({ nextAt }) => nextAt <= now)
    return Promise.resolve(due.slice(offset, offset + limit))
  }

  add(delivery: Delivery): Promise<void> {
    this.#deliveries.set(delivery.id, delivery)
    return Promise.resolve()
  }

  nextAt(now = -Infinity): Promise<number | null> {
    const at = this.#inOrder().find(({ nextAt }) => nextAt > now)?.nextAt ?? NOT_DUE
    return Promise.resolve(at === NOT_DUE ? null : at)
  }

  postpone(id: string, attempt: number, nextAt: number): Promise<void> {
    const delivery = this.#deliveries.get(id)
    if (delivery !== undefined) this.#deliveries.set(id, { ...delivery, attempt, nextAt })
    return Promise.resolve()
  }

  settle(id: string): Promise<void> {
    this.#deliveries.delete(id)
    return Promise.resolve()
  }

  settleAll(caller: string, url: string): Promise<void> {
    for (const delivery of this.#deliveries.values()) {
      if (delivery.caller === caller && delivery.url === url) this.#deliveries.delete(delivery.id)
    }
    return Promise.resolve()
  }

  #inOrder(): Delivery[] {
    return [...this.#deliveries.values()].sort((a, b) => a.nextAt - b.nextAt)
  }
}
