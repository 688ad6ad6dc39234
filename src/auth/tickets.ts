import type { Role } from './caller.ts'
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

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
  readonly #secret: Buffer

  /** @param secret what {@link newTicketSecret} made: tickets are good as long as it is kept */
  constructor(secret: string) {
    this.#secret = Buffer.from(secret, 'base64url')
  }

  issue({ taskId, callerName, role, mayCancel }: Ticket): string {
    const claims = [taskId, callerName, role, ...(mayCancel ? [true] : [])]
    const body = Buffer.from(JSON.stringify(claims)).toString('base64url')
    return `${body}.${this.#seal(body).toString('base64url')}`
  }

  /** The claims of a ticket; undefined when it is not one of ours. */
  read(text: string): Ticket | undefined {
    const [body = '', seal = '', ...rest] = text.split('.')
    const given = Buffer.from(seal, 'base64url')
    const right = this.#seal(body)
    if (rest.length > 0 || given.length !== right.length || !timingSafeEqual(given, right)) return undefined
    // What carries our seal is ours.
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as [string, string, Role, true?]
    const [taskId, callerName, role, mayCancel = false] = claims
    return { taskId, callerName, role, mayCancel }
  }

  #seal(body: string): Buffer {
    return createHmac('sha256', this.#secret).update(body).digest()
  }
}
