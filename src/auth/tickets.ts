import type { Role } from './caller.ts'
import { randomBytes } from 'node:crypto'
import { Seal } from './seal.ts'

/** What a ticket lets its bearer do: watch and read one task, in the name of whom it was given to. */
export interface Ticket {
  readonly taskId: string
  readonly callerName: string
  readonly role: Role
  /** Whether it may be cancelled too. */
  readonly mayCancel: boolean
}

const SECRET_BYTES = 32

export function newTicketSecret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url')
}

/**
 * Tickets for readers that cannot send headers: a browser's WebSocket and EventSource. A ticket names its
 * task and its caller and is sealed (HMAC-SHA-256), so that none has to be kept.
 */
export class Tickets {
  readonly #seal: Seal

  /** @param secret what {@link newTicketSecret} made: tickets are good as long as it is kept */
  constructor(secret: string) {
    this.#seal = new Seal(Buffer.from(secret, 'base64url'))
  }

  issue({ taskId, callerName, role, mayCancel }: Ticket): string {
    return this.#seal.seal([taskId, callerName, role, ...(mayCancel ? [true] : [])])
  }

  /** The claims of a ticket; undefined when it is not one of ours. */
  read(text: string): Ticket | undefined {
    // What carries our seal is ours.
    const claims = this.#seal.open(text) as [string, string, Role, true?] | undefined
    if (claims === undefined) return undefined
    const [taskId, callerName, role, mayCancel = false] = claims
    return { taskId, callerName, role, mayCancel }
  }
}
